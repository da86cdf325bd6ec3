//! The task that alone owns a monitor's socket: it writes requests, hands replies to the calls that wait for them,
//! and events to the subscribers. It ends with the connection, and tells everybody how.
//!
//! It is one hand-written future rather than a reader and a writer: a call's way is then one write and one read, with
//! no lock and no task switch between them.

use std::collections::{BTreeMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot::Sender;

use super::Shared;
use super::outbox::Outbox;
use crate::client::error::{Ending, Error};
use crate::client::farewell;
use crate::client::tap::LinkChange;
use crate::client::transport::Transport;
use crate::wire::{Framer, Incoming, Refusal};

/// What a waiting call gets.
pub(super) type Outcome = Result<Result<Value, Refusal>, Error>;

/// What a handle asks of the driver.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this, and pass on the reply.
    Send(Request),
    /// See to it that events come.
    Listen,
    /// Close the connection; answered by its end.
    Close(Sender<()>),
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) serial: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) oob: bool,
    /// Set by who is first: the driver that sends it, or the caller that gives it up.
    pub(super) taken: Arc<AtomicBool>,
    pub(super) reply: Sender<Outcome>,
}

#[derive(Debug)]
struct Pending {
    oob: bool,
    /// Where its first byte is, counted from the first that this driver was to send.
    begins: u64,
    reply: Sender<Outcome>,
}

pub(super) struct Driver<S> {
    stream: S,
    framer: Framer,
    orders: UnboundedReceiver<Order>,
    shared: Arc<Shared>,
    /// In-band requests that wait for a place in QEMU's queue.
    waiting: VecDeque<Request>,
    /// Sent, in whole or in part. A call that was given up stays until its reply has come: QEMU still works on it.
    pending: BTreeMap<u64, Pending>,
    in_band: usize,
    outbox: Outbox,
    closing: Option<Sender<()>>,
    /// Finds out how the connection ended, once it has.
    farewell: Option<Farewell>,
}

type Farewell = Pin<Box<dyn Future<Output = Ending> + Send>>;

impl<S: Transport> Driver<S> {
    pub(super) fn new(
        stream: S,
        framer: Framer,
        orders: UnboundedReceiver<Order>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            stream,
            framer,
            orders,
            shared,
            waiting: VecDeque::new(),
            pending: BTreeMap::new(),
            in_band: 0,
            outbox: Outbox::default(),
            closing: None,
            farewell: None,
        }
    }

    /// Works until the connection ends.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            if let Err(error) = self.dispatch() {
                return Poll::Ready(error);
            }
            if let Poll::Ready(cause) = self.take_orders(cx) {
                return Poll::Ready(Error::gone(&self.shared.address, cause));
            }
            // A failed write ends nothing: what the peer said last is still to be read, and then its end.
            self.outbox.write(&mut self.stream, cx);
            if let Some(cause) = ready!(self.read(cx)) {
                return Poll::Ready(Error::gone(&self.shared.address, cause));
            }
        }
    }

    /// Takes what the handles ask; ready once the connection is to be closed on this side.
    fn take_orders(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            match ready!(self.orders.poll_recv(cx)) {
                Some(Order::Send(request)) if request.oob => drop(self.send(request)),
                Some(Order::Send(request)) => {
                    // Requests of calls that were given up must not pile up behind a monitor that hangs.
                    self.waiting.retain(|request| !request.reply.is_closed());
                    self.waiting.push_back(request);
                    self.fill_window();
                }
                Some(Order::Listen) => self.stream.listen(),
                Some(Order::Close(closed)) => {
                    self.closing = Some(closed);
                    return Poll::Ready(Ending::Released);
                }
                None => return Poll::Ready(Ending::Released),
            }
        }
    }

    /// Sends what waits, as far as QEMU's queue takes it.
    fn fill_window(&mut self) {
        while self.in_band < self.shared.window {
            let Some(request) = self.waiting.pop_front() else {
                return;
            };
            if self.send(request) {
                self.in_band += 1;
            }
        }
    }

    /// Sends a request, unless its call was given up before; tells whether it was sent.
    fn send(&mut self, request: Request) -> bool {
        if request.reply.is_closed() || request.taken.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.shared.tap.sent(&self.shared.address, &request.bytes);
        let begins = self.outbox.push(request.bytes);
        self.pending.insert(
            request.serial,
            Pending {
                oob: request.oob,
                begins,
                reply: request.reply,
            },
        );
        true
    }

    /// One read; ready with how the connection ended, or with nothing where bytes came.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ending>> {
        let read = ready!(pin!(self.stream.read_buf(self.framer.room())).poll(cx));
        Poll::Ready(match read {
            Ok(0) if self.framer.has_partial() => Some(Ending::ClosedWithin),
            Ok(0) => Some(Ending::Closed),
            Ok(_) => None,
            Err(error) => Some(Ending::of(&error)),
        })
    }

    /// Passes on all that has been received whole.
    fn dispatch(&mut self) -> Result<(), Error> {
        while let Some(object) = self
            .framer
            .next_object()
            .map_err(|what| Error::framing(&self.shared.address, what))?
        {
            let size = self.framer.last_size();
            self.shared.tap.received(&self.shared.address, &object);
            match Incoming::read(object) {
                Incoming::Reply { id, outcome } => self.answer(id.as_ref(), outcome),
                Incoming::Event(event) => self.shared.subscribers.publish(event, size),
                // A newer QEMU may say what we do not know.
                Incoming::Greeting(_) | Incoming::Other(_) => {}
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: Option<&Value>, outcome: Result<Value, Refusal>) {
        let serial = match id {
            Some(id) => id.as_str().and_then(|id| self.shared.serial_of(id)),
            // QEMU could not parse a request; it parses them in the order that they came.
            None if outcome.as_ref().is_err_and(is_parse_error) => {
                self.pending.keys().next().copied()
            }
            None => None,
        };
        // All else belongs to a client before us, or answers a second time.
        let Some(pending) = serial.and_then(|serial| self.pending.remove(&serial)) else {
            return;
        };
        // The caller may be gone.
        let _ = pending.reply.send(Ok(outcome));
        if !pending.oob {
            self.in_band -= 1;
            self.fill_window();
        }
    }
}

impl<S> Driver<S> {
    /// Tells everybody how the connection ended.
    fn finish(&mut self, error: &Error) {
        let cause = match error {
            Error::Gone { cause, .. } => cause.clone(),
            other => Ending::Failed(other.to_string()),
        };
        if cause != Ending::Released {
            let change = LinkChange::Ended(&cause);
            self.shared.tap.link(&self.shared.address, change);
        }
        // In this order: whoever can still place an order finds it refused, and then the reason.
        let _ = self.shared.ended.set(error.clone());
        self.orders.close();
        self.shared.subscribers.end(error);
        for (_, pending) in std::mem::take(&mut self.pending) {
            let begun = pending.begins < self.outbox.written;
            let error = error.clone();
            let _ = pending
                .reply
                .send(Err(if begun { error.after_sending() } else { error }));
        }
        for request in self.waiting.drain(..) {
            let _ = request.reply.send(Err(error.clone()));
        }
        while let Ok(order) = self.orders.try_recv() {
            if let Order::Send(request) = order {
                let _ = request.reply.send(Err(error.clone()));
            }
        }
    }
}

/// Errors that QEMU raises before it knows a request's id.
fn is_parse_error(refusal: &Refusal) -> bool {
    refusal.desc.starts_with("JSON ") || refusal.desc.starts_with("Invalid JSON")
}

impl<S: Transport> Future for Driver<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        loop {
            let error = if let Some(farewell) = &mut driver.farewell {
                let cause = ready!(farewell.as_mut().poll(cx));
                Error::gone(&driver.shared.address, cause)
            } else {
                match ready!(driver.advance(cx)) {
                    Error::Gone { cause, .. } => {
                        let seen = farewell::seen(cause, driver.shared.peer_pid);
                        driver.farewell = Some(Box::pin(seen));
                        continue;
                    }
                    error => error,
                }
            };
            driver.finish(&error);
            return Poll::Ready(());
        }
    }
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        // The runtime may end before the connection does.
        if self.shared.ended.get().is_none() {
            self.finish(&Error::gone(&self.shared.address, Ending::Released));
        }
    }
}
