//! Which commands only read, which look, and which change something, decided by rule in this one table.
//!
//! It answers two questions. Only a read is sent a second time after a lost connection. Only a change is refused by a run
//! that is read-only, and left out by a dry run. An unknown command counts as a change.

use super::machine::Arguments;

/// What a command does to the VM, its guest or its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads; sending it twice is the same as sending it once.
    Read,
    /// It changes nothing that anybody else sees, but sent twice it is not the same: it moves a position, or hands out a
    /// handle.
    Look,
    /// It changes something, or may.
    Change,
}

/// Monitor commands that read, beside everything called `query-*` and `x-query-*`.
const MONITOR_READS: &[&str] = &[
    "device-list-properties",
    "qom-get",
    "qom-list",
    "qom-list-get",
    "qom-list-properties",
    "qom-list-types",
    "x-debug-query-block-graph",
];

/// Agent commands that read, beside everything with `-get-` in its name.
const AGENT_READS: &[&str] = &[
    "guest-fsfreeze-status",
    "guest-info",
    "guest-ping",
    "guest-sync",
    "guest-sync-delimited",
];

/// Agent commands that look.
const AGENT_LOOKS: &[&str] = &[
    "guest-exec-status", // it frees the record of an ended program
    "guest-file-close",
    "guest-file-read",
    "guest-file-seek",
];

/// First words of human-monitor lines that read.
const HMP_READS: &[&str] = &["info", "help", "?", "print", "p", "x", "xp"];

/// The effect of a QMP or agent command with these arguments.
pub fn of(command: &str, arguments: &Arguments) -> Effect {
    let text = |name: &str| arguments.get(name).and_then(|value| value.as_str());
    // Agent names are told from monitor names by their prefix, which no QMP command has.
    let reads = match command {
        // Without a mode, the agent opens for reading.
        "guest-file-open" => match arguments.get("mode").map(|_| text("mode")) {
            None | Some(Some("r" | "rb")) => return Effect::Look,
            _ => false,
        },
        "human-monitor-command" => text("command-line").is_some_and(line_reads),
        _ if command.starts_with("guest-") => {
            if AGENT_LOOKS.contains(&command) {
                return Effect::Look;
            }
            command.starts_with("guest-get-")
                || command.starts_with("guest-network-get-")
                || command.starts_with("guest-ssh-get-")
                || AGENT_READS.contains(&command)
        }
        _ => {
            command.starts_with("query-")
                || command.starts_with("x-query-")
                || MONITOR_READS.contains(&command)
        }
    };
    if reads { Effect::Read } else { Effect::Change }
}

/// Whether a line for the human monitor reads: `info ...` does.
fn line_reads(line: &str) -> bool {
    let word = line.split_whitespace().next();
    word.is_some_and(|word| HMP_READS.contains(&word)) && !line.contains(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::vm::machine::object;

    fn with(command: &str, arguments: Value) -> Effect {
        of(command, &object(arguments))
    }

    #[test]
    fn queries_and_the_listed_commands_read() {
        for command in [
            "query-status",
            "query-a-command-of-the-future",
            "x-query-irq",
            "x-debug-query-block-graph",
            "qom-get",
            "guest-get-osinfo",
            "guest-network-get-route",
            "guest-fsfreeze-status",
        ] {
            assert_eq!(with(command, json!({})), Effect::Read, "{command}");
        }
    }

    #[test]
    fn what_moves_a_position_or_frees_a_record_looks() {
        for command in [
            "guest-exec-status",
            "guest-file-read",
            "guest-file-seek",
            "guest-file-close",
        ] {
            let arguments = json!({ "handle": 1000 });
            assert_eq!(with(command, arguments), Effect::Look, "{command}");
        }
    }

    #[test]
    fn everything_else_changes_and_so_do_unknown_commands() {
        for command in [
            "eject",
            "human-monitor-command",
            "x-brand-new",
            "guest-set-time",
            "guest-file-write",
            "guest-fsfreeze-thaw",
            "qom-set",
            "",
        ] {
            assert_eq!(with(command, json!({})), Effect::Change, "{command}");
        }
    }

    #[test]
    fn a_file_is_opened_to_look_where_its_mode_only_reads() {
        let open = |arguments| with("guest-file-open", arguments);
        assert_eq!(open(json!({ "path": "/a" })), Effect::Look);
        for (mode, effect) in [
            (json!("r"), Effect::Look),
            (json!("rb"), Effect::Look),
            (json!("r+"), Effect::Change),
            (json!("rb+"), Effect::Change),
            (json!("w"), Effect::Change),
            (json!("ab"), Effect::Change),
            (json!(7), Effect::Change),
            (json!(null), Effect::Change),
        ] {
            let asked = open(json!({ "path": "/a", "mode": mode }));
            assert_eq!(asked, effect, "{mode}");
        }
    }

    #[test]
    fn a_human_monitor_line_reads_when_it_asks_for_information() {
        let line = |line: &str| with("human-monitor-command", json!({ "command-line": line }));
        for reads in ["info block", "  info", "x /4i $pc", "help"] {
            assert_eq!(line(reads), Effect::Read, "{reads}");
        }
        for changes in ["savevm x", "information", "", "info block\nquit"] {
            assert_eq!(line(changes), Effect::Change, "{changes}");
        }
    }
}
