//! Which commands only read and which change something, decided by rule in this one table.
//!
//! Only a read is sent a second time after a lost connection; an unknown command counts as a change.

/// What a command does to the VM or its guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only looks; sending it twice is the same as sending it once.
    Read,
    /// It changes something, or may.
    Change,
}

/// Monitor commands that read, beside everything called `query-*`.
const MONITOR_READS: &[&str] = &[
    "device-list-properties",
    "qom-get",
    "qom-list",
    "qom-list-get",
    "qom-list-properties",
    "qom-list-types",
];

/// Agent commands that read, beside everything with `-get-` in its name.
const AGENT_READS: &[&str] = &[
    "guest-fsfreeze-status",
    "guest-info",
    "guest-ping",
    "guest-sync",
    "guest-sync-delimited",
];

/// The effect of a QMP or agent command, by its name.
pub fn of(command: &str) -> Effect {
    // Agent names are told from monitor names by their prefix, which no QMP command has.
    let reads = if command.starts_with("guest-") {
        command.starts_with("guest-get-")
            || command.starts_with("guest-network-get-")
            || command.starts_with("guest-ssh-get-")
            || AGENT_READS.contains(&command)
    } else {
        command.starts_with("query-") || MONITOR_READS.contains(&command)
    };
    if reads { Effect::Read } else { Effect::Change }
}

/// The effect of a line for the human monitor: `info ...` reads.
pub fn of_hmp(line: &str) -> Effect {
    match line.split_whitespace().next() {
        Some("info" | "help" | "?" | "print" | "p") => Effect::Read,
        _ => Effect::Change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_the_listed_commands_read() {
        for command in [
            "query-status",
            "query-a-command-of-the-future",
            "qom-get",
            "guest-get-osinfo",
            "guest-network-get-route",
            "guest-fsfreeze-status",
        ] {
            assert_eq!(of(command), Effect::Read, "{command}");
        }
    }

    #[test]
    fn everything_else_changes_and_so_do_unknown_commands() {
        for command in [
            "eject",
            "human-monitor-command",
            "x-brand-new",
            "guest-set-time",
            "guest-exec-status", // it frees the record of an ended program
            "guest-file-read",   // it moves the position
            "guest-fsfreeze-thaw",
            "qom-set",
            "",
        ] {
            assert_eq!(of(command), Effect::Change, "{command}");
        }
    }

    #[test]
    fn a_human_monitor_line_reads_when_it_asks_for_information() {
        assert_eq!(of_hmp("info block"), Effect::Read);
        assert_eq!(of_hmp("  info"), Effect::Read);
        assert_eq!(of_hmp("savevm x"), Effect::Change);
        assert_eq!(of_hmp("information"), Effect::Change);
        assert_eq!(of_hmp(""), Effect::Change);
    }
}
