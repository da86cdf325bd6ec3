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

/// Monitor commands that read, beside everything called `query-*` and `x-query-*`. What writes a file of the host's
/// (`dump-skeys`, `dumpdtb`, `screendump`, `memsave`), reads the guest's memory or takes what it reads away (`ringbuf-read`)
/// is not among them.
const MONITOR_READS: &[&str] = &[
    "device-list-properties",
    "qom-get",
    "qom-list",
    "qom-list-get",
    "qom-list-properties",
    "qom-list-types",
    "request-ebpf",
    "trace-event-get-state",
    "x-accel-stats",
    "x-debug-block-dirty-bitmap-sha256",
    "x-debug-query-block-graph",
    "xen-event-list",
];

/// Monitor commands that look, though they are called as queries.
const MONITOR_LOOKS: &[&str] = &[
    "query-rx-filter", // the next NIC_RX_FILTER_CHANGED comes only after it
    "x-query-profile", // it tells what was since the last time
];

/// Agent commands that read, beside everything with `-get-` in its name.
const AGENT_READS: &[&str] = &[
    "guest-fsfreeze-status",
    "guest-info",
    "guest-ping",
    "guest-sync",
    "guest-sync-delimited",
];

/// Agent commands that look. Handles count for all clients of the agent: it is the caller's own that is meant.
const AGENT_LOOKS: &[&str] = &["guest-file-close", "guest-file-read", "guest-file-seek"];

/// First words of human-monitor lines that read. Memory (`x`, `xp`) and ports (`i`) are not among them: where a device is
/// behind them, to read is to act.
const HMP_READS: &[&str] = &["info", "help", "?", "print", "p", "qom-list", "qom-get"];

/// What `info` looks at: it is another thing the next time.
const HMP_LOOKS: &[&str] = &["profile"];

/// How the guest's files begin that are none: to open a watchdog starts it.
const DEVICES: &[&str] = &["/dev/", r"\\.\", "//./"];

/// The effect of a QMP or agent command with these arguments.
pub fn of(command: &str, arguments: &Arguments) -> Effect {
    let text = |name: &str| arguments.get(name).and_then(|value| value.as_str());
    // Agent names are told from monitor names by their prefix, which no QMP command has.
    let reads = match command {
        // Without a mode, the agent opens for reading.
        "guest-file-open" => match arguments.get("mode").map(|_| text("mode")) {
            None | Some(Some("r" | "rb")) if !text("path").is_some_and(is_device) => {
                return Effect::Look;
            }
            _ => false,
        },
        "human-monitor-command" => return text("command-line").map_or(Effect::Change, of_line),
        _ if MONITOR_LOOKS.contains(&command) => return Effect::Look,
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

/// The effect of a line for the human monitor: `info ...` reads.
fn of_line(line: &str) -> Effect {
    let mut words = line.split_whitespace();
    // A format may stand behind the command: `print/x`.
    let command = words.next().and_then(|word| word.split('/').next());
    if !command.is_some_and(|word| HMP_READS.contains(&word)) || line.contains(['\n', '\r']) {
        return Effect::Change;
    }
    match words.next() {
        Some(of) if HMP_LOOKS.contains(&of) => Effect::Look,
        _ => Effect::Read,
    }
}

/// Whether a path in the guest leads among the devices, by its text: what a link leads to cannot be seen from here.
fn is_device(path: &str) -> bool {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let plain = format!("/{}", parts.join("/"));
    let leads = |path: &str| DEVICES.iter().any(|begin| path.starts_with(begin));
    leads(path) || leads(&plain) || (parts.contains(&"..") && parts.contains(&"dev"))
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
    fn what_moves_a_position_looks() {
        for command in ["guest-file-read", "guest-file-seek", "guest-file-close"] {
            let arguments = json!({ "handle": 1000 });
            assert_eq!(with(command, arguments), Effect::Look, "{command}");
        }
    }

    #[test]
    fn queries_that_take_something_away_look_and_are_not_sent_twice() {
        for command in ["query-rx-filter", "x-query-profile"] {
            assert_eq!(with(command, json!({})), Effect::Look, "{command}");
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
            "ringbuf-read",
            "dump-skeys",
            "screendump",
            "memsave",
            // It frees the record of the program that has ended, which may be another client's.
            "guest-exec-status",
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
    fn to_open_a_device_changes_whichever_way_it_is_opened() {
        let open = |path: &str| with("guest-file-open", json!({ "path": path }));
        for device in [
            "/dev/watchdog",
            "//dev/./watchdog",
            "/./dev/mem",
            "/tmp/../dev/watchdog",
            r"\\.\PhysicalDrive0",
            "//./COM1",
        ] {
            assert_eq!(open(device), Effect::Change, "{device}");
        }
        for file in [
            "/etc/hostname",
            "/home/dev/notes",
            "/device",
            "dev",
            "C:\\dev",
        ] {
            assert_eq!(open(file), Effect::Look, "{file}");
        }
    }

    #[test]
    fn a_human_monitor_line_reads_when_it_asks_for_information() {
        let line = |line: &str| with("human-monitor-command", json!({ "command-line": line }));
        for reads in [
            "info block",
            "  info",
            "p $pc",
            "print/x 5",
            "help",
            "qom-list /",
        ] {
            assert_eq!(line(reads), Effect::Read, "{reads}");
        }
        assert_eq!(line("info profile"), Effect::Look);
        for changes in [
            "savevm x",
            "information",
            "",
            "info block\nquit",
            // Where a device is behind the address, to read is to act.
            "x /4i $pc",
            "xp/4xw 0xfee00000",
            "i /b 0x60",
            "o /b 0x64 0xfe",
            "gva2gpa 0",
            "sum 0 16",
            "qom-set / a b",
        ] {
            assert_eq!(line(changes), Effect::Change, "{changes}");
        }
    }
}
