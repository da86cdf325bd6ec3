//! What the help and the man pages say beyond arguments: examples, exit codes, environment, files. Each is one table here, so
//! that the two never disagree.

use std::fmt::Write;

use clap::Command;

/// The longest name that has its meaning beside it.
const WIDEST: usize = 40;

/// A name and what it means.
pub(super) type Entry = (&'static str, &'static str);

/// An example: what it does, and the line.
struct Example {
    command: &'static str,
    does: &'static str,
    line: &'static str,
}

const fn example(command: &'static str, does: &'static str, line: &'static str) -> Example {
    Example {
        command,
        does,
        line,
    }
}

/// Examples, by the command that they are of.
const EXAMPLES: &[Example] = &[
    example(
        "run",
        "Snapshot a VM's disks while its file systems are frozen",
        "qmpsh run freeze-snapshot-thaw web01",
    ),
    example(
        "run",
        "See what a script takes",
        "qmpsh run freeze-snapshot-thaw --help",
    ),
    example(
        "eval",
        "The state of a VM",
        "qmpsh eval 'vm(\"web01\").status'",
    ),
    example(
        "eval",
        "The same for words that are given, side by side",
        "qmpsh eval 'parallel(args, |x| vm(x).status)' web01 web02",
    ),
    example(
        "scripts",
        "Copy a ready-made script to change it",
        "qmpsh scripts freeze-snapshot-thaw > backup.rhai",
    ),
    example(
        "check",
        "Whether a script suits two versions of QEMU",
        "qmpsh check --qemu 7.2,11.1 backup.rhai",
    ),
    example(
        "check",
        "The same for the QEMU of a VM",
        "qmpsh check --vm web01 backup.rhai",
    ),
    example("qmp", "Ask one question", "qmpsh qmp web01 query-status"),
    example(
        "qmp",
        "Take the medium out of a drive, with force",
        "qmpsh qmp web01 eject id=cd0 force=true",
    ),
    example(
        "qmp",
        "See what a command takes",
        "qmpsh qmp web01 blockdev-add --help",
    ),
    example(
        "agent",
        "The addresses of a guest",
        "qmpsh agent web01 network-get-interfaces",
    ),
    example("ls", "The VMs of this host", "qmpsh ls"),
    example(
        "ls",
        "Some of them, for a program",
        "qmpsh ls 'web*' --json",
    ),
    example(
        "config",
        "What is in force, and from which file",
        "qmpsh config",
    ),
    example(
        "events",
        "Follow two VMs until Ctrl-C",
        "qmpsh events web01 web02",
    ),
    example(
        "events",
        "Wait for the next end of a block job, for a program",
        "qmpsh events web01 -e 'BLOCK_JOB_*' -n 1 --json",
    ),
    example("thaw", "Thaw a guest", "qmpsh thaw web01"),
    example(
        "thaw",
        "Thaw all that dead runs left frozen",
        "qmpsh thaw --stale",
    ),
    example(
        "completions",
        "For this shell (zsh and fish read the same from their own files)",
        "source <(qmpsh completions bash)",
    ),
    example(
        "completions",
        "For all users of fish",
        "qmpsh completions fish > /usr/share/fish/vendor_completions.d/qmpsh.fish",
    ),
    example(
        "man",
        "Read the page of a command",
        "qmpsh man events | man -l -",
    ),
    example(
        "man",
        "Install it",
        "qmpsh man events > /usr/local/share/man/man1/qmpsh-events.1",
    ),
];

/// The exit codes and what they mean.
pub(super) const EXIT_CODES: &[Entry] = &[
    ("0", "done"),
    ("1", "the script failed: an uncaught error or `fail`"),
    (
        "2",
        "wrong usage: arguments, a script that does not compile, a bad configuration",
    ),
    (
        "3",
        "no such VM, or it cannot be reached, or another client holds its monitor",
    ),
    ("4", "the VM or its agent refused the command"),
    ("5", "a deadline passed"),
    (
        "6",
        "refused by policy: read-only, or a host access that the script's header does not declare",
    ),
    ("70", "a fault of qmpsh itself"),
    (
        "128+n",
        "ended by signal n, after clean-up: 130 after Ctrl-C",
    ),
];

/// The variables that change what qmpsh does.
pub(super) const ENVIRONMENT: &[Entry] = &[
    ("NO_COLOR", "no colours, unless --color asks for them"),
    (
        "QMPSH_STATE_DIR",
        "the folder in which freezes are recorded until their guests are thawed",
    ),
    (
        "XDG_CONFIG_HOME",
        "where the user's configuration and modules are; ~/.config if unset",
    ),
    (
        "XDG_STATE_HOME",
        "where a user's state is kept, but not root's; ~/.local/state if unset",
    ),
];

/// The files that qmpsh reads and writes.
pub(super) const FILES: &[Entry] = &[
    (
        "./qmpsh.toml, ~/.config/qmpsh/config.toml, /etc/qmpsh/config.toml",
        "the configuration: VMs by name, and where others are looked for; the nearer one counts",
    ),
    (
        "~/.config/qmpsh/lib",
        "modules that scripts can import by their names",
    ),
    (
        "/var/lib/qmpsh, ~/.local/state/qmpsh",
        "records of freezes, root's and a user's",
    ),
];

/// The examples of a command: what each does, and the line.
pub(super) fn examples(command: &str) -> impl Iterator<Item = Entry> {
    let of_command = EXAMPLES
        .iter()
        .filter(move |example| example.command == command);
    of_command.map(|example| (example.does, example.line))
}

/// The command line with what its help says beyond arguments.
pub(super) fn with_help(command: Command) -> Command {
    let mut tables = String::new();
    for (title, entries) in [
        ("Exit codes", EXIT_CODES),
        ("Environment", ENVIRONMENT),
        ("Files", FILES),
    ] {
        let widths = entries.iter().map(|(name, _)| name.len());
        let width = widths.filter(|width| *width <= WIDEST).max();
        let width = width.unwrap_or_default();
        let _ = writeln!(tables, "{title}:");
        for (name, meaning) in entries {
            let _ = if name.len() > WIDEST {
                writeln!(tables, "  {name}\n  {:width$}  {meaning}", "")
            } else {
                writeln!(tables, "  {name:width$}  {meaning}")
            };
        }
        tables.push('\n');
    }
    command
        .after_long_help(tables.trim_end().to_owned())
        .mut_subcommands(|command| {
            let mut text = String::new();
            for (does, line) in examples(command.get_name()) {
                let _ = write!(text, "\n  {does}:\n    {line}");
            }
            if text.is_empty() {
                command
            } else {
                command.after_help(format!("Examples:{text}"))
            }
        })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::CommandLine;
    use crate::report::Exit;

    #[test]
    fn every_example_is_a_line_that_its_command_takes() {
        for Example { command, line, .. } in EXAMPLES {
            let inner = line
                .strip_prefix("source <(")
                .map_or(*line, |inner| inner.trim_end_matches(')'));
            let words = shlex::split(inner).unwrap();
            let words = words
                .iter()
                .take_while(|word| !matches!(word.as_str(), ">" | "|"));
            assert_eq!(words.clone().nth(1).unwrap(), command, "{line}");
            if !words.clone().any(|word| word == "--help") {
                CommandLine::try_parse_from(words).unwrap();
            }
        }
    }

    #[test]
    fn every_command_has_an_example() {
        let command = CommandLine::command();
        for command in command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            assert!(
                examples(command.get_name()).next().is_some(),
                "{}",
                command.get_name()
            );
        }
    }

    #[test]
    fn the_exit_codes_are_those_of_the_program() {
        let exits = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Unreachable,
            Exit::Refused,
            Exit::Deadline,
            Exit::Denied,
            Exit::Fault,
        ];
        let codes: Vec<String> = exits.iter().map(|exit| exit.code().to_string()).collect();
        let told: Vec<&str> = EXIT_CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(told[..codes.len()], codes);
        assert_eq!(told[codes.len()..], ["128+n"]);
    }
}
