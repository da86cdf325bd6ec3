//! Whether what answers at a VM's monitor is the VM that was found there: another may have taken the socket over since, and
//! two QEMUs may have been told the same one. Nothing that changes a VM is sent before that is known.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::error::{Error, ErrorKind};
use super::machine::{NO_UUID, Vm};
use super::target::Identity;
use crate::client::{Address, Call, Qmp};

/// What is expected of a VM, and whether the connection that is open now has been seen to lead to it.
#[derive(Default)]
pub(super) struct Proof(Mutex<Expected>);

#[derive(Default)]
struct Expected {
    identity: Identity,
    is_proven: bool,
}

impl Proof {
    pub(super) fn of(identity: Identity) -> Self {
        Self(Mutex::new(Expected {
            identity,
            is_proven: false,
        }))
    }

    /// The VM was found once more, perhaps as something else than before: what was found last counts. Who only typed its
    /// address expects nothing, and takes nothing back.
    pub(super) fn expect(&self, identity: &Identity) {
        self.change(|expected| {
            if *identity != Identity::default() && *identity != expected.identity {
                expected.identity = identity.clone();
                expected.is_proven = false;
            }
        });
    }

    /// There is a new connection, of which nothing is known.
    pub(super) fn begin_again(&self) {
        self.change(|expected| expected.is_proven = false);
    }

    /// What is still to be proven.
    fn open(&self) -> Option<Identity> {
        self.change(|expected| (!expected.is_proven).then(|| expected.identity.clone()))
    }

    fn close(&self, proven: &Identity) {
        self.change(|expected| expected.is_proven = expected.identity == *proven);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Expected) -> T) -> T {
        // It is whole at any time.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Vm {
    /// Makes sure that the connection leads to the VM that is expected. Asks nothing where nothing is expected or the
    /// process at the other end is the one that was found; else `query-uuid`, or `query-name` for a VM without a UUID.
    pub(super) async fn prove(&self, monitor: &Qmp) -> Result<(), Error> {
        let Some(expected) = self.proof().open() else {
            return Ok(());
        };
        // libvirt knows its domains by itself.
        let is_socket = matches!(monitor.address(), Address::Unix(_) | Address::Tcp { .. });
        // A replay has no process to compare, and the run that it plays had: what was asked then is asked again.
        let is_played = self.settings().recording.is_replay();
        let peer = match monitor.address() {
            Address::Unix(_) if is_played => expected.pid,
            _ => monitor.peer_pid(),
        };
        let is_proven = !is_socket
            || (expected.pid.is_some() && expected.pid == peer)
            || match (&expected.uuid, &expected.name) {
                (Some(uuid), _) => self.uuid_at(monitor).await?.as_ref() == Some(uuid),
                (None, Some(name)) => self.name_at(monitor).await?.as_ref() == Some(name),
                // Only its process is known, and where that cannot be compared, nothing.
                (None, None) => expected.pid.is_none() || peer.is_none(),
            };
        if is_proven {
            self.proof().close(&expected);
            return Ok(());
        }
        Err(self.error(ErrorKind::OtherVm {
            name: self.name_at(monitor).await?,
            uuid: self.uuid_at(monitor).await?,
        }))
    }

    async fn name_at(&self, monitor: &Qmp) -> Result<Option<String>, Error> {
        let reply = self.ask(monitor, "query-name").await?;
        Ok(reply["name"].as_str().map(str::to_owned))
    }

    async fn uuid_at(&self, monitor: &Qmp) -> Result<Option<String>, Error> {
        let reply = self.ask(monitor, "query-uuid").await?;
        let uuid = reply["UUID"].as_str().filter(|uuid| *uuid != NO_UUID);
        Ok(uuid.map(str::to_ascii_lowercase))
    }

    async fn ask(&self, monitor: &Qmp, command: &str) -> Result<Value, Error> {
        let call = self.settings().deadline(Call::new(command, Map::new()));
        let reply = monitor.call(call).await;
        reply.map_err(|error| self.error(error))
    }
}
