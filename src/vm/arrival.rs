//! The arrival of a guest in the QEMU that takes it in: whether it is certain that it never ran there, so that it may go on
//! where it came from. Two that run would write to the same disks.

use std::time::Duration;

use super::error::{Error, ErrorKind};
use super::event::filter::Filter;
use super::machine::Vm;
use super::server::Server;
use super::watch::Watch;
use crate::client;

/// How long the end of a connection may take to be seen, once its process has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What is seen of a guest's arrival, from the moment on that this was made.
pub struct Arrival {
    vm: Vm,
    starts: Watch,
    server: Server,
}

impl Vm {
    /// Looks at the arrival of a guest from now on.
    pub async fn arrival(&self) -> Result<Arrival, Error> {
        // Not before the process is known: what is watched is what it says.
        let server = Server::itself(self).await?;
        // QEMU says so before it lets a processor run.
        let starts = Filter::name("RESUME");
        Ok(Arrival {
            vm: self.clone(),
            starts: self.watch(&[starts]).await?,
            server,
        })
    }
}

impl Arrival {
    /// Whether QEMU has ended and had never let the guest run. What cannot be seen for certain is not so: a process that is not
    /// to be seen, or that only passes on what another says, and an event that may have been missed.
    pub async fn has_failed(&mut self) -> Result<bool, Error> {
        if !self.server.has_ended(&self.vm).await? {
            return Ok(false);
        }
        let started = self.starts.wait(LAST_WORDS, |_| Ok::<_, Error>(true)).await;
        let is_end = match started {
            Ok(_) => false,
            Err(error) => matches!(error.kind, ErrorKind::Client(client::Error::Gone { .. })),
        };
        Ok(is_end && self.starts.take_dropped() == 0)
    }
}
