//! The QEMU behind a monitor, as a process that may have ended.

use std::time::Duration;

use tokio::time::sleep;

use super::error::Error;
use super::machine::Vm;
use super::process::{Process, is_qemu};
use crate::client::Address;

/// QEMU's connections end a moment before its process does.
const LAST_BREATH: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// The QEMU that serves a VM's monitor, where its process can be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server(Option<Process>);

impl Server {
    /// Who serves the monitor now.
    pub(super) async fn of(vm: &Vm) -> Result<Self, Error> {
        Ok(Self(vm.process().await?.and_then(Process::running)))
    }

    /// As [`Server::of`], but only if it is seen to be the QEMU itself that listens there, and no program between.
    pub(super) async fn itself(vm: &Vm) -> Result<Self, Error> {
        let of = Self::of(vm).await?;
        let is_direct = matches!(vm.target().qmp(), Some(Address::Unix(_)));
        Ok(Self(
            of.0.filter(|process| is_direct && is_qemu(process.pid)),
        ))
    }

    /// Its process's number.
    pub(super) fn pid(self) -> Option<u32> {
        self.0.map(|process| process.pid)
    }

    /// Whether its process is seen to have ended. One that cannot be seen may still run.
    pub(super) async fn has_ended(self, vm: &Vm) -> Result<bool, Error> {
        let recording = &vm.settings().recording;
        let of = "whether QEMU has ended";
        let recalled = recording
            .recall(of)
            .map_err(|difference| vm.error(difference))?;
        let ended = match recalled {
            Some(ended) => ended,
            None => self.is_seen_ended().await,
        };
        recording.note(of, &ended);
        Ok(ended)
    }

    async fn is_seen_ended(self) -> bool {
        let Some(process) = self.0 else {
            return false;
        };
        for _ in 0..LAST_BREATH.as_millis() / LOOK.as_millis() {
            if process.has_ended() {
                return true;
            }
            sleep(LOOK).await;
        }
        false
    }
}
