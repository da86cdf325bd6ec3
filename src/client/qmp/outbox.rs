//! Bytes on their way to a monitor, which reads slowly: what is not taken at once waits here.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::client::transport::Transport;

/// Requests that are encoded and not written yet, or in part.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// How many of `bytes` are written.
    gone: usize,
    /// How many were written in all.
    pub(super) written: u64,
    failed: bool,
}

impl Outbox {
    /// Adds a request; where it begins, counted as `written` is.
    pub(super) fn push(&mut self, request: Vec<u8>) -> u64 {
        let begins = self.written + (self.bytes.len() - self.gone) as u64;
        if self.failed {
            // It will never be sent.
        } else if self.bytes.is_empty() {
            self.bytes = request;
        } else {
            self.bytes.extend_from_slice(&request);
        }
        begins
    }

    /// Writes as much as the stream takes; after an error nothing more is written.
    pub(super) fn write<S: Transport>(&mut self, stream: &mut S, cx: &mut Context<'_>) {
        while self.gone < self.bytes.len() && !self.failed {
            match Pin::new(&mut *stream).poll_write(cx, &self.bytes[self.gone..]) {
                Poll::Ready(Ok(0) | Err(_)) => self.failed = true,
                Poll::Ready(Ok(count)) => {
                    self.gone += count;
                    self.written += count as u64;
                }
                Poll::Pending => return,
            }
        }
        if self.gone == self.bytes.len() {
            self.bytes = Vec::new();
            self.gone = 0;
        }
    }
}
