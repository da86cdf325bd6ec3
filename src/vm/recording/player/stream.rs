//! A connection to a recorded peer, in memory: what a client writes is compared, and what it reads is what was recorded.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Key, Player};
use crate::client::Transport;

/// One connection of a recorded conversation.
pub(super) struct Played {
    player: Arc<Player>,
    key: Key,
    connection: u64,
    /// What was written and is no whole line yet.
    partial: Vec<u8>,
}

impl Played {
    pub(super) fn new(player: Arc<Player>, key: Key, connection: u64) -> Self {
        Self {
            player,
            key,
            connection,
            partial: Vec::new(),
        }
    }
}

impl Transport for Played {}

impl AsyncRead for Played {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.player.read_due(&self.key, self.connection, cx, buffer)
    }
}

impl AsyncWrite for Played {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.player.is_over(&this.key, this.connection) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        this.partial.extend_from_slice(bytes);
        while let Some(end) = this.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = this.partial.drain(..=end).collect();
            // An agent's client clears the way with 0xFF, which is no part of any message.
            let begin = line.iter().position(|byte| *byte != 0xff).unwrap_or(0);
            if let Ok(message) = serde_json::from_slice(&line[begin..]) {
                this.player.take(&this.key, &message)?;
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
