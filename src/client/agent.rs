//! A handle on a guest agent: cheap to clone, connects on first use. The protocol has no ids and one command in flight, so
//! calls of several tasks follow each other.

mod line;
mod link;
mod refusal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::address::Address;
use super::call::{Call, SYNC};
use super::connection::Dial;
use super::error::{Error, Unreachable};
use super::tap::{Channel, Tap, TapPoint};
use super::transport::Transport;
use line::Line;
use refusal::explained;

/// A guest agent. The connection closes when the last clone is dropped, or by [`Agent::disconnect`].
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
    sync_deadline: Duration,
}

struct Inner {
    address: Address,
    /// The process that has to serve the socket; 0 is any.
    server: Arc<AtomicU32>,
    /// Held for as long as a command is in flight.
    line: Mutex<Line>,
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
        let tap = TapPoint::new(Channel::Agent, tap);
        Self::on(Line::new(address.clone(), tap), address)
    }

    /// An agent over a stream that is connected already; once that is lost, the address is connected to.
    pub fn over<S: Transport>(stream: S, address: Address, tap: Option<Arc<dyn Tap>>) -> Self {
        let tap = TapPoint::new(Channel::Agent, tap);
        Self::on(Line::over(Box::new(stream), address.clone(), tap), address)
    }

    /// An agent whose connections, all of them, are made by `dial`; the address is for messages only.
    pub fn through(dial: Arc<dyn Dial>, address: Address, tap: Option<Arc<dyn Tap>>) -> Self {
        let tap = TapPoint::new(Channel::Agent, tap);
        Self::on(Line::through(dial, address.clone(), tap), address)
    }

    fn on(line: Line, address: Address) -> Self {
        let inner = Inner {
            address,
            server: line.server(),
            line: Mutex::new(line),
        };
        Self {
            inner: Arc::new(inner),
            sync_deadline: SYNC,
        }
    }

    /// The same handle, whose connects and syncs may take this long instead of five seconds.
    #[must_use]
    pub fn with_sync_deadline(mut self, sync_deadline: Duration) -> Self {
        self.sync_deadline = sync_deadline;
        self
    }

    /// Has each connection from now on refused, before its first command, that another process is seen to serve than
    /// this one. Where nothing can be seen, nothing is refused.
    pub fn expect_server(&self, pid: Option<u32>) {
        let pid = pid.unwrap_or_default();
        self.inner.server.store(pid, Ordering::Relaxed);
    }

    /// Where the agent is.
    pub fn address(&self) -> &Address {
        &self.inner.address
    }

    /// Runs a command, after those of other tasks. Connects and syncs first where that is due, within the sync deadline
    /// or the call's own, whichever is shorter. Dropping the future gives the call up; if it was sent, the agent runs it
    /// all the same.
    ///
    /// # Errors
    /// [`Error::AgentDown`], [`Error::Busy`], [`Error::Connect`] or [`Error::OtherServer`] before the command was sent; [`Error::Refused`],
    /// [`Error::Frozen`], [`Error::Disabled`]; [`Error::Timeout`]; and those of a lost
    /// connection.
    pub async fn call(&self, call: Call) -> Result<Value, Error> {
        let mut line = self.lock(&call).await?;
        let sync_deadline = self.sync_deadline.min(call.deadline);
        match line.call(&call, sync_deadline).await? {
            Ok(value) => Ok(value),
            Err(refusal) => Err(explained(&mut line, call.command, refusal, sync_deadline).await),
        }
    }

    /// Sends a command that has no reply on success (`guest-shutdown`, `guest-suspend-*`: those with `success-response` false
    /// in `guest-info`). The agent is synced before, so that a command for a stopped agent does not wait in a queue and
    /// run later, and asked behind for up to the sync deadline.
    ///
    /// # Errors
    /// As [`Agent::call`], but no [`Error::Timeout`] once the command was sent.
    pub async fn send(&self, call: Call) -> Result<Sent, Error> {
        let mut line = self.lock(&call).await?;
        let sync_deadline = self.sync_deadline.min(call.deadline);
        match line.send(&call, sync_deadline).await? {
            Ok(sent) => Ok(sent),
            Err(refusal) => Err(explained(&mut line, call.command, refusal, sync_deadline).await),
        }
    }

    /// Connects if need be, and waits until the agent answers a sync.
    ///
    /// # Errors
    /// [`Error::AgentDown`], [`Error::Busy`], [`Error::Connect`].
    pub async fn sync(&self, deadline: Duration) -> Result<(), Error> {
        self.lock_to_sync(deadline).await?.sync(deadline).await
    }

    /// Another descriptor of the live connection, which is made and synced if need be: for a process that shall hold the
    /// agent's socket when this one is gone. Waits for a command in flight, for up to the sync deadline.
    ///
    /// # Errors
    /// As [`Agent::sync`]; [`Error::Connect`] where the system has no more descriptors.
    pub async fn duplicate(&self) -> Result<OwnedFd, Error> {
        let mut line = self.lock_to_sync(self.sync_deadline).await?;
        let connected = line.in_step(self.sync_deadline).await?;
        connected.duplicate().map_err(|error| Error::Connect {
            address: self.inner.address.clone(),
            source: Unreachable::Other(error.to_string()),
        })
    }

    /// Closes the connection, once a command in flight has ended; the next call connects again. A command that is still in
    /// flight after the sync deadline keeps its connection.
    pub async fn disconnect(&self) {
        if let Ok(mut line) = self.lock_to_sync(self.sync_deadline).await {
            line.hang_up();
        }
    }

    /// Closes the connection at once, unless a command is in flight: for a `drop`, which cannot wait.
    pub fn abandon(&self) {
        if let Ok(mut line) = self.inner.line.try_lock() {
            line.hang_up();
        }
    }

    async fn lock_to_sync(&self, deadline: Duration) -> Result<MutexGuard<'_, Line>, Error> {
        let locked = timeout(deadline, self.inner.line.lock()).await;
        locked.map_err(|_| Error::AgentDown {
            address: self.inner.address.clone(),
            after: deadline,
        })
    }

    async fn lock(&self, call: &Call) -> Result<MutexGuard<'_, Line>, Error> {
        let locked = timeout(call.deadline, self.inner.line.lock()).await;
        locked.map_err(|_| Error::Timeout {
            address: self.inner.address.clone(),
            command: call.command.clone(),
            sent: false,
            after: call.deadline,
        })
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("address", &self.inner.address)
            .finish_non_exhaustive()
    }
}
