//! Which commands end or destroy what cannot be had back, decided by rule in this one table: at a terminal somebody is
//! asked before one is sent.
//!
//! Not among them is what QEMU itself refuses while it is in use, as `blockdev-del` and `object-del`.

use super::machine::Arguments;

/// What a destructive command would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harm {
    /// The command as people know it, with what it is about: `device_del nic1`.
    pub command: String,
    /// What comes of it.
    pub what: &'static str,
}

/// Commands, with the argument that tells what they are about, and what comes of them.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("quit", "", "this ends its QEMU"),
    ("system_reset", "", "its guest does not shut down first"),
    ("system_powerdown", "", "its guest is told to shut down"),
    ("inject-nmi", "", "most guests crash by it"),
    ("device_del", "id", "its guest loses the device"),
    ("netdev_del", "id", "its guest loses that network"),
    ("snapshot-delete", "tag", "the snapshot is lost"),
    (
        "snapshot-load",
        "tag",
        "all that came after the snapshot is lost",
    ),
    (
        "blockdev-snapshot-delete-internal-sync",
        "name",
        "the snapshot is lost",
    ),
    ("guest-shutdown", "mode", "its guest goes down"),
    ("guest-suspend-disk", "", "its guest goes to sleep"),
    ("guest-suspend-ram", "", "its guest goes to sleep"),
    ("guest-suspend-hybrid", "", "its guest goes to sleep"),
];

/// First words of human-monitor lines, with the command of the same effect; those without one say for themselves.
const HMP: &[(&str, &str, &str)] = &[
    ("q", "quit", ""),
    ("quit", "quit", ""),
    ("system_reset", "system_reset", ""),
    ("system_powerdown", "system_powerdown", ""),
    ("nmi", "inject-nmi", ""),
    ("device_del", "device_del", ""),
    ("netdev_del", "netdev_del", ""),
    ("delvm", "snapshot-delete", ""),
    ("loadvm", "snapshot-load", ""),
    ("drive_del", "", "its guest loses the disk"),
];

/// The harm of a QMP or agent command with these arguments, if it does any.
pub fn of(command: &str, arguments: &Arguments) -> Option<Harm> {
    if command == "human-monitor-command" {
        return of_line(arguments.get("command-line")?.as_str()?);
    }
    let (_, about, what) = COMMANDS.iter().find(|(name, ..)| *name == command)?;
    let about = arguments.get(*about).and_then(|value| value.as_str());
    Some(Harm {
        command: named(command, about),
        what,
    })
}

fn of_line(line: &str) -> Option<Harm> {
    let mut words = line.split_whitespace();
    let word = words.next()?;
    let (_, same_as, what) = HMP.iter().find(|(name, ..)| *name == word)?;
    let known = COMMANDS.iter().find(|(name, ..)| name == same_as);
    Some(Harm {
        command: named(word, words.next()),
        what: known.map_or(what, |(.., what)| what),
    })
}

fn named(command: &str, about: Option<&str>) -> String {
    match about {
        Some(about) => format!("{command} {about}"),
        None => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{COMMANDS, HMP, of};
    use crate::vm::effect::{self, Effect};
    use crate::vm::machine::object;

    #[test]
    fn what_ends_or_destroys_is_told_with_what_it_is_about() {
        for (command, arguments, told, what) in [
            ("quit", json!({}), "quit", "this ends its QEMU"),
            (
                "device_del",
                json!({ "id": "nic1" }),
                "device_del nic1",
                "its guest loses the device",
            ),
            (
                "human-monitor-command",
                json!({ "command-line": " q " }),
                "q",
                "this ends its QEMU",
            ),
            (
                "human-monitor-command",
                json!({ "command-line": "drive_del disk0" }),
                "drive_del disk0",
                "its guest loses the disk",
            ),
        ] {
            let harm = of(command, &object(arguments)).unwrap();
            assert_eq!((harm.command.as_str(), harm.what), (told, what));
        }
    }

    #[test]
    fn what_can_be_undone_or_qemu_refuses_itself_is_no_harm() {
        for (command, arguments) in [
            ("stop", json!({})),
            ("eject", json!({ "id": "cd0", "force": true })),
            ("blockdev-del", json!({ "node-name": "disk0" })),
            (
                "human-monitor-command",
                json!({ "command-line": "info block" }),
            ),
            ("human-monitor-command", json!({})),
            ("query-status", json!({})),
        ] {
            assert_eq!(of(command, &object(arguments)), None, "{command}");
        }
    }

    #[test]
    fn all_harm_is_a_change_and_has_its_words() {
        for (command, _, what) in COMMANDS {
            assert_eq!(effect::of(command, &object(json!({}))), Effect::Change);
            assert!(!what.is_empty());
        }
        for (word, ..) in HMP {
            let arguments = object(json!({ "command-line": word }));
            let harm = of("human-monitor-command", &arguments).unwrap();
            assert!(!harm.what.is_empty(), "{word}");
            let effect = effect::of("human-monitor-command", &arguments);
            assert_eq!(effect, Effect::Change, "{word}");
        }
    }
}
