//! The reading side: a recording in memory, played to the clients of a run. Commands must come as they were recorded, for
//! each VM and conversation; the first that does not ends the replay.

mod lines;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::ReadBuf;

pub use self::lines::Unplayable;
use self::lines::{Lines, check};
use self::stream::Played;
use super::conversation::{Conversation, Part, Unlike};
use super::difference::{Difference, command};
use super::line::{Fact, Line};
use crate::client::{self, Channel, Dial, Ending, Transport};
use crate::wire::secret::{hidden_text, redacted};

/// Which conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    vm: String,
    channel: Channel,
}

/// A recording that is played.
#[derive(Debug)]
pub struct Player {
    state: Mutex<State>,
    last_line: usize,
    /// Whether its run came to its end.
    whole: bool,
}

#[derive(Debug, Default)]
struct State {
    conversations: BTreeMap<Key, Conversation>,
    values: BTreeMap<String, VecDeque<(usize, Value)>>,
    difference: Option<Difference>,
}

impl Player {
    /// Reads a recording. Fails on one that is no recording, a newer one, and one that is damaged, with the line.
    pub fn read(recording: impl BufRead) -> Result<Arc<Self>, Unplayable> {
        let mut lines = Lines::of(recording);
        let head = lines.next()?.ok_or(Unplayable {
            line: None,
            why: "it is empty".to_owned(),
        })?;
        check(&head).map_err(|why| lines.wrong(why))?;
        let mut state = State::default();
        let mut whole = false;
        while let Some(text) = lines.next()? {
            if whole {
                return Err(lines.wrong("there is more behind the recording's end"));
            }
            let line: Line = serde_json::from_slice(&text)
                .map_err(|error| lines.wrong(format!("it is no line of a recording: {error}")))?;
            whole = line.end.is_some();
            state
                .add(lines.number, line)
                .map_err(|why| lines.wrong(why))?;
        }
        Ok(Arc::new(Self {
            state: Mutex::new(state),
            last_line: lines.number,
            whole,
        }))
    }

    /// Where the replay first differed, if it did.
    pub fn difference(&self) -> Option<Difference> {
        self.lock().difference.clone()
    }

    /// At the end of the run: where it differed first, which may be that it sent too little, or that the recording does not
    /// tell the end.
    pub fn verdict(&self) -> Result<(), Difference> {
        let state = self.lock();
        if let Some(difference) = &state.difference {
            return Err(difference.clone());
        }
        let unsent = || state.conversations.values().flat_map(Conversation::unsent);
        match unsent().min() {
            None if self.whole => Ok(()),
            None => Err(self.cut("what came after that".to_owned())),
            Some((line, command)) => Err(Difference::LeftOver {
                count: unsent().count(),
                line,
                command: command.to_owned(),
            }),
        }
    }

    /// What connects to the recorded peer.
    pub fn dialer(self: &Arc<Self>, vm: &str, channel: Channel) -> Arc<dyn Dial> {
        // As it is recorded.
        let vm = hidden_text(vm).into_owned();
        Arc::new(Dialer {
            player: Arc::clone(self),
            key: Key { vm, channel },
        })
    }

    /// What was recorded next under `of`.
    pub(super) fn recall<T: DeserializeOwned>(&self, of: &str) -> Result<T, Difference> {
        let mut state = self.lock();
        let next = state.values.get_mut(of).and_then(VecDeque::pop_front);
        let value = next.and_then(|(_, value)| serde_json::from_value(value).ok());
        value.ok_or_else(|| {
            let difference = if self.whole {
                Difference::NoValue { of: of.to_owned() }
            } else {
                self.cut(format!("`{of}`"))
            };
            state.differs(difference)
        })
    }

    /// Whether the value `of` was recorded before the next message to `vm`; it is used up then.
    pub(super) fn is_next(&self, vm: &str, of: &str) -> bool {
        let vm = &*hidden_text(vm);
        let mut state = self.lock();
        let of_vm = state.conversations.iter().filter(|(key, _)| key.vm == vm);
        let next_message = of_vm
            .filter_map(|(_, conversation)| conversation.unsent().next())
            .map(|(line, _)| line)
            .min();
        let Some(values) = state.values.get_mut(of) else {
            return false;
        };
        let is_next = match (values.front(), next_message) {
            (Some((line, _)), Some(message)) => *line < message,
            (value, None) => value.is_some(),
            (None, _) => false,
        };
        if is_next {
            values.pop_front();
        }
        is_next
    }

    /// Compares a message that is sent now.
    pub(super) fn take(&self, key: &Key, message: &Value) -> io::Result<()> {
        let mut state = self.lock();
        if state.difference.is_some() {
            return Err(over());
        }
        let unlike = match state.conversations.get_mut(key) {
            Some(conversation) => match conversation.take(message) {
                Ok(()) => return Ok(()),
                Err(unlike) => unlike,
            },
            None => Unlike::Beyond,
        };
        let (vm, channel) = (key.vm.clone(), key.channel);
        let what = format!("`{}`", command(message));
        let difference = match unlike {
            Unlike::Other { line, recorded } => Difference::Message {
                line,
                vm,
                channel,
                recorded,
                sent: redacted(message),
            },
            Unlike::Beyond if self.whole => Difference::Beyond { vm, channel, what },
            Unlike::Beyond => self.cut(what),
        };
        state.differs(difference);
        Err(over())
    }

    /// Whether nothing can be sent on this connection any more.
    pub(super) fn is_over(&self, key: &Key, connection: u64) -> bool {
        let state = self.lock();
        let conversation = state.conversations.get(key);
        state.difference.is_some()
            || conversation.is_none_or(|known| known.ended || known.connection != connection)
    }

    /// Gives what is due.
    pub(super) fn read_due(
        &self,
        key: &Key,
        connection: u64,
        cx: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        let differs = state.difference.is_some();
        let Some(conversation) = state.conversations.get_mut(key) else {
            return Poll::Ready(Ok(()));
        };
        if differs || conversation.connection != connection {
            return Poll::Ready(Ok(()));
        }
        let count = buffer.remaining().min(conversation.due.len());
        if count > 0 {
            let bytes: Vec<u8> = conversation.due.drain(..count).collect();
            buffer.put_slice(&bytes);
            return Poll::Ready(Ok(()));
        }
        if conversation.ended {
            return Poll::Ready(Ok(()));
        }
        if !self.whole && conversation.is_stuck() {
            state.differs(self.cut(format!("what was asked of {}", key.vm)));
            return Poll::Ready(Ok(()));
        }
        if let Some(lacking) = conversation.lacks(&key.vm, self.last_line) {
            state.differs(lacking);
            return Poll::Ready(Ok(()));
        }
        conversation.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn cut(&self, what: String) -> Difference {
        let line = self.last_line;
        Difference::Cut { line, what }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole at any time, but for what a panic was about to change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over() -> io::Error {
    io::Error::other("the replay differs from its recording")
}

impl State {
    fn add(&mut self, number: usize, line: Line) -> Result<(), String> {
        if let Some(Fact { of, is }) = line.value {
            self.values.entry(of).or_default().push_back((number, is));
            return Ok(());
        }
        if line.end.is_some() {
            return Ok(());
        }
        let (Some(vm), Some(channel)) = (line.vm, line.channel) else {
            return Err("it names no VM and channel".to_owned());
        };
        let conversation = self
            .conversations
            .entry(Key { vm, channel })
            .or_insert_with(|| Conversation::new(channel));
        match (line.sent, line.received, line.link) {
            (Some(message), None, None) => conversation.push(number, Part::Sent(message)),
            (None, Some(message), None) => conversation.push(number, Part::Received(message)),
            (None, None, Some(change)) => conversation.push_change(number, change),
            _ => {
                return Err(
                    "it holds none, or more than one, of sent, received and link".to_owned(),
                );
            }
        }
        Ok(())
    }

    /// Keeps the first difference: those behind it follow from it. All who wait are woken, to find the end.
    fn differs(&mut self, difference: Difference) -> Difference {
        for conversation in self.conversations.values_mut() {
            if let Some(waker) = conversation.waker.take() {
                waker.wake();
            }
        }
        self.difference.get_or_insert(difference).clone()
    }
}

struct Dialer {
    player: Arc<Player>,
    key: Key,
}

impl Dial for Dialer {
    fn dial(&self) -> Result<Box<dyn Transport>, client::Error> {
        let mut state = self.player.lock();
        let gone = |cause: String| client::Error::Gone {
            address: client::Address::Unix(self.key.vm.clone().into()),
            command: None,
            sent: false,
            cause: Ending::Failed(cause),
        };
        if state.difference.is_some() {
            return Err(gone(over().to_string()));
        }
        let Some(conversation) = state.conversations.get_mut(&self.key) else {
            let (vm, channel) = (self.key.vm.clone(), self.key.channel);
            let what = "a connection".to_owned();
            let difference = if self.player.whole {
                Difference::Beyond { vm, channel, what }
            } else {
                self.player.cut(format!("{what} to {vm}"))
            };
            return Err(gone(state.differs(difference).to_string()));
        };
        let connection = conversation.dial()?;
        let player = Arc::clone(&self.player);
        Ok(Box::new(Played::new(player, self.key.clone(), connection)))
    }
}
