//! The guard of a frozen guest: it thaws when it is released, and when its time is over; dropped, it leaves the thaw to the
//! guardian.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use serde_json::Map;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::FreezeError;
use super::lifeline::Lifeline;
use super::record::Record;
use super::thaw::{self, Failure};
use crate::client::{Agent, Call, Channel};
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::Vm;
use crate::vm::process::Process;

/// How long a shell tries to thaw before it leaves that to the guardian.
const PATIENCE: Duration = Duration::from_secs(180);

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
    pretended: bool,
    hold: Mutex<Hold>,
    expired: CancellationToken,
    released: CancellationToken,
    frozen: OnceLock<Duration>,
}

/// What holds the guest's thaw: taken by the release, whose outcome stays.
enum Hold {
    Held(Safety),
    Releasing,
    Released(Result<(), Error>),
}

/// What sees to the thaw when this process cannot.
pub(super) enum Safety {
    /// A record on disk, and the guardian.
    Guarded {
        /// The record.
        record: Record,
        /// The line to the guardian.
        lifeline: Lifeline,
    },
    /// Nothing: the freeze is replayed, and no guest is frozen.
    Unneeded,
    /// Nothing: a dry run only pretends the freeze.
    Pretended,
}

impl Safety {
    /// The line to the guardian, if there is one.
    fn lifeline(&mut self) -> Option<&mut Lifeline> {
        match self {
            Self::Guarded { lifeline, .. } => Some(lifeline),
            Self::Unneeded | Self::Pretended => None,
        }
    }

    /// Ends it: the guest was seen thawed, or is gone.
    async fn end(self) {
        if let Self::Guarded { record, lifeline } = self {
            record.remove();
            lifeline.release().await;
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Not released: the guardian thaws now, on the connection that it shares with us.
        if matches!(
            self.hold.get_mut(),
            Hold::Held(Safety::Guarded { .. }) | Hold::Releasing
        ) {
            self.agent.abandon();
        }
    }
}

impl Freeze {
    /// Takes over a freeze whose first byte is about to be sent.
    pub(super) fn new(
        vm: Vm,
        agent: Agent,
        server: Option<Process>,
        max: Duration,
        safety: Safety,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                vm,
                agent,
                server,
                count: OnceLock::new(),
                max,
                began: Instant::now(),
                pretended: matches!(safety, Safety::Pretended),
                hold: Mutex::new(Hold::Held(safety)),
                expired: CancellationToken::new(),
                released: CancellationToken::new(),
                frozen: OnceLock::new(),
            }),
        }
    }

    /// The agent, on the connection that the guardian shares.
    pub(super) fn agent(&self) -> &Agent {
        &self.shared.agent
    }

    /// Takes note of how many file systems the freeze froze.
    pub(super) fn set_count(&self, count: i64) {
        // The freeze has one answer only.
        let _ = self.shared.count.set(count);
    }

    /// Sees to it that the freeze ends at its `max`, for as long as the runtime is driven.
    pub(super) fn keep_time(&self) {
        let shared = &self.shared;
        let (end, released) = (shared.began + shared.max, shared.released.clone());
        tokio::spawn(expire(Arc::downgrade(shared), end, released));
    }

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

    /// When the guest is thawed if nothing thaws it before.
    pub fn until(&self) -> std::time::Instant {
        (self.shared.began + self.shared.max).into_std()
    }

    /// Whether nothing was frozen, in a dry run.
    pub fn is_pretended(&self) -> bool {
        self.shared.pretended
    }

    /// How long the guest was frozen; in a replay, as it was recorded.
    fn measured(&self, time: Duration) -> Result<Duration, Error> {
        let vm = &self.shared.vm;
        let recording = &vm.settings().recording;
        let of = format!("how long {} was frozen", vm.label());
        recording
            .observe(&of, || time)
            .map_err(|difference| vm.error(difference))
    }

    /// Returns when the freeze is over: true when it lasted its `max`, and the thaw begins; false when it was released.
    pub async fn ended(&self) -> bool {
        tokio::select! {
            biased;
            () = self.shared.expired.cancelled() => true,
            () = self.shared.released.cancelled() => false,
        }
    }

    /// Whether the process that serves the agent is seen to have ended, and the freeze with it.
    pub fn has_lost_vm(&self) -> bool {
        self.shared.server.is_some_and(Process::has_ended)
    }

    /// Whether the guest has been frozen for its `max`.
    pub fn is_expired(&self) -> bool {
        self.shared.expired.is_cancelled()
    }

    /// Ends a freeze that the agent did not even try, without a thaw.
    pub(super) async fn forget(&self) {
        let mut hold = self.shared.hold.lock().await;
        if let Hold::Held(safety) = std::mem::replace(&mut *hold, Hold::Released(Ok(()))) {
            safety.end().await;
        }
    }

    /// Thaws the guest and makes sure that it is thawed.
    ///
    /// Tries for up to 3 min, then leaves it to the guardian and fails. Fails too when the window expired before, and
    /// when something else thawed the guest: a snapshot that was made under this freeze may be inconsistent then.
    /// A second release has the outcome of the first.
    pub async fn release(&self) -> Result<(), Error> {
        let mut hold = self.shared.hold.lock().await;
        let safety = match std::mem::replace(&mut *hold, Hold::Releasing) {
            Hold::Held(safety) => safety,
            // A release that was cut off has left the thaw to the guardian, by dropping the line to it.
            Hold::Releasing => {
                self.shared.agent.disconnect().await;
                let error = self.shared.vm.error(ErrorKind::Interrupted);
                *hold = Hold::Released(Err(error.clone()));
                return Err(error);
            }
            Hold::Released(outcome) => {
                *hold = Hold::Released(outcome.clone());
                return outcome;
            }
        };
        let outcome = if self.is_pretended() {
            self.pretend_thaw().await
        } else {
            self.thaw(safety).await
        };
        *hold = Hold::Released(outcome.clone());
        self.shared.released.cancel();
        outcome
    }

    /// Tells the thaw that a dry run does not send.
    async fn pretend_thaw(&self) -> Result<(), Error> {
        let _ = self.shared.frozen.set(Duration::ZERO);
        let thaw = Call::new("guest-fsfreeze-thaw", Map::new());
        let passage = self.shared.vm.gate(Channel::Agent, &thaw).await;
        passage.map(drop)
    }

    async fn thaw(&self, mut safety: Safety) -> Result<(), Error> {
        let shared = &*self.shared;
        // A process that was stopped may come here before its timer does.
        let expired = self.is_expired() || Instant::now() >= shared.began + shared.max;
        let thawed = thaw::surely(&shared.agent, shared.server, PATIENCE, safety.lifeline()).await;
        let error = |kind: ErrorKind| Err(shared.vm.error(kind));
        match thawed {
            Ok(thawed) => {
                safety.end().await;
                let frozen = self.measured(thawed.at - shared.began)?;
                let _ = shared.frozen.set(frozen);
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
                safety.end().await;
                error(last.into())
            }
            Err(Failure::Patience(last)) => {
                // The guardian goes on, on the connection that it shares with us: we must not read there any more.
                drop(safety);
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
    let is_held = |hold: MutexGuard<'_, Hold>| matches!(*hold, Hold::Held(_));
    if shared.hold.try_lock().is_ok_and(is_held) {
        shared.expired.cancel();
    }
    // Whoever releases the freeze next is given this outcome.
    let _ = Freeze { shared }.release().await;
}
