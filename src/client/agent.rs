//! A handle on a guest agent: cheap to clone, connects on first use. The protocol has no ids and one command in flight; what
//! is out of step is brought back into step by a delimited sync before the next command.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::address::Address;
use super::agent_link::{Fault, Link};
use super::call::{Call, SYNC};
use super::connection::{Transport, connect};
use super::error::{Ending, Error, Unreachable};
use super::holder::{Holding, holding};
use super::tap::{Channel, Tap, TapPoint};
use crate::wire::message::Outgoing;
use crate::wire::{Limits, Refusal};

/// A guest agent. The connection closes when the last clone is dropped, or by [`Agent::disconnect`].
#[derive(Clone, Debug)]
pub struct Agent {
    inner: Arc<Inner>,
    sync_deadline: Duration,
}

struct Inner {
    address: Address,
    tap: TapPoint,
    /// Held for as long as a command is in flight.
    slot: Mutex<Option<Link>>,
}

/// What became of a command that has no reply on success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The agent took it, and answered the sync behind it.
    Taken,
    /// The agent answered a sync before it, and nothing since: as it is when the guest goes down or to sleep at once.
    Unanswered,
}

impl Agent {
    /// An agent that is connected to on first use.
    pub fn new(address: Address, tap: Option<Arc<dyn Tap>>) -> Self {
        Self::with(address, tap, None)
    }

    /// An agent over a stream that is connected already; once that is lost, the address is connected to.
    pub fn over<S: Transport>(stream: S, address: Address, tap: Option<Arc<dyn Tap>>) -> Self {
        Self::with(address, tap, Some(Link::new(Box::new(stream))))
    }

    fn with(address: Address, tap: Option<Arc<dyn Tap>>, link: Option<Link>) -> Self {
        let tap = TapPoint::new(Channel::Agent, tap);
        Self {
            inner: Arc::new(Inner {
                address,
                tap,
                slot: Mutex::new(link),
            }),
            sync_deadline: SYNC,
        }
    }

    /// The same handle, whose connects and syncs may take this long instead of five seconds.
    #[must_use]
    pub fn with_sync_deadline(mut self, sync_deadline: Duration) -> Self {
        self.sync_deadline = sync_deadline;
        self
    }

    /// Where the agent is.
    pub fn address(&self) -> &Address {
        &self.inner.address
    }

    /// Runs a command, after those of other tasks. Connects and syncs first where that is due, each within the sync
    /// deadline or the call's own, whichever is shorter. Dropping the future gives the call up; if it was sent, the agent runs
    /// it all the same.
    ///
    /// # Errors
    /// [`Error::AgentDown`] or [`Error::Busy`] before the command was sent; [`Error::Refused`], [`Error::Frozen`],
    /// [`Error::Disabled`]; [`Error::Timeout`], after which it may still run; and those of a lost connection.
    pub async fn call(&self, call: Call) -> Result<Value, Error> {
        let mut slot = self.lock(&call).await?;
        let sync_deadline = self.sync_deadline(&call);
        let link = self.in_step(&mut slot, sync_deadline).await?;
        let request = request(&call);
        let after = call.allowance(request.len());
        let limits = if call.command == "guest-exec-status" {
            Limits::AGENT_OUTPUT
        } else {
            Limits::AGENT
        };
        link.set_limits(limits);
        let mut done = timeout(after, link.exchange(&request, self.peer())).await;
        if let Ok(Err(Fault::Unsent(_))) = done {
            // The connection had ended before; nothing of the command has left.
            *slot = None;
            let link = self.in_step(&mut slot, sync_deadline).await?;
            link.set_limits(limits);
            done = timeout(after, link.exchange(&request, self.peer())).await;
        }
        match done {
            Err(_) => Err(self.timed_out(&call, after)),
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(refusal))) => Err(self
                .explain(&mut slot, call.command, refusal, sync_deadline)
                .await),
            Ok(Err(fault)) => Err(self.lost(&mut slot, fault).during(&call.command)),
        }
    }

    /// Sends a command that has no reply on success (`guest-shutdown`, `guest-suspend-*`: those with `success-response` false
    /// in `guest-info`). The agent is synced before, so that a command for a stopped agent does not wait in a queue and
    /// runs later, and asked behind for up to the sync deadline.
    ///
    /// # Errors
    /// As [`Agent::call`], but no [`Error::Timeout`] once the command was sent.
    pub async fn send(&self, call: Call) -> Result<Sent, Error> {
        let mut slot = self.lock(&call).await?;
        let sync_deadline = self.sync_deadline(&call);
        if let Some(link) = slot.as_mut() {
            link.mark_dirty();
        }
        let link = self.in_step(&mut slot, sync_deadline).await?;
        let request = request(&call);
        match timeout(sync_deadline, link.send(&request, self.peer())).await {
            Ok(Ok(Ok(()))) => Ok(Sent::Taken),
            Ok(Ok(Err(refusal))) => Err(self
                .explain(&mut slot, call.command, refusal, sync_deadline)
                .await),
            // Silence, or the end of the connection, is what a guest that goes down leaves.
            Err(_) => Ok(Sent::Unanswered),
            Ok(Err(Fault::Ended(_))) => {
                *slot = None;
                Ok(Sent::Unanswered)
            }
            Ok(Err(fault)) => Err(self.lost(&mut slot, fault).during(&call.command)),
        }
    }

    /// Connects if need be, and waits until the agent answers a sync.
    ///
    /// # Errors
    /// [`Error::AgentDown`], [`Error::Busy`], [`Error::Connect`].
    pub async fn sync(&self, deadline: Duration) -> Result<(), Error> {
        let mut slot = timeout(deadline, self.inner.slot.lock())
            .await
            .map_err(|_| self.down(deadline))?;
        if let Some(link) = slot.as_mut() {
            link.mark_dirty();
        }
        self.in_step(&mut slot, deadline).await.map(drop)
    }

    /// Another descriptor of the live connection, which is made and synced if need be: for a process that shall hold the
    /// agent's socket when this one is gone. Waits for a command in flight.
    ///
    /// # Errors
    /// As [`Agent::sync`]; [`Error::Connect`] where the system has no more descriptors.
    pub async fn duplicate(&self) -> Result<OwnedFd, Error> {
        let mut slot = self.inner.slot.lock().await;
        let link = self.in_step(&mut slot, self.sync_deadline).await?;
        link.duplicate().map_err(|error| Error::Connect {
            address: self.inner.address.clone(),
            source: Unreachable::Other(error.to_string()),
        })
    }

    /// Closes the connection, once a command in flight has ended; the next call connects again.
    pub async fn disconnect(&self) {
        *self.inner.slot.lock().await = None;
    }

    /// Closes the connection at once, unless a command is in flight: for a `drop`, which cannot wait.
    pub fn abandon(&self) {
        if let Ok(mut slot) = self.inner.slot.try_lock() {
            *slot = None;
        }
    }

    async fn lock(&self, call: &Call) -> Result<MutexGuard<'_, Option<Link>>, Error> {
        timeout(call.deadline, self.inner.slot.lock())
            .await
            .map_err(|_| self.timed_out(call, call.deadline))
    }

    fn sync_deadline(&self, call: &Call) -> Duration {
        self.sync_deadline.min(call.deadline)
    }

    fn peer(&self) -> (&Address, &TapPoint) {
        (&self.inner.address, &self.inner.tap)
    }

    /// A connection that is in step: its next object is the reply to the next command.
    async fn in_step<'s>(
        &self,
        slot: &'s mut Option<Link>,
        deadline: Duration,
    ) -> Result<&'s mut Link, Error> {
        if let Some(link) = slot.as_mut().filter(|link| link.is_dirty()) {
            match timeout(deadline, link.sync(self.peer())).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => *slot = None,
                // The connection is kept: another client must not come between.
                Err(_) => return Err(self.down(deadline)),
            }
        }
        if slot.is_none() {
            let stream = connect(&self.inner.address, deadline).await?;
            let mut link = Link::new(Box::new(stream));
            match timeout(deadline, link.sync(self.peer())).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => return Err(self.fault(fault)),
                Err(_) => {
                    let error = self.silence(&link, deadline);
                    if matches!(error, Error::AgentDown { .. }) {
                        *slot = Some(link);
                    }
                    return Err(error);
                }
            }
            *slot = Some(link);
        }
        slot.as_mut()
            .ok_or_else(|| Error::gone(&self.inner.address, Ending::Released))
    }

    /// Why a new connection gave no answer: the socket serves one client, and the next one waits unseen.
    fn silence(&self, link: &Link, deadline: Duration) -> Error {
        let held = match &self.inner.address {
            Address::Unix(path) => holding(path, link.inode()),
            Address::Tcp { .. } => Holding::Free,
        };
        let address = self.inner.address.clone();
        match held {
            Holding::Free => self.down(deadline),
            Holding::Unseen => Error::Busy {
                address,
                holder: None,
            },
            Holding::By(holder) => Error::Busy {
                address,
                holder: Some(holder),
            },
        }
    }

    /// Tells apart what the agent words alike: frozen, blocked, unknown.
    async fn explain(
        &self,
        slot: &mut Option<Link>,
        command: String,
        refusal: Refusal,
        deadline: Duration,
    ) -> Error {
        let Refusal { class, desc } = refusal;
        if class != "CommandNotFound" {
            return Error::Refused {
                command,
                class,
                desc,
            };
        }
        let known_as = self
            .ask(slot, "guest-info", deadline)
            .await
            .map(|info| enabled(&info, &command));
        let blocked = match known_as {
            Some(listed) => listed == Some(false),
            // `guest-info` itself may be blocked.
            None => desc.contains("disabled"),
        };
        if !blocked {
            return Error::Refused {
                command,
                class,
                desc,
            };
        }
        match self.ask(slot, "guest-fsfreeze-status", deadline).await {
            Some(status) if status == "frozen" => Error::Frozen { command, desc },
            _ => Error::Disabled { command, desc },
        }
    }

    /// The answer to a question of our own; none where there is no good one in time.
    async fn ask(
        &self,
        slot: &mut Option<Link>,
        command: &str,
        deadline: Duration,
    ) -> Option<Value> {
        let link = self.in_step(slot, deadline).await.ok()?;
        let request = request(&Call::new(command, Map::new()));
        match timeout(deadline, link.exchange(&request, self.peer())).await {
            Ok(Ok(outcome)) => outcome.ok(),
            Ok(Err(_)) => {
                *slot = None;
                None
            }
            Err(_) => None,
        }
    }

    fn lost(&self, slot: &mut Option<Link>, fault: Fault) -> Error {
        if let Some(link) = slot.take() {
            // Another process may hold it too, and would keep the next connection waiting.
            link.shut_down();
        }
        self.fault(fault)
    }

    fn fault(&self, fault: Fault) -> Error {
        match fault {
            Fault::Unsent(cause) | Fault::Ended(cause) => Error::gone(&self.inner.address, cause),
            Fault::Broken(what) => Error::framing(&self.inner.address, what),
        }
    }

    fn down(&self, after: Duration) -> Error {
        Error::AgentDown {
            address: self.inner.address.clone(),
            after,
        }
    }

    fn timed_out(&self, call: &Call, after: Duration) -> Error {
        Error::Timeout {
            address: self.inner.address.clone(),
            command: call.command.clone(),
            after,
        }
    }
}

fn request(call: &Call) -> Vec<u8> {
    Outgoing {
        command: &call.command,
        arguments: &call.arguments,
        id: None,
        oob: false,
    }
    .encode()
}

/// Whether `guest-info` lists the command, and as enabled or not.
fn enabled(info: &Value, command: &str) -> Option<bool> {
    let listed = info.get("supported_commands")?.as_array()?;
    listed
        .iter()
        .find(|entry| entry.get("name").is_some_and(|name| name == command))?
        .get("enabled")?
        .as_bool()
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
