//! The lines of a recording, JSON objects all: a head, then messages, what became of connections, values, and an end.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{self, Channel, Ending, LinkChange};

/// The first line's `format`.
pub const FORMAT: &str = "qmpsh-recording";

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// The first line: what this is a recording of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u64,
    /// The version of the qmpsh that wrote it.
    pub qmpsh: String,
    /// When it was begun.
    pub time: String,
    /// The script, or the subcommand where there is none.
    pub script: String,
    /// Its arguments as typed, secrets hidden: all of them where they have no names, as those of a script without a header.
    pub arguments: Vec<String>,
}

impl Head {
    /// The head of a recording that begins now.
    pub fn now(script: impl Into<String>, arguments: Vec<String>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            qmpsh: env!("CARGO_PKG_VERSION").to_owned(),
            time: now(),
            script: script.into(),
            arguments,
        }
    }
}

/// Any other line: one of its optional parts.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) received: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Fact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<End>,
}

/// What became of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Link {
    Connected,
    /// The last message did not leave any more.
    Unsent(Ending),
    Ended(Ending),
    Failed(client::Error),
}

/// A value that is no message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fact {
    pub(super) of: String,
    pub(super) is: Value,
}

/// The last line of a run that came to its end, whatever end that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) exit: u8,
}

impl Line {
    pub(super) fn now() -> Self {
        Self {
            time: now(),
            ..Self::default()
        }
    }
}

impl From<LinkChange<'_>> for Link {
    fn from(change: LinkChange<'_>) -> Self {
        match change {
            LinkChange::Connected => Self::Connected,
            LinkChange::Unsent(cause) => Self::Unsent(cause.clone()),
            LinkChange::Ended(cause) => Self::Ended(cause.clone()),
            LinkChange::Failed(error) => Self::Failed(error.clone()),
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now()).to_string()
}
