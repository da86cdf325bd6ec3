//! The line to an agent: connected when it is needed, in step before each command, and connected again where it
//! turns out to have ended before a command left. No command is ever sent twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::Sent;
use super::link::{Fault, Link};
use crate::client::address::Address;
use crate::client::call::Call;
use crate::client::connection::{Dial, connect, unserved};
use crate::client::deadline::Deadline;
use crate::client::error::{Ending, Error};
use crate::client::holder::holder;
use crate::client::silence::Reached;
use crate::client::tap::{Channel, LinkChange, TapPoint};
use crate::client::transport::Transport;
use crate::wire::message::Outgoing;
use crate::wire::{Limits, Refusal};

/// The line to an agent, for one user at a time.
pub(super) struct Line {
    address: Address,
    tap: TapPoint,
    /// The process that has to be at the other end; 0 is any.
    server: Arc<AtomicU32>,
    /// What connects, in place of the system.
    dial: Option<Arc<dyn Dial>>,
    link: Option<Link>,
}

impl Line {
    pub(super) fn new(address: Address, tap: TapPoint) -> Self {
        Self {
            address,
            tap,
            server: Arc::default(),
            dial: None,
            link: None,
        }
    }

    pub(super) fn through(dial: Arc<dyn Dial>, address: Address, tap: TapPoint) -> Self {
        Self {
            dial: Some(dial),
            ..Self::new(address, tap)
        }
    }

    pub(super) fn over(stream: Box<dyn Transport>, address: Address, tap: TapPoint) -> Self {
        let link = Some(Link::new(stream, address.clone(), tap.clone()));
        Self {
            link,
            ..Self::new(address, tap)
        }
    }

    /// Where it is kept who has to be at the other end.
    pub(super) fn server(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.server)
    }

    pub(super) fn hang_up(&mut self) {
        self.link = None;
    }

    /// A link that is in step.
    pub(super) async fn in_step(&mut self, deadline: Duration) -> Result<&mut Link, Error> {
        if let Some(link) = self.link.as_mut().filter(|link| link.is_dirty()) {
            let own = link.inode();
            match timeout(deadline, link.sync()).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => drop(self.lost(fault)),
                // The connection is kept: another client must not come between.
                Err(_) => return Err(self.unanswered(own, deadline)),
            }
        }
        if self.link.is_none() {
            self.connect(deadline).await?;
        }
        self.link
            .as_mut()
            .ok_or_else(|| Error::gone(&self.address, Ending::Released))
    }

    /// Waits until the agent answers, even if the link is in step.
    pub(super) async fn sync(&mut self, deadline: Duration) -> Result<(), Error> {
        if let Some(link) = &mut self.link {
            link.mark_dirty();
        }
        self.in_step(deadline).await.map(drop)
    }

    /// Runs one command.
    pub(super) async fn call(
        &mut self,
        call: &Call,
        sync_deadline: Duration,
    ) -> Result<Result<Value, Refusal>, Error> {
        let request = request(call);
        let after = call.allowance(request.len());
        let limits = if call.command == "guest-exec-status" {
            Limits::AGENT_OUTPUT
        } else {
            Limits::AGENT
        };
        let mut outcome = timeout(
            after,
            self.in_step(sync_deadline)
                .await?
                .exchange(&request, limits),
        )
        .await;
        if let Ok(Err(Fault::Unsent(cause))) = &outcome {
            self.tap.link(&self.address, LinkChange::Unsent(cause));
            // The link is out of step now, so it is found broken and made anew.
            outcome = timeout(
                after,
                self.in_step(sync_deadline)
                    .await?
                    .exchange(&request, limits),
            )
            .await;
        }
        match outcome {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(fault)) => Err(self.lost(fault).during(&call.command)),
            Err(_) => Err(Error::Timeout {
                address: self.address.clone(),
                command: call.command.clone(),
                sent: true,
                after,
            }),
        }
    }

    /// Sends one command that has no reply on success.
    pub(super) async fn send(
        &mut self,
        call: &Call,
        sync_deadline: Duration,
    ) -> Result<Result<Sent, Refusal>, Error> {
        self.sync(sync_deadline).await?;
        let link = self.in_step(sync_deadline).await?;
        match timeout(sync_deadline, link.send(&request(call))).await {
            Ok(Ok(taken)) => Ok(taken.map(|()| Sent::Taken)),
            // Silence, or the end of the connection, is what a guest that goes down leaves.
            Err(_) => Ok(Ok(Sent::Unanswered)),
            Ok(Err(Fault::Ended(cause))) => {
                self.tap.link(&self.address, LinkChange::Ended(&cause));
                self.link = None;
                Ok(Ok(Sent::Unanswered))
            }
            Ok(Err(fault)) => Err(self.lost(fault).during(&call.command)),
        }
    }

    async fn connect(&mut self, deadline: Duration) -> Result<(), Error> {
        let connected = self.connect_in_step(deadline).await;
        if let Err(error) = &connected {
            self.tap.link(&self.address, LinkChange::Failed(error));
        }
        connected
    }

    async fn connect_in_step(&mut self, deadline: Duration) -> Result<(), Error> {
        let until = Deadline::after(deadline);
        let stream: Box<dyn Transport> = match &self.dial {
            Some(dial) => dial.dial()?,
            None => Box::new(connect(&self.address, Channel::Agent, deadline).await?),
        };
        self.tap.link(&self.address, LinkChange::Connected);
        let mut link = Link::new(stream, self.address.clone(), self.tap.clone());
        match until.bound(link.sync()).await {
            Ok(Ok(())) => {
                self.expected(&link)?;
                self.link = Some(link);
            }
            Ok(Err(fault)) => return Err(self.lost(fault)),
            Err(_) => {
                let error = self.unanswered(link.inode(), deadline);
                if !matches!(error, Error::Busy { .. }) {
                    self.link = Some(link);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Fails where another process is seen to serve the link than the one that has to.
    fn expected(&self, link: &Link) -> Result<(), Error> {
        let expected = self.server.load(Ordering::Relaxed);
        match link.peer_pid() {
            Some(peer) if expected != 0 && link.is_served_by(expected) == Some(false) => {
                Err(Error::OtherServer {
                    address: self.address.clone(),
                    server: holder(peer),
                    expected,
                })
            }
            _ => Ok(()),
        }
    }

    fn lost(&mut self, fault: Fault) -> Error {
        if let Some(link) = self.link.take() {
            // Another process may hold the connection too, and would keep the next one waiting.
            link.shut_down();
        }
        match &fault {
            Fault::Unsent(cause) => self.tap.link(&self.address, LinkChange::Unsent(cause)),
            Fault::Ended(cause) => self.tap.link(&self.address, LinkChange::Ended(cause)),
            Fault::Broken(what) => {
                let cause = Ending::Failed(what.to_string());
                self.tap.link(&self.address, LinkChange::Ended(&cause));
            }
        }
        match fault {
            Fault::Unsent(cause) => Error::gone(&self.address, cause),
            Fault::Ended(cause) => Error::gone(&self.address, cause).after_sending(),
            Fault::Broken(what) => Error::framing(&self.address, what),
        }
    }

    /// Why there is no answer: another client is served, whoever listens there does not even accept, or the agent is down.
    fn unanswered(&self, own: Option<u64>, after: Duration) -> Error {
        let address = self.address.clone();
        unserved(&self.address, Reached::Connected(own), |why| {
            if why.is_deaf() {
                Error::Silent {
                    address,
                    after,
                    why,
                }
            } else {
                Error::AgentDown { address, after }
            }
        })
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
