//! The first words with a monitor: its greeting, and `qmp_capabilities`. From there the driver takes over.

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::address::Address;
use crate::client::connection::unserved;
use crate::client::deadline::Deadline;
use crate::client::error::{Ending, Error, Unreachable};
use crate::client::silence::Reached;
use crate::client::tap::TapPoint;
use crate::client::transport::Transport;
use crate::wire::escape::excerpt;
use crate::wire::message::Outgoing;
use crate::wire::{Framer, FramingError, Greeting, Incoming, Limits};

/// The command with which a client and a monitor come to terms, once a connection.
pub const NEGOTIATION: &str = "qmp_capabilities";

/// A monitor ready for commands.
#[derive(Debug)]
pub(super) struct Ready<S> {
    pub(super) stream: S,
    /// What the monitor has sent beyond the handshake is in there.
    pub(super) framer: Framer,
    pub(super) greeting: Greeting,
    /// Whether out-of-band execution was enabled.
    pub(super) oob: bool,
}

/// Greets, and enables what is offered, all within the deadline.
pub(super) async fn greet<S: Transport>(
    stream: S,
    address: &Address,
    deadline: Deadline,
    id: &str,
    tap: &TapPoint,
) -> Result<Ready<S>, Error> {
    let reached = Reached::Connected(stream.inode());
    let mut first = Conversation {
        stream,
        framer: Framer::new(Limits::QMP),
        address,
        tap,
    };
    let Ok(greeting) = deadline.bound(first.greeting()).await else {
        return Err(unserved(address, reached, |why| Error::Silent {
            address: address.clone(),
            after: deadline.given,
            why,
        }));
    };
    let greeting = greeting?;
    let oob = greeting
        .capabilities
        .iter()
        .any(|capability| capability == "oob");
    let negotiated = deadline.bound(first.negotiate(NEGOTIATION, id, oob)).await;
    negotiated.map_err(|_| Error::Timeout {
        address: address.clone(),
        command: NEGOTIATION.to_owned(),
        sent: true,
        after: deadline.given,
    })??;
    Ok(Ready {
        stream: first.stream,
        framer: first.framer,
        greeting,
        oob,
    })
}

struct Conversation<'a, S> {
    stream: S,
    framer: Framer,
    address: &'a Address,
    tap: &'a TapPoint,
}

impl<S: Transport> Conversation<'_, S> {
    async fn greeting(&mut self) -> Result<Greeting, Error> {
        loop {
            let object = self.receive().await.map_err(not_qmp)?;
            match Incoming::read(object) {
                Incoming::Greeting(greeting) => return Ok(greeting),
                // A late word to the client before us.
                Incoming::Reply { .. } | Incoming::Event(_) => {}
                Incoming::Other(object) => {
                    let excerpt = excerpt(object.to_string().as_bytes());
                    return Err(Error::NotQmp {
                        address: self.address.clone(),
                        excerpt,
                    });
                }
            }
        }
    }

    async fn negotiate(&mut self, command: &str, id: &str, oob: bool) -> Result<(), Error> {
        let mut arguments = Map::new();
        if oob {
            arguments.insert("enable".to_owned(), json!(["oob"]));
        }
        let request = Outgoing {
            command,
            arguments: &arguments,
            id: Some(id),
            oob: false,
        }
        .encode();
        self.tap.sent(self.address, &request);
        let written = self.stream.write_all(&request).await;
        written.map_err(|error| self.left(Ending::of(&error)))?;
        loop {
            let received = self.receive().await.map_err(|error| match error {
                Error::Gone { cause, .. } => self.left(cause),
                other => other,
            });
            match Incoming::read(received?) {
                Incoming::Reply {
                    id: Some(Value::String(of)),
                    outcome,
                } if of == id => {
                    return outcome.map(drop).map_err(|refusal| Error::Refused {
                        command: command.to_owned(),
                        class: refusal.class,
                        desc: refusal.desc,
                    });
                }
                // Late words to the client before us.
                _ => {}
            }
        }
    }

    /// No command was sent on the connection yet: it did not come about.
    fn left(&self, cause: Ending) -> Error {
        Error::Connect {
            address: self.address.clone(),
            source: Unreachable::Left(cause),
        }
    }

    async fn receive(&mut self) -> Result<Value, Error> {
        loop {
            let next = self
                .framer
                .next_object()
                .map_err(|what| Error::framing(self.address, what))?;
            if let Some(object) = next {
                self.tap.received(self.address, &object);
                return Ok(object);
            }
            let read = self.stream.read_buf(self.framer.room()).await;
            let cause = match read {
                Ok(0) if self.framer.has_partial() => Ending::ClosedWithin,
                Ok(0) => Ending::Closed,
                Ok(_) => continue,
                Err(error) => Ending::of(&error),
            };
            return Err(Error::gone(self.address, cause));
        }
    }
}

/// Before the greeting, what is no JSON shows that the peer is no monitor at all.
fn not_qmp(error: Error) -> Error {
    match error {
        Error::Malformed {
            address,
            what: FramingError::Garbage(excerpt) | FramingError::Invalid(excerpt, _),
        } => Error::NotQmp { address, excerpt },
        other => other,
    }
}
