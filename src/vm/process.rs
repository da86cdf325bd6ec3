//! A process by its number and the moment it began, so that a number used again is not taken for the same process.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::socket_peercred;
use serde::{Deserialize, Serialize};

/// A process of this host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it began, in clock ticks since the host booted.
    pub started: u64,
}

impl Process {
    /// The running process with this number, if there is one that can be seen.
    pub fn running(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        started(&stat).map(|started| Self { pid, started })
    }

    /// The process that listens where this connection leads, if it can be seen and still runs.
    pub fn listening(connection: &OwnedFd) -> Option<Self> {
        let pid = socket_peercred(connection).ok()?.pid.as_raw_nonzero().get();
        Self::running(pid.try_into().ok()?)
    }

    /// This very process.
    pub fn this() -> Option<Self> {
        Self::running(std::process::id())
    }

    /// Whether it still runs.
    pub fn is_running(self) -> bool {
        Self::running(self.pid) == Some(self)
    }
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
        assert!(this.is_running());
        let other = Process {
            started: this.started + 1,
            ..this
        };
        assert!(!other.is_running());
    }
}
