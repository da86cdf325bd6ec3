//! Why a server says nothing to its client, as far as the kernel shows it: whether it has accepted the connection at all,
//! and whether its process is stopped.
//!
//! Best effort, as [`holder`](super::holder) is. It blocks for some milliseconds.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::holder::{Holder, holder, sharers};
use super::unix_sockets::UnixSockets;

/// What is seen of a server that says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Nothing: it is on another host, in another name space, or works as it should.
    #[default]
    Unexplained,
    /// Its process does not run.
    Halted {
        /// The process.
        server: Holder,
        /// What keeps it.
        by: Halt,
    },
    /// It has not accepted the connection, and serves nobody else.
    NotAccepted {
        /// Its process, where that can be seen.
        server: Option<Holder>,
    },
    /// It has accepted the connection.
    Accepted {
        /// Its process, where that can be seen.
        server: Option<Holder>,
    },
}

/// How far a client has got.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reached {
    /// Not even into the queue of those who wait to be accepted: it is full.
    Nothing,
    /// It is connected, and its end has this inode, if it is a socket's.
    Connected(Option<u64>),
}

impl Reached {
    /// The inode of its end.
    pub(super) fn own(self) -> Option<u32> {
        match self {
            Self::Nothing => None,
            Self::Connected(own) => u32::try_from(own?).ok(),
        }
    }
}

/// What keeps a process from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halt {
    /// A signal stopped it.
    Stopped,
    /// A debugger did.
    Traced,
    /// It waits in the kernel, and no signal wakes it: for a disk, mostly.
    Waiting,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "is stopped (SIGSTOP)",
            Self::Traced => "is stopped by a debugger",
            Self::Waiting => "hangs in the kernel (state D), as on a disk that does not answer",
        })
    }
}

impl Silence {
    /// What is seen of who listens at `path`.
    pub(super) fn at(path: &Path, reached: Reached, sockets: &UnixSockets) -> Self {
        let pids = sockets.listener(path).map(sharers).unwrap_or_default();
        // A socket that several processes share is served by any of them that runs.
        let halts = pids.iter().map(|pid| halt(*pid));
        let halted = halts.collect::<Option<Vec<_>>>();
        let server = pids.first().copied().map(holder);
        if let (Some(by), Some(server)) = (halted.and_then(|all| all.first().copied()), &server) {
            let server = server.clone();
            return Self::Halted { server, by };
        }
        let is_accepted = match reached {
            Reached::Nothing => Some(false),
            Reached::Connected(_) => reached.own().and_then(|own| sockets.is_accepted(own)),
        };
        match is_accepted {
            None => Self::Unexplained,
            Some(true) => Self::Accepted { server },
            Some(false) => Self::NotAccepted { server },
        }
    }

    /// Whether the server would have to do something first to hear of its client.
    pub(super) fn is_deaf(&self) -> bool {
        matches!(self, Self::Halted { .. } | Self::NotAccepted { .. })
    }
}

/// What keeps a process from running, if anything does.
fn halt(pid: u32) -> Option<Halt> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    state(&status)
}

/// The same by `/proc/PID/status`, in which the program's name has no line end.
fn state(status: &str) -> Option<Halt> {
    let state = status
        .lines()
        .find_map(|line| line.strip_prefix("State:"))?;
    match state.trim_start().chars().next()? {
        'T' => Some(Halt::Stopped),
        't' => Some(Halt::Traced),
        'D' => Some(Halt::Waiting),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_process_is_read_from_its_state() {
        let status = |state: &str| format!("Name:\tState: T\nUmask:\t0022\nState:\t{state}\n");
        assert_eq!(state(&status("S (sleeping)")), None);
        assert_eq!(state(&status("T (stopped)")), Some(Halt::Stopped));
        assert_eq!(state(&status("t (tracing stop)")), Some(Halt::Traced));
        assert_eq!(state(&status("D (disk sleep)")), Some(Halt::Waiting));
        assert_eq!(state(""), None);
        assert_eq!(halt(std::process::id()), None);
    }
}
