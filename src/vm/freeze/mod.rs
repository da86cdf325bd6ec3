//! The thaw guarantee: whatever becomes of the script, the shell or its process, a guest that qmpsh froze is thawed.
//!
//! Three hold it. The guard here thaws when it is released, and when its time is over. The guardian, a process of its
//! own, thaws when the shell dies or hangs ([`guardian`]). The record on disk outlives both, for `qmpsh thaw --stale`
//! ([`stale`]). What none of them can do is to thaw a guest whose agent does not answer.

mod error;
pub mod guardian;
mod lifeline;
mod record;
pub mod stale;
mod thaw;

use std::future::Future;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub use self::error::FreezeError;
use self::lifeline::Lifeline;
use self::record::{Frozen, Record};
use self::thaw::Failure;
use super::agent::GuestAgent;
use super::error::{Error, ErrorKind};
use super::machine::{Vm, object};
use super::process::Process;
use crate::client::{self, Agent, Call};

/// How long a freeze lasts at most unless said otherwise.
pub const MAX: Duration = Duration::from_secs(60);

/// How long a shell tries to thaw before it leaves that to the guardian.
const PATIENCE: Duration = Duration::from_secs(180);

/// How a guest is to be frozen.
#[derive(Debug, Clone)]
pub struct FreezeOptions {
    /// The mount points to freeze; all file systems when there are none.
    pub mountpoints: Option<Vec<String>>,
    /// How long the guest stays frozen at most, from the moment the freeze is asked for.
    pub max: Duration,
}

impl Default for FreezeOptions {
    fn default() -> Self {
        Self {
            mountpoints: None,
            max: MAX,
        }
    }
}

/// A frozen guest. All clones are one freeze, and [`Freeze::release`] ends it.
#[derive(Clone)]
pub struct Freeze {
    shared: Arc<Shared>,
}

struct Shared {
    vm: Vm,
    agent: Agent,
    server: Option<Process>,
    count: OnceLock<i64>,
    max: Duration,
    began: Instant,
    hold: Mutex<Hold>,
    expired: CancellationToken,
    released: CancellationToken,
    frozen: OnceLock<Duration>,
}

/// What holds the guest's thaw: taken by the release, whose outcome stays.
enum Hold {
    Held { record: Record, lifeline: Lifeline },
    Releasing,
    Released(Result<(), Error>),
}

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
    /// A guest that is frozen already is refused and left alone.
    pub async fn fsfreeze(
        &self,
        options: &FreezeOptions,
        stop: impl Future<Output = ()>,
    ) -> Result<Freeze, Error> {
        let vm = self.vm();
        if self.fsstatus().await? == "frozen" {
            return Err(vm.error(FreezeError::AlreadyFrozen));
        }
        let agent = self.client().await?.clone();
        let connection = agent.duplicate().await.map_err(|error| vm.error(error))?;
        let server = Process::listening(&connection);
        let frozen = Frozen::now(vm.label(), agent.address(), server, options.max);
        let (record, lifeline) = self.prepare(&frozen, connection).await?;

        let call = match &options.mountpoints {
            Some(list) => Call::new(
                "guest-fsfreeze-freeze-list",
                object(json!({ "mountpoints": list })),
            ),
            None => Call::new("guest-fsfreeze-freeze", object(json!({}))),
        };
        // From here on, dropping the freeze hands the connection to the guardian.
        let freeze = Freeze {
            shared: Arc::new(Shared {
                vm: vm.clone(),
                agent,
                server,
                count: OnceLock::new(),
                max: options.max,
                began: Instant::now(),
                hold: Mutex::new(Hold::Held { record, lifeline }),
                expired: CancellationToken::new(),
                released: CancellationToken::new(),
                frozen: OnceLock::new(),
            }),
        };
        let reply = tokio::select! {
            biased;
            reply = freeze.shared.agent.call(call.within(options.max)) => reply.map_err(ErrorKind::from),
            () = stop => Err(ErrorKind::Interrupted),
        };
        freeze.confirm(reply, options).await?;
        let shared = &freeze.shared;
        let (end, released) = (shared.began + shared.max, shared.released.clone());
        tokio::spawn(expire(Arc::downgrade(shared), end, released));
        Ok(freeze)
    }

    async fn prepare(
        &self,
        frozen: &Frozen,
        connection: OwnedFd,
    ) -> Result<(Record, Lifeline), Error> {
        let unable = |why: String| self.vm().error(FreezeError::NoGuardian(why));
        let settings = self.vm().settings();
        let folder = settings.frozen_dir();
        let record = Record::create(&folder, frozen)
            .map_err(|error| unable(format!("its record in `{}`: {error}", folder.display())))?;
        match Lifeline::start(&settings.guardian, &record, connection).await {
            Ok(lifeline) => Ok((record, lifeline)),
            Err(error) => {
                // Nothing was frozen, so there is nothing to remember.
                record.remove();
                Err(unable(error.to_string()))
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Not released: the guardian thaws now, on the connection that it shares with us.
        if matches!(self.hold.get_mut(), Hold::Held { .. } | Hold::Releasing) {
            self.agent.abandon();
        }
    }
}

impl Freeze {
    /// The number of file systems that are frozen.
    pub fn count(&self) -> i64 {
        self.shared.count.get().copied().unwrap_or(0)
    }

    /// The VM whose guest is frozen.
    pub fn vm(&self) -> &Vm {
        &self.shared.vm
    }

    /// How long the guest was frozen: from the sending of the freeze to the answer of the thaw. Nothing before that.
    pub fn frozen(&self) -> Option<Duration> {
        self.shared.frozen.get().copied()
    }

    /// Returns when the freeze is over: true when it lasted its `max`, and the thaw begins; false when it was released.
    pub async fn ended(&self) -> bool {
        tokio::select! {
            biased;
            () = self.shared.expired.cancelled() => true,
            () = self.shared.released.cancelled() => false,
        }
    }

    /// Whether the guest has been frozen for its `max`.
    pub fn is_expired(&self) -> bool {
        self.shared.expired.is_cancelled()
    }

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
                // It is set here only.
                let _ = self.shared.count.set(count.as_i64().unwrap_or(0));
                return Ok(());
            }
            // Another client froze it while the connection was lost and made anew: not ours to thaw.
            (Err(ErrorKind::Client(client::Error::Frozen { .. })), _) => {
                self.forget().await;
                FreezeError::AlreadyFrozen.into()
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
        Err(self.shared.vm.error(error))
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

    /// Ends a freeze that the agent did not even try, without a thaw.
    async fn forget(&self) {
        let mut hold = self.shared.hold.lock().await;
        if let Hold::Held { record, lifeline } =
            std::mem::replace(&mut *hold, Hold::Released(Ok(())))
        {
            record.remove();
            lifeline.release().await;
        }
    }

    /// Thaws the guest and makes sure that it is thawed.
    ///
    /// Tries for up to 3 min, then leaves it to the guardian and fails. Fails too when the window expired before, and
    /// when something else thawed the guest: a snapshot that was made under this freeze may be inconsistent then.
    /// A second release has the outcome of the first.
    pub async fn release(&self) -> Result<(), Error> {
        let mut hold = self.shared.hold.lock().await;
        let (record, lifeline) = match std::mem::replace(&mut *hold, Hold::Releasing) {
            Hold::Held { record, lifeline } => (record, lifeline),
            // A release that was cut off has left the thaw to the guardian, by dropping the line to it.
            Hold::Releasing => {
                let error = self.shared.vm.error(ErrorKind::Interrupted);
                *hold = Hold::Released(Err(error.clone()));
                return Err(error);
            }
            Hold::Released(outcome) => {
                *hold = Hold::Released(outcome.clone());
                return outcome;
            }
        };
        let outcome = self.thaw(record, lifeline).await;
        *hold = Hold::Released(outcome.clone());
        self.shared.released.cancel();
        outcome
    }

    async fn thaw(&self, record: Record, mut lifeline: Lifeline) -> Result<(), Error> {
        let shared = &*self.shared;
        // A process that was stopped may come here before its timer does.
        let expired = self.is_expired() || Instant::now() >= shared.began + shared.max;
        let thawed =
            thaw::surely(&shared.agent, shared.server, PATIENCE, Some(&mut lifeline)).await;
        let error = |kind: ErrorKind| Err(shared.vm.error(kind));
        match thawed {
            Ok(thawed) => {
                let frozen = thawed.at - shared.began;
                let _ = shared.frozen.set(frozen);
                record.remove();
                lifeline.release().await;
                match thawed.count {
                    _ if expired => error(FreezeError::WindowExpired { max: shared.max }.into()),
                    Some(count) if count < self.count() => error(
                        FreezeError::ThawedElsewhere {
                            frozen: self.count(),
                            thawed: count,
                        }
                        .into(),
                    ),
                    _ => Ok(()),
                }
            }
            Err(Failure::Gone(last)) => {
                // The freeze ended with the VM.
                record.remove();
                lifeline.release().await;
                error(last.into())
            }
            Err(Failure::Patience(last)) => {
                // The guardian goes on, on the connection that it shares with us: we must not read there any more.
                drop(lifeline);
                shared.agent.disconnect().await;
                error(
                    FreezeError::StillFrozen {
                        tried: PATIENCE,
                        last: last.to_string(),
                    }
                    .into(),
                )
            }
        }
    }
}

/// Whether the agent never ran the freeze: it did not get it, does not know it, or is not allowed it.
fn was_not_run(error: &ErrorKind) -> bool {
    let ErrorKind::Client(error) = error else {
        return false;
    };
    match error {
        client::Error::Connect { .. }
        | client::Error::Busy { .. }
        | client::Error::AgentDown { .. }
        | client::Error::Gone { sent: false, .. }
        | client::Error::Disabled { .. } => true,
        client::Error::Refused { class, .. } => class == "CommandNotFound",
        _ => false,
    }
}

/// Thaws the guest when it has been frozen for its `max`.
///
/// It does not keep the freeze alive: one that everybody dropped is the guardian's at once.
async fn expire(freeze: Weak<Shared>, end: Instant, released: CancellationToken) {
    tokio::select! {
        () = sleep_until(end) => {}
        () = released.cancelled() => return,
    }
    let Some(shared) = freeze.upgrade() else {
        return;
    };
    // A release that is under way has the lock, and is no expiry.
    if let Ok(hold) = shared.hold.try_lock()
        && matches!(*hold, Hold::Held { .. })
    {
        shared.expired.cancel();
    }
    // Whoever releases the freeze next is given this outcome.
    let _ = Freeze { shared }.release().await;
}
