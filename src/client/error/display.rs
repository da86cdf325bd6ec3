//! The words for what went wrong: one plain sentence each, with what a peer said quoted and escaped.

use std::fmt;
use std::time::Duration;

use super::{Ending, Error, Unreachable};
use crate::client::address::Address;
use crate::client::silence::Silence;
use crate::duration::show;
use crate::wire::escape::escaped;

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
            Self::OtherServer {
                address,
                server,
                expected,
            } => write!(
                f,
                "{address} is served by {server}, and the VM that was found is process {expected}"
            ),
            Self::Silent {
                address,
                after,
                why,
            } => silent(f, address, *after, why),
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
                ..
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
                ..
            } => write!(f, "the connection to {address} ended: {cause}"),
            Self::Timeout {
                address,
                command,
                sent: true,
                after,
            } => {
                write!(
                    f,
                    "no reply to `{}` from {address} within {}",
                    escaped(command),
                    show(*after)
                )
            }
            Self::Timeout {
                address,
                command,
                sent: false,
                after,
            } => {
                write!(
                    f,
                    "`{}` could not be sent to {address} within {}: it still works on the commands before",
                    escaped(command),
                    show(*after)
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
                    show(*after)
                )
            }
        }
    }
}

/// That a monitor sent no greeting, and what is seen of its process.
fn silent(
    f: &mut fmt::Formatter<'_>,
    address: &Address,
    after: Duration,
    why: &Silence,
) -> fmt::Result {
    let after = show(after);
    match why {
        Silence::Unexplained => write!(f, "{address} sent no greeting within {after}"),
        Silence::Halted { server, by } => {
            write!(
                f,
                "{address} did not answer within {after}: its process {server} {by}"
            )
        }
        Silence::NotAccepted { server: None } => {
            write!(
                f,
                "{address} did not accept the connection within {after}, and serves nobody else"
            )
        }
        Silence::NotAccepted {
            server: Some(server),
        } => write!(
            f,
            "{address} did not accept the connection within {after}, and serves nobody else: its process {server} hangs"
        ),
        Silence::Accepted { server } => {
            write!(
                f,
                "{address} accepted the connection and sent no greeting within {after}"
            )?;
            match server {
                Some(server) => write!(f, ": is {server} no monitor?"),
                None => write!(f, ": is it no monitor?"),
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
            Self::Denied { owner: None } => write!(f, "permission denied"),
            Self::Denied { owner: Some(user) } => {
                write!(
                    f,
                    "permission denied: it belongs to the user `{}`",
                    escaped(user)
                )
            }
            Self::BadPath => write!(
                f,
                "a unix socket's path has at most 107 bytes, none of them zero"
            ),
            Self::TimedOut(after) => write!(f, "no answer within {}", show(*after)),
            Self::Left(cause) => write!(
                f,
                "it greeted, and the connection ended during `qmp_capabilities`: {cause}"
            ),
            Self::Libvirt(obstacle) => obstacle.fmt(f),
            Self::Other(words) => write!(f, "{words}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(f, "the peer closed it"),
            Self::ClosedWithin => write!(f, "the peer closed it in the middle of a message"),
            Self::Ended => write!(f, "the VM has ended"),
            Self::Failed(words) => write!(f, "{words}"),
            Self::Released => write!(f, "it was closed on this side"),
        }
    }
}
