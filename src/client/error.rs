//! What goes wrong between here and a peer, as data. The texts name what was tried and quote the peer, escaped; hints for
//! people are worded further up.

use std::fmt;
use std::io;
use std::time::Duration;

use super::address::Address;
use super::holder::Holder;
use crate::wire::FramingError;
use crate::wire::escape::escaped;

/// Why a connection or a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A monitor accepted the connection, or may have, and sent no greeting.
    Silent {
        /// The socket.
        address: Address,
        /// How long was waited.
        after: Duration,
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
    /// The connection ended. Whether a command that was pending has run is not known.
    Gone {
        /// The peer.
        address: Address,
        /// The command that was pending, or could not be sent any more.
        command: Option<String>,
        /// How it ended.
        cause: Ending,
    },
    /// No reply within the deadline. The command may still run.
    Timeout {
        /// The peer.
        address: Address,
        /// The command.
        command: String,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// There is no such file.
    Missing,
    /// The file is no socket.
    NotASocket,
    /// Nobody listens.
    Refused,
    /// The permissions forbid it.
    Denied,
    /// No answer within this time.
    TimedOut(Duration),
    /// Another reason, in the system's words.
    Other(String),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer closed it.
    Closed,
    /// The peer closed it in the middle of a message.
    ClosedWithin,
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
            cause,
        }
    }

    /// The same, naming the command that it ended.
    pub(super) fn during(self, command: &str) -> Self {
        match self {
            Self::Gone { address, cause, .. } => Self::Gone {
                address,
                command: Some(command.to_owned()),
                cause,
            },
            other => other,
        }
    }
}

impl Unreachable {
    pub(super) fn of(error: &io::Error, is_socket: bool) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { address, source } => write!(f, "cannot connect to {address}: {source}"),
            Self::Busy {
                address,
                holder: Some(holder),
            } => write!(f, "{address} is held by another client: {holder}"),
            Self::Busy {
                address,
                holder: None,
            } => write!(f, "{address} is held by another client"),
            Self::Silent { address, after } => {
                write!(f, "{address} sent no greeting within {}", Seconds(*after))
            }
            Self::NotQmp { address, excerpt } => {
                write!(f, "{address} does not speak QMP: it sent `{excerpt}`")
            }
            Self::Malformed { address, what } => {
                write!(f, "{address} sent what is no message: {what}")
            }
            Self::TooLarge { address, what } => {
                write!(f, "{address} sent more than is taken: {what}")
            }
            Self::Gone {
                address,
                command: Some(command),
                cause,
            } => {
                write!(
                    f,
                    "the connection to {address} ended during `{}`: {cause}",
                    escaped(command)
                )
            }
            Self::Gone {
                address,
                command: None,
                cause,
            } => write!(f, "the connection to {address} ended: {cause}"),
            Self::Timeout {
                address,
                command,
                after,
            } => {
                write!(
                    f,
                    "no reply to `{}` from {address} within {}",
                    escaped(command),
                    Seconds(*after)
                )
            }
            Self::Refused { command, desc, .. } => {
                write!(f, "`{}` was refused: {}", escaped(command), escaped(desc))
            }
            Self::Frozen { command, desc } => {
                write!(
                    f,
                    "`{}` is not possible while the guest is frozen: {}",
                    escaped(command),
                    escaped(desc)
                )
            }
            Self::Disabled { command, desc } => {
                write!(
                    f,
                    "`{}` is blocked by the agent's configuration: {}",
                    escaped(command),
                    escaped(desc)
                )
            }
            Self::NoOutOfBand { command } => {
                write!(
                    f,
                    "`{}` cannot overtake: the monitor offers no out-of-band execution",
                    escaped(command)
                )
            }
            Self::AgentDown { address, after } => {
                write!(
                    f,
                    "the guest agent at {address} did not answer within {}",
                    Seconds(*after)
                )
            }
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "no such socket"),
            Self::NotASocket => write!(f, "not a socket"),
            Self::Refused => write!(f, "nobody listens there"),
            Self::Denied => write!(f, "permission denied"),
            Self::TimedOut(after) => write!(f, "no answer within {}", Seconds(*after)),
            Self::Other(words) => write!(f, "{words}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(f, "the peer closed it"),
            Self::ClosedWithin => write!(f, "the peer closed it in the middle of a message"),
            Self::Failed(words) => write!(f, "{words}"),
            Self::Released => write!(f, "it was closed on this side"),
        }
    }
}

/// A time as people write it: `5 s`, `2.5 s`, `300 ms`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{} s", self.0.as_secs_f64())
        }
    }
}
