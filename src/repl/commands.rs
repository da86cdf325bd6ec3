//! The commands that begin with a colon: the table of them, and the short ones; those that list, save, or run programs
//! are in files beside this one.

mod events;
mod lists;
mod log;
mod programs;
mod saved;
mod top;
mod tree;
mod watch;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::help;
use super::preferences::Preferences;
use super::session::{Answer, Session};
use super::value::Value;
use crate::nearest::did_you_mean;
use crate::report::{Exit, Kind, Report};
use crate::script::ready_made;

/// A command.
pub struct Command {
    /// Its name, without the colon.
    pub name: &'static str,
    /// What follows it, for people.
    pub arguments: &'static str,
    /// What it does.
    pub about: &'static str,
    perform: fn(&mut Session, &str) -> Result<Answer, Report>,
}

/// All commands, in the order of their help.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        arguments: "[TOPIC]",
        about: "what there is, or all about one thing",
        perform: |session, topic| help::tell(session, topic),
    },
    Command {
        name: "use",
        arguments: "VM",
        about: "take a VM into use: it becomes the variable `v`",
        perform: take_into_use,
    },
    Command {
        name: "vms",
        arguments: "[PATTERN]",
        about: "the VMs that are found here, as `:use NAME` knows them",
        perform: lists::vms,
    },
    Command {
        name: "tree",
        arguments: "[VM]",
        about: "drives, block nodes, jobs and exports as a tree",
        perform: tree::tree,
    },
    Command {
        name: "vars",
        arguments: "",
        about: "the variables with their types",
        perform: |session, rest| nothing_after("vars", rest).map(|()| lists::variables(session)),
    },
    Command {
        name: "show",
        arguments: "",
        about: "all of the last value, however long it is",
        perform: |session, rest| nothing_after("show", rest).map(|()| session.tell_all()),
    },
    Command {
        name: "json",
        arguments: "[EXPR]",
        about: "a value as JSON; without an expression, the last one",
        perform: |session, expression| Ok(json(session, expression)),
    },
    Command {
        name: "run",
        arguments: "[SCRIPT] [ARGS...]",
        about: "run a script; alone, lists the ready-made ones",
        perform: run,
    },
    Command {
        name: "time",
        arguments: "EXPR",
        about: "how long it takes",
        perform: time,
    },
    Command {
        name: "watch",
        arguments: "[2s] EXPR",
        about: "its value again and again, with what changed, until a key",
        perform: watch::watch,
    },
    Command {
        name: "top",
        arguments: "",
        about: "how busy the VM in use is, each second, until `q`",
        perform: top::show,
    },
    Command {
        name: "held",
        arguments: "",
        about: "what is undone at the end, a frozen guest for one",
        perform: |session, rest| nothing_after("held", rest).map(|()| lists::held(session)),
    },
    Command {
        name: "release",
        arguments: "",
        about: "undo all that is held now",
        perform: |session, rest| nothing_after("release", rest).map(|()| session.release()),
    },
    Command {
        name: "events",
        arguments: "[VM|on|off] [NAME...]",
        about: "events while you type: all, or as BLOCK_*",
        perform: events::follow,
    },
    Command {
        name: "log",
        arguments: "[-v] [N] [TEXT]",
        about: "the last messages to and from the VMs, 20 or N",
        perform: log::tell,
    },
    Command {
        name: "set",
        arguments: "[NAME VALUE]",
        about: "how the session behaves; alone, what can be set",
        perform: set,
    },
    Command {
        name: "history",
        arguments: "[TEXT]",
        about: "the lines that were typed, or those with the text",
        perform: |session, text| Ok(lists::tell_history(session, text)),
    },
    Command {
        name: "record",
        arguments: "[off]",
        about: "`:save` writes the lines from here to `:record off`",
        perform: saved::record,
    },
    Command {
        name: "save",
        arguments: "FILE",
        about: "write the recorded lines, or all good ones, as a script",
        perform: saved::save,
    },
    Command {
        name: "edit",
        arguments: "",
        about: "change the last good line in $EDITOR, and run it",
        perform: |session, rest| nothing_after("edit", rest).and_then(|()| programs::edit(session)),
    },
    Command {
        name: "shell",
        arguments: "LINE",
        about: "run a line of the host's shell",
        perform: programs::shell,
    },
    Command {
        name: "quit",
        arguments: "",
        about: "leave; what is held is undone",
        perform: |_, rest| nothing_after("quit", rest).map(|()| Answer::Leave(Exit::Done)),
    },
];

/// Does what the text behind the colon says. Fails if there is no such command or it cannot be done.
pub(super) fn perform(session: &mut Session, text: &str) -> Result<Answer, Report> {
    let (name, rest) = text
        .split_once(char::is_whitespace)
        .unwrap_or((text.trim_end(), ""));
    if let Some(asked) = name.strip_suffix('?').filter(|_| rest.is_empty()) {
        return help::tell(session, &format!(":{asked}"));
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names = COMMANDS.iter().map(|command| command.name);
        let hint = did_you_mean(name, names)
            .map_or_else(|| "`:help` lists the commands".to_owned(), with_colon);
        return Err(Report::usage(format!("there is no command `:{name}`")).with_hint(hint));
    };
    (command.perform)(session, rest.trim())
}

fn with_colon(hint: String) -> String {
    hint.replacen('`', "`:", 1)
}

fn nothing_after(name: &str, rest: &str) -> Result<(), Report> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Report::usage(format!(
        "`:{name}` takes nothing, and here is `{rest}`"
    )))
}

fn needed(name: &str, rest: &str, example: &str) -> Result<(), Report> {
    if rest.is_empty() {
        return Err(Report::usage(format!("`:{name}` needs something"))
            .with_hint(format!("as in `{example}`")));
    }
    Ok(())
}

fn take_into_use(session: &mut Session, target: &str) -> Result<Answer, Report> {
    needed("use", target, ":use /run/web01.qmp")?;
    Ok(session.take_into_use(target))
}

fn run(session: &mut Session, line: &str) -> Result<Answer, Report> {
    if line.is_empty() {
        return Ok(session.tell(&ready_made::list()));
    }
    let words = shlex::split(line)
        .ok_or_else(|| Report::usage("the line has a quote that nothing closes"))?;
    session.run_script(words)
}

fn json(session: &mut Session, expression: &str) -> Answer {
    if expression.is_empty() {
        return session.tell_raw(true);
    }
    match session.evaluate(expression) {
        // `last` keeps what it was then.
        Ok(Value::Nothing) => session.tell("null"),
        Ok(_) => session.tell_raw(true),
        Err(answer) => answer,
    }
}

fn time(session: &mut Session, expression: &str) -> Result<Answer, Report> {
    needed("time", expression, ":time v.status")?;
    let (ended, took) = session.timed(expression);
    let answer = match ended {
        Ok(value) => session.tell_value(&value),
        Err(answer) => answer,
    };
    if matches!(answer, Answer::Leave(_)) {
        return Ok(answer);
    }
    match session.tell(&format!("took {}", precise(took))) {
        Answer::Done => Ok(answer),
        unwritten => Ok(unwritten),
    }
}

/// A time in the unit that keeps three digits of it.
fn precise(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

fn set(session: &mut Session, words: &str) -> Result<Answer, Report> {
    if words.is_empty() {
        let row = |(name, value, about): (&str, String, &str)| {
            Value::Map(vec![
                ("name".to_owned(), Value::Text(name.to_owned())),
                ("value".to_owned(), Value::Other(value)),
                ("what it is".to_owned(), Value::Other(about.to_owned())),
            ])
        };
        let rows = session.preferences().list().into_iter().map(row);
        let rows = Value::List(rows.collect());
        return Ok(session.tell_shown(&rows));
    }
    let Some((name, value)) = words.split_once(char::is_whitespace) else {
        let names: Vec<&str> = Preferences::names().collect();
        return Err(
            Report::usage("`:set` needs a name and a value").with_hint(format!(
                "as in `:set mode vi`; there are {}",
                names.join(", ")
            )),
        );
    };
    session.preferences_mut().set(name, value.trim())?;
    Ok(Answer::Done)
}

/// A path as it is typed, in which `~` begins what is in the user's home.
fn home(path: &str) -> PathBuf {
    let below = path.strip_prefix("~/");
    let home = env::var_os("HOME").filter(|home| !home.is_empty());
    match below.zip(home) {
        Some((below, home)) => Path::new(&home).join(below),
        None => PathBuf::from(path),
    }
}

fn unwritable(path: &str, error: &io::Error) -> Report {
    Report::new(Kind::Host, format!("`{path}` cannot be written: {error}"))
}
