//! The beginning of a freeze: everything is ready for its end before its first byte is sent.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::guard::{Freeze, Safety};
use super::lifeline::Lifeline;
use super::record::{Frozen, Record, freezer_of};
use super::{FreezeError, FreezeOptions, Freezer};
use crate::client::libvirt::run_of;
use crate::client::{self, Address, Agent, Call, Channel};
use crate::vm::agent::GuestAgent;
use crate::vm::error::{Error, ErrorKind};
use crate::vm::gate::Passage;
use crate::vm::machine::object;
use crate::vm::process::Process;

/// How long libvirt may take to tell the domain's run.
const LIBVIRT: Duration = Duration::from_secs(5);

impl GuestAgent {
    /// Thaws the guest, whoever froze it (`guest-fsfreeze-thaw`, QEMU 0.15); gives the number of file systems thawed.
    pub async fn fsthaw(&self) -> Result<i64, Error> {
        let reply = self.call("guest-fsfreeze-thaw", object(json!({}))).await?;
        self.integer("guest-fsfreeze-thaw", &reply)
    }

    /// Whether the guest is `frozen` or `thawed` (`guest-fsfreeze-status`, QEMU 0.15).
    pub async fn fsstatus(&self) -> Result<String, Error> {
        let reply = self
            .call("guest-fsfreeze-status", object(json!({})))
            .await?;
        match reply.as_str() {
            Some(status) => Ok(status.to_owned()),
            None => Err(self.vm().reply_error("guest-fsfreeze-status", "status")),
        }
    }

    /// Freezes the guest's file systems (`guest-fsfreeze-freeze`, QEMU 0.15; `-freeze-list`, QEMU 2.2).
    ///
    /// Returns when they are frozen, which takes as long as the guest needs to write its dirty pages. Before the
    /// freeze is sent, a record of it is safe on disk and the guardian is ready. When the freeze is refused or not
    /// answered within `max`, and when `stop` ends while it is waited for, the guest is thawed before this returns.
    /// A guest that is frozen already is refused and left alone. A dry run asks the status only, and gives a freeze of
    /// nothing; a replay has nothing to guard.
    pub async fn fsfreeze(
        &self,
        options: &FreezeOptions,
        stop: impl Future<Output = ()>,
    ) -> Result<Freeze, Error> {
        let vm = self.vm();
        let mut stop = pin!(stop);
        let call = call(options);
        let agent = tokio::select! {
            biased;
            () = &mut stop => return Err(vm.error(ErrorKind::Interrupted)),
            thawed = self.thawed() => thawed?,
        };
        if let Passage::Pretended(_) = vm.gate(Channel::Agent, &call).await? {
            let (max, hold) = (options.max, Safety::Pretended);
            return Ok(Freeze::new(vm.clone(), agent, None, max, hold));
        }
        let (server, safety) = if vm.settings().recording.is_replay() {
            (None, Safety::Unneeded)
        } else {
            self.make_safe(&agent, options).await?
        };
        // From here on, dropping the freeze hands the connection to the guardian.
        let freeze = Freeze::new(vm.clone(), agent, server, options.max, safety);
        let reply = tokio::select! {
            biased;
            () = stop => Err(ErrorKind::Interrupted),
            reply = freeze.agent().call(call) => reply.map_err(ErrorKind::from),
        };
        freeze.confirm(reply, options).await?;
        freeze.keep_time();
        Ok(freeze)
    }

    /// The agent of a guest that is not frozen.
    async fn thawed(&self) -> Result<Agent, Error> {
        let vm = self.vm();
        if self.fsstatus().await? == "frozen" {
            let by = self.freezer(self.client().await?)?;
            return Err(vm.error(FreezeError::AlreadyFrozen(by)));
        }
        Ok(self.client().await?.clone())
    }

    /// Who has frozen the guest of this agent.
    fn freezer(&self, agent: &Agent) -> Result<Freezer, Error> {
        let settings = self.vm().settings();
        let look = || freezer_of(&settings.frozen_dir(), agent.address());
        let seen = settings.recording.observe("who froze the guest", look);
        seen.map_err(|difference| self.vm().error(difference))
    }

    /// Gets ready what thaws the guest when this process cannot; gives the process that serves the agent as well.
    async fn make_safe(
        &self,
        agent: &Agent,
        options: &FreezeOptions,
    ) -> Result<(Option<Process>, Safety), Error> {
        let vm = self.vm();
        // Over libvirt there is no descriptor, and needs to be none: it serves any number of clients.
        let connection = if matches!(agent.address(), Address::Libvirt { .. }) {
            None
        } else {
            let duplicate = agent.duplicate().await;
            Some(duplicate.map_err(|error| vm.error(error))?)
        };
        let server = connection.as_ref().and_then(Process::listening);
        let run = timeout(LIBVIRT, run_of(agent.address())).await;
        let run = run.ok().and_then(Result::ok).flatten();
        let frozen = Frozen::now(vm.label(), agent.address(), server, run, options.max)
            .map_err(|error| vm.error(FreezeError::NoGuardian(error.to_string())))?;
        Ok((server, self.prepare(&frozen, connection).await?))
    }

    async fn prepare(&self, frozen: &Frozen, connection: Option<OwnedFd>) -> Result<Safety, Error> {
        let unable = |why: String| self.vm().error(FreezeError::NoGuardian(why));
        let settings = self.vm().settings();
        let folder = settings.frozen_dir();
        let record = Record::create(&folder, frozen)
            .map_err(|error| unable(format!("its record in `{}`: {error}", folder.display())))?;
        match Lifeline::start(&settings.guardian, &record, connection).await {
            Ok(lifeline) => Ok(Safety::Guarded { record, lifeline }),
            Err(error) => {
                // Nothing was frozen, so there is nothing to remember.
                record.remove();
                Err(unable(error.to_string()))
            }
        }
    }
}

impl Freeze {
    /// Makes sure of the freeze's reply; anything but frozen file systems is undone before this returns.
    async fn confirm(
        &self,
        reply: Result<Value, ErrorKind>,
        options: &FreezeOptions,
    ) -> Result<(), Error> {
        let error = match (reply, &options.mountpoints) {
            (Ok(count), Some(mountpoints)) if count == 0 => {
                self.undo().await?;
                FreezeError::NothingFrozen {
                    mountpoints: mountpoints.clone(),
                }
                .into()
            }
            (Ok(count), _) => {
                self.set_count(count.as_i64().unwrap_or(0));
                return Ok(());
            }
            // Another client froze it while the connection was lost and made anew: not ours to thaw.
            (Err(ErrorKind::Client(client::Error::Frozen { .. })), _) => {
                self.forget().await;
                FreezeError::AlreadyFrozen(Freezer::Unknown).into()
            }
            (Err(error), _) if was_not_run(&error) => {
                self.forget().await;
                error
            }
            // A freeze that was not answered may yet happen; one that failed may be half done.
            (Err(error), _) => {
                self.undo().await?;
                error
            }
        };
        Err(self.vm().error(error))
    }

    /// Thaws after a freeze that failed, whose own error says more than that its time is over.
    async fn undo(&self) -> Result<(), Error> {
        match self.release().await {
            Err(Error {
                kind: ErrorKind::Freeze(FreezeError::WindowExpired { .. }),
                ..
            }) => Ok(()),
            outcome => outcome,
        }
    }
}

/// The command that freezes.
fn call(options: &FreezeOptions) -> Call {
    let call = match &options.mountpoints {
        Some(list) => Call::new(
            "guest-fsfreeze-freeze-list",
            object(json!({ "mountpoints": list })),
        ),
        None => Call::new("guest-fsfreeze-freeze", object(json!({}))),
    };
    call.within(options.max)
}

/// Whether the agent never ran the freeze: it did not get it, does not know it, or is not allowed it.
fn was_not_run(error: &ErrorKind) -> bool {
    let error = match error {
        ErrorKind::Client(error) => error,
        // What the monitor says of an agent that is down.
        ErrorKind::AgentNotRunning | ErrorKind::GuestStill { .. } => return true,
        _ => return false,
    };
    match error {
        client::Error::Connect { .. }
        | client::Error::Busy { .. }
        | client::Error::AgentDown { .. }
        | client::Error::Silent { .. }
        | client::Error::Gone { sent: false, .. }
        | client::Error::Timeout { sent: false, .. }
        | client::Error::Disabled { .. } => true,
        client::Error::Refused { class, .. } => class == "CommandNotFound",
        _ => false,
    }
}
