//! A process by its number and the moment it began, so that a number used again is not taken for the same process.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use rustix::net::sockopt::socket_peercred;
use serde::{Deserialize, Serialize};

/// A process, as it is seen from where this one runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it began, in clock ticks since the host booted.
    pub started: u64,
    /// The namespace in which it has that number: a container has another, and sees other processes or none.
    pub namespace: u64,
}

impl Process {
    /// The running process with this number, if there is one that can be seen.
    pub fn running(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self {
            pid,
            started: started(&stat)?,
            namespace: namespace()?,
        })
    }

    /// The process that listens where this connection leads, if it can be seen and still runs.
    pub fn listening(connection: &impl AsFd) -> Option<Self> {
        let pid = socket_peercred(connection).ok()?.pid.as_raw_nonzero().get();
        Self::running(pid.try_into().ok()?)
    }

    /// This very process.
    pub fn this() -> Option<Self> {
        Self::running(std::process::id())
    }

    /// Whether it is known to have ended: seen from another namespace, nothing is known of it.
    pub fn has_ended(self) -> bool {
        namespace() == Some(self.namespace) && Self::running(self.pid) != Some(self)
    }
}

/// Whether the process with this number is seen to run a QEMU.
pub fn is_qemu(pid: u32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe"));
    let name = program
        .ok()
        .and_then(|path| path.file_name().map(OsStr::to_owned));
    name.is_some_and(|name| {
        let name = name.as_encoded_bytes();
        name.starts_with(b"qemu") || name.starts_with(b"kvm")
    })
}

/// The namespace that this process sees processes in.
fn namespace() -> Option<u64> {
    fs::metadata("/proc/self/ns/pid")
        .ok()
        .map(|data| data.ino())
}

/// The start time in `/proc/PID/stat`, unless the process has ended and only waits to be reaped.
fn started(stat: &str) -> Option<u64> {
    // The program's name stands in parentheses and may hold anything, those among it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    // Field 22 of the line; the state, which was field 3, is taken already.
    fields.nth(22 - 4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_program_name() {
        let line = "7 (a) R 1 (x) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 8899 0 0";
        assert_eq!(started(line), Some(8899));
        assert_eq!(started(&line.replace(") S ", ") Z ")), None);
        assert_eq!(started("7"), None);
    }

    #[test]
    fn this_process_runs_and_another_with_its_number_does_not() {
        let this = Process::this().unwrap();
        assert!(!this.has_ended());
        let other = Process {
            started: this.started + 1,
            ..this
        };
        assert!(other.has_ended());
        let elsewhere = Process {
            namespace: this.namespace + 1,
            ..other
        };
        assert!(!elsewhere.has_ended());
        assert!(!is_qemu(this.pid));
    }
}
