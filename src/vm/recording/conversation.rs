//! One recorded conversation, with a monitor or an agent, as it is played: what comes next, and which of today's ids
//! stand for the recorded ones.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::task::Waker;

use serde_json::{Value, json};

use super::difference::{Difference, command};
use super::line::Link;
use crate::client::{self, Channel};
use crate::wire::secret::redacted;

/// What an agent sends before the answer to a sync.
const SENTINEL: u8 = 0xff;

/// A part of a conversation.
#[derive(Debug)]
pub(super) enum Part {
    Sent(Value),
    Received(Value),
    Connected,
    Ended,
    Failed(client::Error),
}

/// How far a monitor's first words are; an agent has none.
#[derive(Clone, Copy, Debug)]
enum Opening {
    /// It is to greet.
    Greeting,
    /// It is to answer `qmp_capabilities`.
    Reply,
    /// Commands are sent.
    Over,
}

/// Why a message is not the recorded one.
#[derive(Debug)]
pub(super) enum Unlike {
    /// In this line another one is recorded.
    Other { line: usize, recorded: Value },
    /// Nothing more is recorded.
    Beyond,
}

#[derive(Debug)]
pub(super) struct Conversation {
    channel: Channel,
    /// With their lines in the recording.
    parts: VecDeque<(usize, Part)>,
    /// Bytes to be read.
    pub(super) due: VecDeque<u8>,
    /// Whether the connection ends behind those.
    pub(super) ended: bool,
    /// Who waits for more.
    pub(super) waker: Option<Waker>,
    /// Counts the connections; those before the last are closed.
    pub(super) connection: u64,
    /// Today's ids, by the recorded ones.
    ids: BTreeMap<String, Value>,
    /// The sync that is not answered yet: its recorded id, and today's.
    sync: Option<(Value, Value)>,
    /// How many answers are still to come, a greeting among them.
    awaited: usize,
    opening: Opening,
}

impl Conversation {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel,
            parts: VecDeque::new(),
            due: VecDeque::new(),
            ended: false,
            waker: None,
            connection: 0,
            ids: BTreeMap::new(),
            sync: None,
            awaited: 0,
            opening: Opening::Over,
        }
    }

    /// Adds what the recording tells next.
    pub(super) fn push(&mut self, line: usize, part: Part) {
        self.parts.push_back((line, part));
    }

    pub(super) fn push_change(&mut self, line: usize, change: Link) {
        let part = match change {
            Link::Connected => Part::Connected,
            Link::Failed(error) => Part::Failed(error),
            Link::Ended(_) => Part::Ended,
            Link::Unsent(_) => {
                if matches!(self.parts.back(), Some((_, Part::Sent(_)))) {
                    self.parts.pop_back();
                }
                Part::Ended
            }
        };
        self.push(line, part);
    }

    /// The lines and commands of the messages that were not sent yet.
    pub(super) fn unsent(&self) -> impl Iterator<Item = (usize, &str)> {
        self.parts.iter().filter_map(|(line, part)| match part {
            Part::Sent(message) => Some((*line, command(message))),
            _ => None,
        })
    }

    /// A new connection; the error that was recorded where it came to nothing.
    pub(super) fn dial(&mut self) -> Result<u64, client::Error> {
        // What came on the last connection and was not read.
        while let Some((_, Part::Received(_) | Part::Ended)) = self.parts.front() {
            self.parts.pop_front();
        }
        self.due.clear();
        self.ended = false;
        self.sync = None;
        (self.awaited, self.opening) = match self.channel {
            Channel::Qmp => (1, Opening::Greeting),
            Channel::Agent => (0, Opening::Over),
        };
        self.connection += 1;
        if let Some((_, Part::Connected)) = self.parts.front() {
            self.parts.pop_front();
        }
        if let Some(end) = self.came_to_nothing() {
            let mut parts = self.parts.drain(..=end);
            if let Some((_, Part::Failed(error))) = parts.next_back() {
                return Err(error);
            }
        }
        self.advance();
        Ok(self.connection)
    }

    /// Where it is told that the connection that begins here failed, before anything but a sync was sent on it.
    fn came_to_nothing(&self) -> Option<usize> {
        for (at, (_, part)) in self.parts.iter().enumerate() {
            match part {
                Part::Failed(_) => return Some(at),
                Part::Sent(message) if is_sync(message) || is_negotiation(message) => {}
                Part::Received(_) | Part::Ended => {}
                Part::Sent(_) | Part::Connected => return None,
            }
        }
        None
    }

    /// Takes a message that is sent now; the answer to it becomes due.
    pub(super) fn take(&mut self, message: &Value) -> Result<(), Unlike> {
        let message = &redacted(message);
        let found = self
            .parts
            .iter()
            .position(|(_, part)| matches!(part, Part::Sent(_)));
        let Some((line, Part::Sent(recorded))) = found.and_then(|at| self.parts.get(at)) else {
            return Err(Unlike::Beyond);
        };
        // Not the next of all, where a connection was made between: that one was due before.
        if found != Some(0) || comparable(recorded) != comparable(message) {
            let (line, recorded) = (*line, recorded.clone());
            return Err(Unlike::Other { line, recorded });
        }
        if let (Some(then), Some(now)) = (
            recorded.get("id").and_then(Value::as_str),
            message.get("id"),
        ) {
            self.ids.insert(then.to_owned(), now.clone());
        }
        if is_sync(recorded) {
            self.sync = Some((
                recorded["arguments"]["id"].clone(),
                message["arguments"]["id"].clone(),
            ));
        }
        self.opening = match self.opening {
            Opening::Greeting if is_negotiation(recorded) => Opening::Reply,
            _ => Opening::Over,
        };
        self.parts.pop_front();
        self.awaited += 1;
        self.advance();
        Ok(())
    }

    /// Whether an answer is waited for that was not recorded.
    pub(super) fn is_stuck(&self) -> bool {
        self.awaited > 0 && self.parts.is_empty() && self.due.is_empty() && !self.ended
    }

    /// What of a monitor's first words is waited for in vain. A recorded monitor that kept silent has the failure in its
    /// place.
    pub(super) fn lacks(&self, vm: &str, last_line: usize) -> Option<Difference> {
        let what = match self.opening {
            _ if self.awaited == 0 || self.ended || !self.due.is_empty() => return None,
            Opening::Greeting => "the greeting",
            Opening::Reply => "the answer to `qmp_capabilities`",
            Opening::Over => return None,
        };
        Some(Difference::Lacking {
            what,
            vm: vm.to_owned(),
            channel: self.channel,
            line: self.parts.front().map_or(last_line, |(line, _)| *line),
        })
    }

    /// Makes due what was received before the next message was sent.
    fn advance(&mut self) {
        loop {
            match self.parts.front() {
                Some((_, Part::Received(_))) => {
                    if let Some((_, Part::Received(message))) = self.parts.pop_front() {
                        self.receive(message);
                    }
                }
                Some((_, Part::Ended)) => {
                    self.parts.pop_front();
                    self.ended = true;
                    break;
                }
                _ => break,
            }
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn receive(&mut self, mut message: Value) {
        if message.get("event").is_none() {
            self.awaited = self.awaited.saturating_sub(1);
        }
        let known = message
            .get("id")
            .and_then(Value::as_str)
            .and_then(|id| self.ids.remove(id));
        if let Some(id) = known {
            message["id"] = id;
        }
        if let Some((then, now)) = &self.sync {
            // A client out of step throws away all before this byte.
            self.due.push_back(SENTINEL);
            if message.get("return") == Some(then) {
                message = json!({ "return": now });
                self.sync = None;
            }
        }
        self.due.extend(message.to_string().bytes());
        self.due.extend(match self.channel {
            Channel::Qmp => "\r\n".bytes(),
            Channel::Agent => "\n".bytes(),
        });
    }
}

fn is_sync(message: &Value) -> bool {
    command(message) == "guest-sync-delimited"
}

fn is_negotiation(message: &Value) -> bool {
    command(message) == "qmp_capabilities"
}

/// A message without what is random in it.
fn comparable(message: &Value) -> Value {
    let mut message = message.clone();
    if let Value::Object(members) = &mut message {
        members.remove("id");
        let is_empty =
            |arguments: &Value| arguments.as_object().is_some_and(serde_json::Map::is_empty);
        if members.get("arguments").is_some_and(is_empty) {
            members.remove("arguments");
        }
    }
    if is_sync(&message) {
        message["arguments"]["id"] = Value::Null;
    }
    message
}
