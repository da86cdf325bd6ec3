//! A tap sees each message that crosses a connection, for `-v` and recordings. Secrets are hidden before it looks.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::address::Address;
use crate::wire::secret::redacted;

/// Which of a VM's two conversations a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// With the monitor.
    Qmp,
    /// With the guest agent.
    Agent,
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
    /// The conversation.
    pub channel: Channel,
    /// Which way it went.
    pub direction: Direction,
    /// The peer.
    pub address: &'a Address,
    /// The message, its secrets hidden; what a peer sent may hold control characters.
    pub message: &'a Value,
}

/// Sees each message. It is called between a read and the next, so it must not block for long.
pub trait Tap: Send + Sync {
    /// Takes note of one message.
    fn message(&self, line: &TapLine<'_>);
}

/// A connection's tap, if it has one.
#[derive(Clone)]
pub(super) struct TapPoint {
    channel: Channel,
    tap: Option<Arc<dyn Tap>>,
}

impl TapPoint {
    pub(super) fn new(channel: Channel, tap: Option<Arc<dyn Tap>>) -> Self {
        Self { channel, tap }
    }

    /// Shows a received message.
    pub(super) fn received(&self, address: &Address, message: &Value) {
        if let Some(tap) = &self.tap {
            let message = &redacted(message);
            tap.message(&TapLine {
                channel: self.channel,
                direction: Direction::Received,
                address,
                message,
            });
        }
    }

    /// Shows a message as it was encoded for sending.
    pub(super) fn sent(&self, address: &Address, encoded: &[u8]) {
        if let Some(tap) = &self.tap {
            if let Ok(message) = serde_json::from_slice(encoded) {
                let message = &redacted(&message);
                tap.message(&TapLine {
                    channel: self.channel,
                    direction: Direction::Sent,
                    address,
                    message,
                });
            }
        }
    }
}

impl fmt::Debug for TapPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapPoint")
            .field("channel", &self.channel)
            .field("tapped", &self.tap.is_some())
            .finish()
    }
}
