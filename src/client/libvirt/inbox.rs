//! The requests that the client sends into a stream in memory, and its end.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::sync::Mutex;

use crate::wire::{Framer, Limits};

/// The most that is read ahead while a command is under way.
const AHEAD: usize = 64 << 20;

/// The requests of one client.
pub(super) struct Inbox {
    stream: ReadHalf<DuplexStream>,
    framer: Framer,
    ahead: usize,
    ended: bool,
}

/// Where answers and events go to that client, each whole.
pub(super) struct Outbox {
    stream: Mutex<WriteHalf<DuplexStream>>,
}

/// Both ways of a stream.
pub(super) fn ways(stream: DuplexStream) -> (Inbox, Outbox) {
    let (reading, writing) = split(stream);
    let inbox = Inbox {
        stream: reading,
        framer: Framer::delimited(Limits::AGENT_OUTPUT),
        ahead: 0,
        ended: false,
    };
    let stream = Mutex::new(writing);
    (inbox, Outbox { stream })
}

impl Inbox {
    /// The next request; nothing once the client has gone.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            // Our own client sends nothing else.
            if let Some(request) = self.framer.next_object().ok()? {
                return Some(request);
            }
            self.ahead = 0;
            if self.ended || !self.read().await {
                return None;
            }
        }
    }

    /// The outcome of `work`, unless the client goes first.
    pub(super) async fn unless_gone<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                outcome = &mut work => return Some(outcome),
                more = self.read(), if self.ahead < AHEAD && !self.ended => if !more {
                    return None;
                },
            }
        }
    }

    /// Whether something came.
    async fn read(&mut self) -> bool {
        let count = self.stream.read_buf(self.framer.room()).await.unwrap_or(0);
        self.ahead += count;
        self.ended = count == 0;
        count > 0
    }
}

impl Outbox {
    /// Sends one message. Fails when the client has gone.
    pub(super) async fn send(&self, message: &[u8]) -> io::Result<()> {
        let mut stream = self.stream.lock().await;
        stream.write_all(message).await?;
        stream.write_all(b"\n").await
    }
}
