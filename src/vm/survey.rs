//! Many VMs asked side by side, so that one that is silent delays nobody.

use std::collections::VecDeque;
use std::mem::take;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::machine::Vm;
use super::probe::{Probed, probe, probe_held};
use crate::client::holder::owners;
use crate::client::{Address, Holder, UnixSockets};

/// The most VMs that are asked at a time.
const MOST: usize = 512;
/// The descriptors that asking a VM takes: its monitor and its agent.
const DESCRIPTORS: u64 = 2;
/// The descriptors that are for all else.
const SPARE: u64 = 32;
/// A monitor that somebody holds is looked at once more after this long: management tools hold one for a moment, again
/// and again.
const SECOND_LOOK: Duration = Duration::from_millis(200);

/// Asks all `vms`, and tells of each, by its place in the list, as soon as something is known. Nobody queues on a
/// monitor that another client holds: those are told by who does.
///
/// Takes as long as the slowest VM, which is the run's deadline where one is silent; where the process may open too few
/// descriptors to ask all at once, some wait for others.
pub async fn survey(vms: &[Vm], mut told: impl FnMut(usize, Probed)) {
    let first = look(vms, 0..vms.len());
    let mut waiting = VecDeque::from(first.free);
    let mut tasks = JoinSet::new();
    let limit = at_a_time();
    let mut held = first.held;
    let mut second_look = pin!(sleep(SECOND_LOOK));
    loop {
        while tasks.len() < limit {
            let Some(place) = waiting.pop_front() else {
                break;
            };
            let vm = vms[place].clone();
            tasks.spawn(async move { (place, probe(&vm).await) });
        }
        tokio::select! {
            Some(done) = tasks.join_next() => {
                // A task that panicked has told so itself, and its VM stays unknown.
                if let Ok((place, probed)) = done {
                    told(place, probed);
                }
            }
            () = &mut second_look, if !held.is_empty() => {
                let second = look(vms, take(&mut held).into_iter().map(|(place, _)| place));
                waiting.extend(second.free);
                for (place, holder) in second.held {
                    let vm = vms[place].clone();
                    tasks.spawn(async move { (place, probe_held(&vm, holder).await) });
                }
            }
            else => return,
        }
    }
}

/// Places of VMs, by whether another client holds their monitors.
#[derive(Default)]
struct Look {
    free: Vec<usize>,
    /// With the holder, where that can be seen.
    held: Vec<(usize, Option<Holder>)>,
}

/// Looks whether the monitors of the VMs at these places are held.
fn look(vms: &[Vm], places: impl Iterator<Item = usize>) -> Look {
    let sockets = UnixSockets::now().unwrap_or_default();
    let mut look = Look::default();
    let (mut held, mut clients) = (Vec::new(), Vec::new());
    for place in places {
        let client = match vms[place].target().qmp() {
            Some(Address::Unix(path)) => sockets.client(Path::new(path)),
            _ => None,
        };
        match client {
            None => look.free.push(place),
            Some(client) => {
                held.push(place);
                clients.push(client);
            }
        }
    }
    if !held.is_empty() {
        look.held = held.into_iter().zip(owners(&clients)).collect();
    }
    look
}

/// How many VMs can be asked at a time with the descriptors that this process may have.
fn at_a_time() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let each = limit.saturating_sub(SPARE) / DESCRIPTORS;
    usize::try_from(each).unwrap_or(MOST).clamp(1, MOST)
}
