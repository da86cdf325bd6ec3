//! What goes wrong between here and a peer, as data. The texts name what was tried and quote the peer, escaped; hints for
//! people are worded further up.

mod display;
mod obstacle;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::holder::Holder;
use super::silence::Silence;
use crate::wire::FramingError;

pub use obstacle::Obstacle;

/// Why a connection or a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Error {
    /// No connection came about.
    Connect {
        /// Where to.
        address: Address,
        /// Why not.
        source: Unreachable,
    },
    /// Another client holds the socket, which serves one at a time.
    Busy {
        /// The socket.
        address: Address,
        /// Who holds it, where that can be seen.
        holder: Option<Holder>,
    },
    /// Another process serves the socket than the one that it was found for.
    OtherServer {
        /// The socket.
        address: Address,
        /// Who serves it.
        server: Holder,
        /// The process that should.
        expected: u32,
    },
    /// A monitor sent no greeting, or nobody accepted the connection.
    Silent {
        /// The socket.
        address: Address,
        /// How long was waited.
        after: Duration,
        /// What is seen of who listens there.
        #[serde(default)]
        why: Silence,
    },
    /// What listens there does not speak QMP.
    NotQmp {
        /// The socket.
        address: Address,
        /// The beginning of what it sent, escaped.
        excerpt: String,
    },
    /// The peer sent what is no message; the connection is given up.
    Malformed {
        /// The peer.
        address: Address,
        /// What was wrong.
        what: FramingError,
    },
    /// The peer sent more than is taken; the connection is given up.
    TooLarge {
        /// The peer.
        address: Address,
        /// Which limit was passed.
        what: FramingError,
    },
    /// The connection ended.
    Gone {
        /// The peer.
        address: Address,
        /// The command that was pending, or could not be sent any more.
        command: Option<String>,
        /// Whether part of that command had left: whether it has run is not known then, and else it has not.
        sent: bool,
        /// How it ended.
        cause: Ending,
    },
    /// No reply within the deadline.
    Timeout {
        /// The peer.
        address: Address,
        /// The command.
        command: String,
        /// Whether the command was sent, and may still run; else it never will.
        sent: bool,
        /// How long was waited.
        after: Duration,
    },
    /// The peer refused the command.
    Refused {
        /// The command.
        command: String,
        /// QEMU's class, such as `GenericError`.
        class: String,
        /// QEMU's words.
        desc: String,
    },
    /// The agent refused the command because the guest's file systems are frozen.
    Frozen {
        /// The command.
        command: String,
        /// The agent's words.
        desc: String,
    },
    /// The agent knows the command, and its configuration blocks it.
    Disabled {
        /// The command.
        command: String,
        /// The agent's words.
        desc: String,
    },
    /// The monitor does not offer out-of-band execution (QEMU before 2.12, or a monitor on a `mux`).
    NoOutOfBand {
        /// The command.
        command: String,
    },
    /// The agent did not answer a sync: it is not running, stopped, or its guest is.
    AgentDown {
        /// The agent's socket.
        address: Address,
        /// How long was waited.
        after: Duration,
    },
}

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreachable {
    /// There is no such file.
    Missing,
    /// The file is no socket.
    NotASocket,
    /// Nobody listens.
    Refused,
    /// The permissions forbid it.
    Denied {
        /// The user to whom the socket belongs, or the folder that hides it, where that can be seen.
        owner: Option<String>,
    },
    /// The path is longer than the address of a unix socket may be, or holds a zero byte.
    BadPath,
    /// No answer within this time.
    TimedOut(Duration),
    /// It greeted, and the connection ended before the negotiation was done.
    Left(Ending),
    /// What libvirt says of a domain.
    Libvirt(Obstacle),
    /// Another reason, in the system's words.
    Other(String),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The peer closed it.
    Closed,
    /// The peer closed it in the middle of a message.
    ClosedWithin,
    /// The process that served it ended.
    Ended,
    /// The system reported an error, in its words.
    Failed(String),
    /// It was given up on this side.
    Released,
}

impl Error {
    /// The refusal's class, where the peer refused the command.
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Refused { class, .. } => Some(class),
            Self::Frozen { .. } | Self::Disabled { .. } => Some("CommandNotFound"),
            _ => None,
        }
    }

    /// The socket that it is about; none where the peer refused something.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Connect { address, .. }
            | Self::Busy { address, .. }
            | Self::OtherServer { address, .. }
            | Self::Silent { address, .. }
            | Self::NotQmp { address, .. }
            | Self::Malformed { address, .. }
            | Self::TooLarge { address, .. }
            | Self::Gone { address, .. }
            | Self::Timeout { address, .. }
            | Self::AgentDown { address, .. } => Some(address),
            Self::Refused { .. }
            | Self::Frozen { .. }
            | Self::Disabled { .. }
            | Self::NoOutOfBand { .. } => None,
        }
    }

    /// QEMU's own words, where the peer refused the command.
    pub fn desc(&self) -> Option<&str> {
        match self {
            Self::Refused { desc, .. }
            | Self::Frozen { desc, .. }
            | Self::Disabled { desc, .. } => Some(desc),
            _ => None,
        }
    }

    pub(super) fn framing(address: &Address, what: FramingError) -> Self {
        let address = address.clone();
        match what {
            FramingError::Garbage(_) | FramingError::Invalid(..) => {
                Self::Malformed { address, what }
            }
            FramingError::TooLong(_)
            | FramingError::TooDeep(_)
            | FramingError::TooManyValues(_) => Self::TooLarge { address, what },
        }
    }

    pub(super) fn gone(address: &Address, cause: Ending) -> Self {
        Self::Gone {
            address: address.clone(),
            command: None,
            sent: false,
            cause,
        }
    }

    /// The same, naming the command that it ended.
    pub(super) fn during(mut self, ended: &str) -> Self {
        if let Self::Gone { command, .. } = &mut self {
            *command = Some(ended.to_owned());
        }
        self
    }

    /// The same, where part of the command had left.
    pub(super) fn after_sending(mut self) -> Self {
        if let Self::Gone { sent, .. } = &mut self {
            *sent = true;
        }
        self
    }
}

impl Unreachable {
    pub(super) fn of(error: &io::Error, is_socket: bool) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied { owner: None },
            io::ErrorKind::InvalidInput => Self::BadPath,
            io::ErrorKind::ConnectionRefused if is_socket => Self::Refused,
            io::ErrorKind::ConnectionRefused => Self::NotASocket,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl Ending {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Failed(error.to_string()),
        }
    }
}
