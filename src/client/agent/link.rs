//! One connection to an agent, and whether it is in step: whether the next object that comes is the reply to the next
//! command. It is out of step when new, and from the first byte of a command until its reply has come whole; so a
//! call that was dropped or timed out leaves it out of step, wherever it stopped.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::address::Address;
use crate::client::connection::served_by;
use crate::client::error::Ending;
use crate::client::farewell;
use crate::client::random::random;
use crate::client::tap::TapPoint;
use crate::client::transport::Transport;
use crate::wire::{Framer, FramingError, Incoming, Limits, Refusal};

/// Why a connection cannot be used any more.
#[derive(Debug)]
pub(super) enum Fault {
    /// It had ended before the first byte of the command.
    Unsent(Ending),
    /// It ended.
    Ended(Ending),
    /// What came is no message.
    Broken(FramingError),
}

/// One connection to an agent.
pub(super) struct Link {
    stream: Box<dyn Transport>,
    framer: Framer,
    dirty: bool,
    address: Address,
    tap: TapPoint,
}

impl Link {
    pub(super) fn new(stream: Box<dyn Transport>, address: Address, tap: TapPoint) -> Self {
        Self {
            stream,
            framer: Framer::delimited(Limits::AGENT),
            dirty: true,
            address,
            tap,
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub(super) fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    pub(super) fn inode(&self) -> Option<u64> {
        self.stream.inode()
    }

    pub(super) fn peer_pid(&self) -> Option<u32> {
        self.stream.peer_pid()
    }

    pub(super) fn is_served_by(&self, pid: u32) -> Option<bool> {
        served_by(pid, self.stream.peer_pid(), self.stream.inode())
    }

    pub(super) fn shut_down(&self) {
        self.stream.shut_down();
    }

    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.stream.duplicate()
    }

    /// Gets into step: a 0xFF ends whatever half command the agent has before it; then all up to the 0xFF before the
    /// reply with our own id is thrown away.
    pub(super) async fn sync(&mut self) -> Result<(), Fault> {
        self.dirty = true;
        let id = random();
        let request = sync_request(id);
        self.framer.set_limits(Limits::AGENT);
        self.framer.discard_to_sentinel();
        self.tap.sent(&self.address, &request);
        let mut bytes = vec![0xff];
        bytes.extend(request);
        self.write(&bytes).await?;
        loop {
            if is_sync_reply(&self.receive().await?, id) {
                self.dirty = false;
                return Ok(());
            }
            self.framer.discard_to_sentinel();
        }
    }

    /// Sends one command and waits for its reply. The link must be in step.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        limits: Limits,
    ) -> Result<Result<Value, Refusal>, Fault> {
        self.dirty = true;
        self.framer.set_limits(limits);
        self.tap.sent(&self.address, request);
        self.write(request).await?;
        loop {
            if let Incoming::Reply { outcome, .. } = Incoming::read(self.receive().await?) {
                // What came beside the reply would be taken for the next one.
                self.dirty = self.framer.has_partial();
                return Ok(outcome);
            }
        }
    }

    /// Sends one command that has no reply on success, and a sync behind it. The link must be in step.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<Result<(), Refusal>, Fault> {
        self.dirty = true;
        let id = random();
        // Without a 0xFF before it: the agent would answer that with an error, as if it meant the command.
        let sync = sync_request(id);
        self.tap.sent(&self.address, request);
        self.write(request).await?;
        self.tap.sent(&self.address, &sync);
        self.write(&sync).await.map_err(Fault::sent)?;
        loop {
            let object = self.receive().await?;
            if is_sync_reply(&object, id) {
                self.dirty = self.framer.has_partial();
                return Ok(Ok(()));
            }
            if let Incoming::Reply {
                outcome: Err(refusal),
                ..
            } = Incoming::read(object)
            {
                return Ok(Err(refusal));
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut sent = 0;
        while sent < bytes.len() {
            let cause = match self.stream.write(&bytes[sent..]).await {
                Ok(0) => Ending::Closed,
                Ok(count) => {
                    sent += count;
                    continue;
                }
                Err(error) => Ending::of(&error),
            };
            return Err(if sent == 0 {
                Fault::Unsent(cause)
            } else {
                Fault::Ended(cause)
            });
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Value, Fault> {
        loop {
            if let Some(object) = self.framer.next_object().map_err(Fault::Broken)? {
                self.tap.received(&self.address, &object);
                return Ok(object);
            }
            let cause = match self.stream.read_buf(self.framer.room()).await {
                Ok(0) if self.framer.has_partial() => Ending::ClosedWithin,
                Ok(0) => Ending::Closed,
                Ok(_) => continue,
                Err(error) => Ending::of(&error),
            };
            return Err(Fault::Ended(farewell::seen(cause, self.peer_pid()).await));
        }
    }
}

fn sync_request(id: u64) -> Vec<u8> {
    format!("{{\"execute\":\"guest-sync-delimited\",\"arguments\":{{\"id\":{id}}}}}\n").into_bytes()
}

fn is_sync_reply(object: &Value, id: u64) -> bool {
    object.get("return").and_then(Value::as_u64) == Some(id)
}

impl Fault {
    /// The same, where a command has left before.
    fn sent(self) -> Self {
        match self {
            Self::Unsent(cause) => Self::Ended(cause),
            other => other,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("dirty", &self.dirty)
            .finish_non_exhaustive()
    }
}
