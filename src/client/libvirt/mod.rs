//! VMs whose monitor libvirt holds: reached through libvirt itself, by `virsh` processes that are kept open.
//!
//! A connection to such a VM is a stream in memory. At its other end a task plays the monitor (`monitor`) or the agent
//! (`agent`), and passes each command on to a `virsh` (`pool`, `virsh`); so all above speaks QMP and knows of no libvirt.
//! Nothing is linked, and a host without libvirt misses nothing until such a VM is named.
//!
//! Commands go to virsh by its standard input, never by its command line, which all users of a host can read.

mod agent;
mod domain;
mod event;
mod inbox;
mod marks;
mod monitor;
mod pieces;
mod pool;
mod process;
mod quote;
mod stream;
mod virsh;
mod words;

pub use domain::{Domain, domains, is_here, run_of};
pub use stream::Relayed;

use std::time::Duration;

use super::address::Address;
use super::deadline::Deadline;
use super::error::{Error, Unreachable};
use super::silence::Silence;
use super::tap::Channel;
use domain::Place;

/// A connection to a domain's monitor or agent, once libvirt knows the domain and it runs.
///
/// # Errors
/// [`Error::Connect`] with what libvirt said; [`Error::Silent`] where the monitor does not answer within the deadline.
pub(super) async fn connect(
    address: &Address,
    domain: &str,
    uri: &str,
    to: Channel,
    deadline: Duration,
) -> Result<Relayed, Error> {
    let failed = |obstacle| Error::Connect {
        address: address.clone(),
        source: Unreachable::Libvirt(obstacle),
    };
    let late = |_| Error::Connect {
        address: address.clone(),
        source: Unreachable::TimedOut(deadline),
    };
    let until = Deadline::after(deadline);
    let place = until.bound(Place::find(domain, uri)).await;
    let place = place.map_err(late)?.map_err(failed)?;
    match to {
        Channel::Qmp => match until.bound(monitor::version(&place)).await {
            Ok(version) => {
                let version = version.map_err(failed)?;
                Ok(Relayed::to(|stream, wish| {
                    monitor::serve(place, version, stream, wish)
                }))
            }
            Err(_) => Err(Error::Silent {
                address: address.clone(),
                after: deadline,
                why: Silence::default(),
            }),
        },
        Channel::Agent => {
            // Of one that does not answer now, the synchronization tells.
            if let Ok(asked) = until.bound(agent::knock(&place)).await {
                asked.map_err(failed)?;
            }
            Ok(Relayed::to(|stream, _| agent::serve(place, stream)))
        }
    }
}
