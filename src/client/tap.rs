//! A tap sees each message that crosses a connection, and how connections begin and end, for `-v`, recordings and a
//! session's `:log`. It sees a message with its secrets hidden, which costs more than the message: who only keeps
//! messages hides nothing before somebody looks.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::Address;
use super::error::{Ending, Error};
use crate::wire::secret::{self, redacted};

/// Which of a VM's two conversations a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// With the monitor.
    Qmp,
    /// With the guest agent.
    Agent,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Qmp => "qmp",
            Self::Agent => "agent",
        })
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here to the peer.
    Sent,
    /// From the peer to here.
    Received,
}

/// One message, as a tap sees it.
#[derive(Clone, Copy, Debug)]
pub struct TapLine<'a> {
    /// The VM as the user named it, where that is known.
    pub vm: Option<&'a str>,
    /// The conversation.
    pub channel: Channel,
    /// Which way it went.
    pub direction: Direction,
    /// The peer.
    pub address: &'a Address,
    /// The message.
    pub message: Message<'a>,
}

/// A message. What it is can only be asked with its secrets hidden.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    json: Json<'a>,
    /// Whether it answers with a secret.
    is_secret: bool,
}

#[derive(Clone, Copy)]
enum Json<'a> {
    Encoded(&'a [u8]),
    Read(&'a Value),
}

/// A message that is kept, as it was: with its secrets, so that it is for this process's memory only.
pub struct KeptMessage {
    json: Vec<u8>,
    is_secret: bool,
}

impl Message<'_> {
    /// The message, its secrets hidden; what a peer sent may hold control characters.
    pub fn redacted(&self) -> Value {
        let mut message = match self.json {
            Json::Read(message) => redacted(message),
            // We wrote it, so it can be read.
            Json::Encoded(json) => redacted(&serde_json::from_slice(json).unwrap_or_default()),
        };
        if self.is_secret {
            secret::hide_answer(&mut message);
        }
        message
    }

    /// The message for later: cheaper than to hide its secrets now.
    pub fn kept(&self) -> KeptMessage {
        KeptMessage {
            json: match self.json {
                Json::Read(message) => serde_json::to_vec(message).unwrap_or_default(),
                Json::Encoded(json) => json.trim_ascii().to_vec(),
            },
            is_secret: self.is_secret,
        }
    }
}

impl KeptMessage {
    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.json.len()
    }

    /// As [`Message::redacted`].
    pub fn redacted(&self) -> Value {
        let (json, is_secret) = (Json::Encoded(&self.json), self.is_secret);
        Message { json, is_secret }.redacted()
    }
}

impl<'a> From<&'a Value> for Message<'a> {
    fn from(message: &'a Value) -> Self {
        Self {
            json: Json::Read(message),
            is_secret: false,
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.redacted().fmt(f)
    }
}

/// What became of a connection, as a tap sees it.
#[derive(Clone, Copy, Debug)]
pub struct TapLink<'a> {
    /// The VM as the user named it, where that is known.
    pub vm: Option<&'a str>,
    /// The conversation.
    pub channel: Channel,
    /// The peer.
    pub address: &'a Address,
    /// What became of it.
    pub change: LinkChange<'a>,
}

/// What becomes of a connection. That it was given up on this side is not told: it follows from what was asked for.
#[derive(Clone, Copy, Debug)]
pub enum LinkChange<'a> {
    /// It was made.
    Connected,
    /// It had ended, and how, before the message that was shown last could leave.
    Unsent(&'a Ending),
    /// It ended, and how.
    Ended(&'a Ending),
    /// It was not made, or came to nothing.
    Failed(&'a Error),
}

/// Sees each message. It is called between a read and the next, so it must not block for long.
pub trait Tap: Send + Sync {
    /// Takes note of one message.
    fn message(&self, line: &TapLine<'_>);

    /// Takes note of what becomes of a connection.
    fn link(&self, _: &TapLink<'_>) {}
}

/// Several taps see the same.
impl Tap for Vec<Arc<dyn Tap>> {
    fn message(&self, line: &TapLine<'_>) {
        for tap in self {
            tap.message(line);
        }
    }

    fn link(&self, link: &TapLink<'_>) {
        for tap in self {
            tap.link(link);
        }
    }
}

/// A tap that is told with each message that it is of this VM.
pub fn named(tap: Arc<dyn Tap>, vm: &str) -> Arc<dyn Tap> {
    let vm = vm.to_owned();
    Arc::new(Named { vm, tap })
}

struct Named {
    vm: String,
    tap: Arc<dyn Tap>,
}

impl Tap for Named {
    fn message(&self, line: &TapLine<'_>) {
        let vm = Some(self.vm.as_str());
        self.tap.message(&TapLine { vm, ..*line });
    }

    fn link(&self, link: &TapLink<'_>) {
        let vm = Some(self.vm.as_str());
        self.tap.link(&TapLink { vm, ..*link });
    }
}

/// The longest command, in bytes, in which secrets are looked for that an agent may say back.
const LONGEST: usize = 64 << 10;

/// A connection's tap, if it has one.
#[derive(Clone)]
pub(super) struct TapPoint {
    channel: Channel,
    tap: Option<Arc<dyn Tap>>,
    /// The ids of commands that are not answered yet and whose answer is a secret.
    secret: Arc<Mutex<BTreeSet<String>>>,
    /// The secrets in the command that an agent was sent last, which it may say back.
    echo: Arc<Mutex<Vec<String>>>,
}

impl TapPoint {
    pub(super) fn new(channel: Channel, tap: Option<Arc<dyn Tap>>) -> Self {
        Self {
            channel,
            tap,
            secret: Arc::default(),
            echo: Arc::default(),
        }
    }

    /// Shows a received message.
    pub(super) fn received(&self, address: &Address, message: &Value) {
        if self.tap.is_none() {
            return;
        }
        let mut awaited = self.secret_ids();
        let is_secret = !awaited.is_empty() && id_of(message).is_some_and(|id| awaited.remove(&id));
        drop(awaited);
        let echo = std::mem::take(&mut *self.echo());
        let mut hidden = Value::Null;
        if !echo.is_empty() {
            hidden = message.clone();
            secret::hide_echo(&mut hidden, &echo);
        }
        let json = Json::Read(if echo.is_empty() { message } else { &hidden });
        self.show(Direction::Received, address, Message { json, is_secret });
    }

    /// Shows a message as it was encoded for sending.
    pub(super) fn sent(&self, address: &Address, encoded: &[u8]) {
        if self.tap.is_none() {
            return;
        }
        if secret::may_ask(encoded) {
            let asks = |message: &Value| secret::asks_for(message);
            let message = serde_json::from_slice(encoded).ok().filter(asks);
            self.secret_ids().extend(message.as_ref().and_then(id_of));
        }
        // What is longer is a file's content.
        if self.channel == Channel::Agent && encoded.len() <= LONGEST {
            let message: Value = serde_json::from_slice(encoded.trim_ascii()).unwrap_or_default();
            let arguments = message["arguments"].as_object();
            *self.echo() = arguments.map(secret::secrets_in).unwrap_or_default();
        }
        let json = Json::Encoded(encoded);
        let is_secret = false;
        self.show(Direction::Sent, address, Message { json, is_secret });
    }

    fn echo(&self) -> MutexGuard<'_, Vec<String>> {
        self.echo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret_ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A plain set, which no panic leaves half changed.
        self.secret.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, direction: Direction, address: &Address, message: Message<'_>) {
        if let Some(tap) = &self.tap {
            tap.message(&TapLine {
                vm: None,
                channel: self.channel,
                direction,
                address,
                message,
            });
        }
    }

    /// Shows what became of a connection.
    pub(super) fn link(&self, address: &Address, change: LinkChange<'_>) {
        if let Some(tap) = &self.tap {
            tap.link(&TapLink {
                vm: None,
                channel: self.channel,
                address,
                change,
            });
        }
    }
}

fn id_of(message: &Value) -> Option<String> {
    message.get("id").map(Value::to_string)
}

impl fmt::Debug for TapPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapPoint")
            .field("channel", &self.channel)
            .field("tapped", &self.tap.is_some())
            .finish_non_exhaustive()
    }
}
