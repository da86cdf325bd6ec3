//! A command to be run, and how long it may take.

use std::time::Duration;

use serde_json::{Map, Value};

/// How long connecting to a monitor and greeting may take together.
pub const CONNECT: Duration = Duration::from_secs(5);
/// How long an agent may take to answer a sync.
pub const SYNC: Duration = Duration::from_secs(5);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(30);
/// How long a command that changes block nodes or devices may take.
const CHANGE: Duration = Duration::from_secs(60);
/// QEMU and its agent read their input a byte at a time: 3 to 5 seconds a MiB, on a quiet machine.
const A_MEBIBYTE: Duration = Duration::from_secs(10);

/// Commands that get [`CHANGE`].
const CHANGES: [&str; 11] = [
    "block",
    "device_",
    "drive-",
    "eject",
    "change",
    "nbd-server-",
    "netdev_",
    "object-",
    "snapshot-",
    "transaction",
    "x-blockdev",
];

/// A command to be run by a monitor or an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The command's name, such as `query-status`.
    pub command: String,
    /// Its arguments; none is an empty map.
    pub arguments: Map<String, Value>,
    /// How long the answer may take, beside what the size of the arguments needs.
    pub deadline: Duration,
    /// Whether it is to overtake the commands before it (QMP only, `exec-oob`, since QEMU 2.12).
    pub oob: bool,
}

impl Call {
    /// A command with the default deadline of its kind, in-band.
    pub fn new(command: impl Into<String>, arguments: Map<String, Value>) -> Self {
        let command = command.into();
        let deadline = if CHANGES.iter().any(|kind| command.starts_with(kind)) {
            CHANGE
        } else {
            COMMAND
        };
        Self {
            command,
            arguments,
            deadline,
            oob: false,
        }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same, to be run out of band.
    #[must_use]
    pub fn out_of_band(mut self) -> Self {
        self.oob = true;
        self
    }

    /// How long the answer may take where the encoded command has `size` bytes.
    pub(super) fn allowance(&self, size: usize) -> Duration {
        let mebibytes = u32::try_from(size >> 10).unwrap_or(u32::MAX);
        self.deadline
            .saturating_add(A_MEBIBYTE.saturating_mul(mebibytes) / 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_blocks_and_devices_get_more_time_than_queries() {
        let deadline = |command: &str| Call::new(command, Map::new()).deadline;
        assert_eq!(deadline("query-block"), COMMAND);
        assert_eq!(deadline("blockdev-add"), CHANGE);
        assert_eq!(deadline("device_del"), CHANGE);
        assert_eq!(deadline("transaction"), CHANGE);
    }

    #[test]
    fn the_deadline_grows_with_the_size_of_the_request() {
        let call = Call::new("guest-file-write", Map::new()).within(Duration::from_secs(2));
        assert_eq!(call.allowance(200), Duration::from_secs(2));
        assert_eq!(call.allowance(1 << 20), Duration::from_secs(12));
        assert_eq!(call.allowance(usize::MAX), call.allowance(usize::MAX - 1));
    }
}
