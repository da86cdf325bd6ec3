//! A handle on a QMP monitor: cheap to clone, usable from many tasks at once. It numbers requests and waits for
//! replies; the socket is the driver's.

mod driver;
mod handshake;
mod outbox;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::address::Address;
use super::call::Call;
use super::connection::{connect, served_by};
use super::deadline::Deadline;
use super::error::{Ending, Error};
use super::events::{Events, Subscribers};
use super::random::random;
use super::tap::{Channel, LinkChange, Tap, TapPoint};
use super::transport::Transport;
use crate::wire::Greeting;
use crate::wire::message::Outgoing;
use driver::{Driver, Order, Request};
pub use handshake::NEGOTIATION;
use handshake::greet;

/// QEMU stops reading at this many queued commands; it then would not see an out-of-band one either.
const WINDOW: usize = 8;
const WINDOW_WITH_OOB: usize = WINDOW - 1;

/// A connection to a QMP monitor. It closes when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Qmp {
    shared: Arc<Shared>,
    orders: UnboundedSender<Order>,
}

/// What the handles and the driver both see.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: Address,
    pub(super) tap: TapPoint,
    pub(super) subscribers: Subscribers,
    /// How the connection ended, once it has.
    pub(super) ended: OnceLock<Error>,
    /// How many in-band commands may be in flight.
    pub(super) window: usize,
    greeting: Greeting,
    peer_pid: Option<u32>,
    /// The number of the socket's end here.
    inode: Option<u64>,
    oob: bool,
    /// The random part of the ids: a late reply to the client before us may arrive on our connection. It and the serial
    /// are kept short, because QEMU reads a byte at a time, which for a query takes longer than all else.
    prefix: String,
    serial: AtomicU64,
}

impl Shared {
    fn id_of(&self, serial: u64) -> String {
        format!("{}{serial:x}", self.prefix)
    }

    pub(super) fn serial_of(&self, id: &str) -> Option<u64> {
        u64::from_str_radix(id.strip_prefix(self.prefix.as_str())?, 16).ok()
    }

    fn ending(&self) -> Error {
        self.ended
            .get()
            .cloned()
            .unwrap_or_else(|| Error::gone(&self.address, Ending::Released))
    }
}

impl Qmp {
    /// Connects and greets, both within the deadline. Must run within the runtime.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Busy`], [`Error::Silent`], [`Error::NotQmp`], and those of a lost connection.
    pub async fn connect(
        address: &Address,
        deadline: Duration,
        tap: Option<Arc<dyn Tap>>,
    ) -> Result<Self, Error> {
        let until = Deadline::after(deadline);
        match connect(address, Channel::Qmp, deadline).await {
            Ok(stream) => Self::greeted(stream, address.clone(), until, tap).await,
            Err(error) => {
                TapPoint::new(Channel::Qmp, tap).link(address, LinkChange::Failed(&error));
                Err(error)
            }
        }
    }

    /// Greets over a stream that is connected already.
    ///
    /// # Errors
    /// As [`Qmp::connect`].
    pub async fn over<S: Transport>(
        stream: S,
        address: Address,
        deadline: Duration,
        tap: Option<Arc<dyn Tap>>,
    ) -> Result<Self, Error> {
        Self::greeted(stream, address, Deadline::after(deadline), tap).await
    }

    async fn greeted<S: Transport>(
        stream: S,
        address: Address,
        deadline: Deadline,
        tap: Option<Arc<dyn Tap>>,
    ) -> Result<Self, Error> {
        let tap = TapPoint::new(Channel::Qmp, tap);
        let prefix = URL_SAFE_NO_PAD.encode(&random().to_le_bytes()[..3]);
        let (peer_pid, inode) = (stream.peer_pid(), stream.inode());
        tap.link(&address, LinkChange::Connected);
        let ready = match greet(stream, &address, deadline, &format!("{prefix}0"), &tap).await {
            Ok(ready) => ready,
            Err(error) => {
                tap.link(&address, LinkChange::Failed(&error));
                return Err(error);
            }
        };
        let (orders, taken) = unbounded_channel();
        let shared = Arc::new(Shared {
            address,
            tap,
            subscribers: Subscribers::default(),
            ended: OnceLock::new(),
            window: if ready.oob { WINDOW_WITH_OOB } else { WINDOW },
            greeting: ready.greeting,
            peer_pid,
            inode,
            oob: ready.oob,
            prefix,
            serial: AtomicU64::new(1),
        });
        tokio::spawn(Driver::new(
            ready.stream,
            ready.framer,
            taken,
            Arc::clone(&shared),
        ));
        Ok(Self { shared, orders })
    }

    /// Where the monitor is.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// The version and capabilities that the monitor told of itself.
    pub fn greeting(&self) -> &Greeting {
        &self.shared.greeting
    }

    /// The process that listens on the monitor's socket, where that can be seen: QEMU.
    pub fn peer_pid(&self) -> Option<u32> {
        self.shared.peer_pid
    }

    /// Whether that process serves the monitor, where it can be seen: it may have been passed a socket on which another
    /// listened.
    pub fn is_served_by(&self, pid: u32) -> Option<bool> {
        served_by(pid, self.shared.peer_pid, self.shared.inode)
    }

    /// Whether commands may be run out of band.
    pub fn has_oob(&self) -> bool {
        self.shared.oob
    }

    /// Runs a command. Any number may be under way; QEMU gets eight at a time, and runs them in order. Dropping the future
    /// gives the call up: if it was sent, QEMU runs it all the same.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Timeout`], [`Error::NoOutOfBand`], and those of a lost connection.
    pub async fn call(&self, call: Call) -> Result<Value, Error> {
        let Call {
            command,
            arguments,
            oob,
            ..
        } = &call;
        if *oob && !self.shared.oob {
            return Err(Error::NoOutOfBand {
                command: call.command,
            });
        }
        let serial = self.shared.serial.fetch_add(1, Ordering::Relaxed);
        let id = self.shared.id_of(serial);
        let bytes = Outgoing {
            command,
            arguments,
            id: Some(&id),
            oob: *oob,
        }
        .encode();
        let after = call.allowance(bytes.len());
        let (reply, outcome) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let request = Request {
            serial,
            bytes,
            oob: *oob,
            taken: Arc::clone(&taken),
            reply,
        };
        if self.orders.send(Order::Send(request)).is_err() {
            return Err(self.shared.ending().during(command));
        }
        match timeout(after, outcome).await {
            Ok(Ok(Ok(Ok(value)))) => Ok(value),
            Ok(Ok(Ok(Err(refusal)))) => Err(Error::Refused {
                command: call.command,
                class: refusal.class,
                desc: refusal.desc,
            }),
            Ok(Ok(Err(error))) => Err(error.during(command)),
            Ok(Err(_)) => Err(self.shared.ending().during(command)),
            Err(_) => Err(Error::Timeout {
                address: self.shared.address.clone(),
                command: call.command,
                // Taken back, it is not sent any more.
                sent: taken.swap(true, Ordering::AcqRel),
                after,
            }),
        }
    }

    /// Events from now on; those that the connection already holds unread are among them.
    pub fn subscribe(&self) -> Events {
        let events = self.shared.subscribers.add(&self.shared.ended);
        // Of a connection that has ended there are none; the subscriber learns of it.
        let _ = self.orders.send(Order::Listen);
        events
    }

    /// Whether the connection is known to have ended; it is noticed only while the runtime is driven.
    pub fn is_closed(&self) -> bool {
        self.shared.ended.get().is_some()
    }

    /// Closes the connection, for all clones: pending calls end with [`Error::Gone`], and the monitor is free for the next
    /// client when this returns.
    pub async fn close(&self) {
        let (closed, end) = oneshot::channel();
        if self.orders.send(Order::Close(closed)).is_ok() {
            // The driver drops its end together with the socket.
            let _ = end.await;
        }
    }
}
