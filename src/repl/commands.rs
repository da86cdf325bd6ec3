//! The commands that begin with a colon: the table of them, and what they do.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitStatus};
use std::time::{Duration, SystemTime};

use super::preferences::Preferences;
use super::session::{Answer, Session};
use super::show::{Style, show};
use super::value::Value;
use super::{help, whole};
use crate::duration;
use crate::inventory::{Filter, Found};
use crate::nearest::did_you_mean;
use crate::report::{Exit, Kind, Report};

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
        about: "what there is, or all about one function, type or module",
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
        perform: vms,
    },
    Command {
        name: "vars",
        arguments: "",
        about: "the variables with their types",
        perform: |session, rest| nothing_after("vars", rest).map(|()| variables(session)),
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
        name: "time",
        arguments: "EXPR",
        about: "how long it takes",
        perform: time,
    },
    Command {
        name: "held",
        arguments: "",
        about: "what is undone at the end, a frozen guest for one",
        perform: |session, rest| nothing_after("held", rest).map(|()| held(session)),
    },
    Command {
        name: "release",
        arguments: "",
        about: "undo all that is held now",
        perform: |session, rest| nothing_after("release", rest).map(|()| session.release()),
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
        perform: |session, text| Ok(tell_history(session, text)),
    },
    Command {
        name: "save",
        arguments: "FILE",
        about: "write the lines that succeeded as a script",
        perform: save,
    },
    Command {
        name: "edit",
        arguments: "",
        about: "change the last good line in $EDITOR, and run it",
        perform: |session, rest| nothing_after("edit", rest).and_then(|()| edit(session)),
    },
    Command {
        name: "shell",
        arguments: "LINE",
        about: "run a line of the host's shell",
        perform: shell,
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

fn vms(session: &mut Session, pattern: &str) -> Result<Answer, Report> {
    let filter = match pattern {
        "" => Filter::default(),
        pattern => Filter::called(pattern).map_err(Report::usage)?,
    };
    let scan = match session.find() {
        Ok(scan) => scan,
        Err(answer) => return Ok(answer),
    };
    for trouble in &scan.troubles {
        session.complain(&Report::new(Kind::Host, trouble.to_string()));
    }
    let text = |text: &str| match text {
        "" => Value::Nothing,
        text => Value::Text(text.to_owned()),
    };
    let row = |vm: &Found| {
        Value::Map(vec![
            ("name".to_owned(), text(&vm.label())),
            (
                "uuid".to_owned(),
                text(vm.uuid.as_deref().unwrap_or_default()),
            ),
            ("labels".to_owned(), text(&vm.labels.join(" "))),
            ("found by".to_owned(), text(vm.provider)),
        ])
    };
    let rows: Vec<Value> = scan
        .found
        .iter()
        .filter(|vm| filter.admits(vm))
        .map(row)
        .collect();
    if rows.is_empty() {
        return Ok(session.tell("no VM is found here"));
    }
    Ok(session.tell_shown(&Value::List(rows)))
}

fn variables(session: &mut Session) -> Answer {
    let mut rows: Vec<Value> = session
        .variables()
        .into_iter()
        .map(|(name, kind, value)| {
            let line = Style {
                color: false,
                width: 60,
                lines: 1,
            };
            let shown = match &value {
                Value::List(items) => format!("{} items", items.len()),
                Value::Map(members) => format!("{} keys", members.len()),
                value => show(value, line).unwrap_or_default(),
            };
            let first = shown.lines().next().unwrap_or_default();
            Value::Map(vec![
                ("name".to_owned(), Value::Text(name)),
                ("type".to_owned(), Value::Text(kind)),
                ("value".to_owned(), Value::Other(first.to_owned())),
            ])
        })
        .collect();
    rows.reverse();
    if rows.is_empty() {
        return session.tell("no variables yet");
    }
    session.tell_shown(&Value::List(rows))
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

fn held(session: &mut Session) -> Answer {
    let held = session.held();
    let what = held.describe();
    if what.is_empty() {
        return session.tell("nothing is held");
    }
    let mut lines = what;
    for guest in held.frozen() {
        let left = guest
            .until
            .saturating_duration_since(std::time::Instant::now());
        let left = duration::show(Duration::from_secs(left.as_secs()));
        lines.push(format!("{} is thawed by itself in {left}", guest.vm));
    }
    let list: Vec<Value> = lines.into_iter().map(Value::Other).collect();
    let mut answer = Answer::Done;
    for line in list {
        answer = session.tell_shown(&line);
    }
    answer
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

fn tell_history(session: &mut Session, text: &str) -> Answer {
    let lines = session.history();
    let mut answer = Answer::Done;
    for (number, line) in lines.iter().enumerate() {
        if !line.contains(text) {
            continue;
        }
        let shown = crate::wire::escape::escaped_lines(line).replace('\n', "\n       ");
        answer = session.tell(&format!("{:5}  {shown}", number + 1));
        if answer != Answer::Done {
            break;
        }
    }
    answer
}

fn save(session: &mut Session, path: &str) -> Result<Answer, Report> {
    needed("save", path, ":save backup.rhai")?;
    let lines = session.succeeded();
    if lines.is_empty() {
        return Err(Report::usage(
            "no line has succeeded yet, so there is nothing to save",
        ));
    }
    let script = as_script(lines);
    let count = lines.len();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| unwritable(path, &error))?;
    file.write_all(script.as_bytes())
        .map_err(|error| unwritable(path, &error))?;
    if let Some(wrong) = session.check(&script) {
        let message = format!("`{path}` is written, but does not run as it is: {wrong}");
        return Err(Report::new(Kind::Script, message)
            .with_hint("a script can define a function once only: remove the older one"));
    }
    let lines = if count == 1 { "line" } else { "lines" };
    Ok(session.tell(&format!(
        "wrote {count} {lines} to {path}: `qmpsh run {path}` does it again"
    )))
}

fn unwritable(path: &str, error: &std::io::Error) -> Report {
    Report::new(Kind::Host, format!("`{path}` cannot be written: {error}"))
}

/// The lines with a header, each closed so that the next can follow.
fn as_script(lines: &[String]) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let mut script = format!("//! Lines of a session, saved on {now}.\n\n");
    for line in lines {
        script.push_str(line.trim_end());
        let end = line.lines().next_back().unwrap_or_default();
        if !line.trim_end().ends_with([';', '}']) || end.trim_start().starts_with("#{") {
            // Behind a comment it would be a part of that.
            script.push_str(if end.contains("//") { "\n;" } else { ";" });
        }
        script.push('\n');
    }
    script
}

fn edit(session: &mut Session) -> Result<Answer, Report> {
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|editor| !editor.is_empty())
        .unwrap_or_else(|| "vi".into());
    let draft = Draft::new(session.succeeded().last().map_or("", String::as_str))?;
    let line = format!("{} \"$1\"", editor.to_string_lossy());
    let status = Program::new("/bin/sh")
        .args(["-c", &line, "sh"])
        .arg(&draft.0)
        .status()
        .map_err(|error| Report::new(Kind::Host, format!("the editor cannot be run: {error}")))?;
    if !status.success() {
        let how = ended(status);
        return Err(Report::new(
            Kind::Host,
            format!("the editor {how}, so nothing is run"),
        ));
    }
    let text = fs::read_to_string(&draft.0)
        .map_err(|error| Report::new(Kind::Host, format!("the text cannot be read: {error}")))?;
    drop(draft);
    if text.trim().is_empty() || !whole::is_whole(text.trim_end()) && text.trim().starts_with(':') {
        return Ok(Answer::Done);
    }
    let shown = crate::wire::escape::escaped_lines(text.trim_end()).into_owned();
    match session.tell(&shown) {
        Answer::Done => Ok(session.take(&text)),
        unwritten => Ok(unwritten),
    }
}

/// A file with a text that is being written, for nobody else's eyes; removed when dropped.
struct Draft(PathBuf);

impl Draft {
    fn new(text: &str) -> Result<Self, Report> {
        let path = env::temp_dir().join(format!(
            "qmpsh-{}-{}.rhai",
            std::process::id(),
            SystemTime::UNIX_EPOCH
                .elapsed()
                .unwrap_or_default()
                .as_nanos()
        ));
        let failed = |error| unwritable(&path.display().to_string(), &error);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let draft = Self(path);
        let text = if text.is_empty() {
            String::new()
        } else {
            format!("{text}\n")
        };
        file.write_all(text.as_bytes())
            .map_err(|error| unwritable(&draft.0.display().to_string(), &error))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // An editor may have moved it away.
        let _ = fs::remove_file(Path::new(&self.0));
    }
}

fn shell(session: &mut Session, line: &str) -> Result<Answer, Report> {
    needed("shell", line, ":shell ls /run")?;
    if let Some(mode) = session.mode() {
        let message =
            format!("`:shell` could change a VM by other ways, and this session is {mode}");
        return Err(Report::new(Kind::Denied, message));
    }
    let status = Program::new("/bin/sh")
        .args(["-c", line])
        .status()
        .map_err(|error| Report::new(Kind::Host, format!("the shell cannot be run: {error}")))?;
    if status.success() {
        return Ok(Answer::Done);
    }
    Err(Report::new(
        Kind::Host,
        format!("the line {}", ended(status)),
    ))
}

fn ended(status: ExitStatus) -> String {
    status.code().map_or_else(
        || "was ended by a signal".to_owned(),
        |code| format!("ended with exit code {code}"),
    )
}

#[cfg(test)]
mod tests {
    use super::as_script;

    #[test]
    fn lines_are_closed_so_that_they_are_a_script() {
        let lines = [
            "let x = 1",
            "fn f() { 1 }",
            "x + 1 // one",
            "print(x);",
            "#{ a: 1 }",
        ];
        let script = as_script(&lines.map(str::to_owned));
        let (header, rest) = script.split_once("\n\n").unwrap();
        assert!(
            header.starts_with("//! Lines of a session, saved on 2"),
            "{header}"
        );
        assert_eq!(
            rest,
            "let x = 1;\nfn f() { 1 }\nx + 1 // one\n;\nprint(x);\n#{ a: 1 };\n"
        );
    }
}
