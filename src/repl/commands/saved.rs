//! `:record` and `:save`: lines that succeeded, as a script.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;

use super::{home, needed, unwritable};
use crate::repl::code::{Definition, definitions};
use crate::repl::session::{Answer, Session};
use crate::report::{Kind, Report};
use crate::wire::secret;

pub(super) fn record(session: &mut Session, rest: &str) -> Result<Answer, Report> {
    match rest {
        "" => {
            session.record();
            Ok(Answer::Done)
        }
        "off" => {
            let Some(count) = session.lines_mut().end_record() else {
                return Err(Report::usage("nothing is being recorded")
                    .with_hint("`:record` begins, and `:save FILE` writes what was recorded"));
            };
            let what = counted(count);
            Ok(session.tell(&format!("{what} recorded, for `:save FILE`")))
        }
        _ => Err(Report::usage(format!(
            "`:record` takes nothing, or `off`, and here is `{rest}`"
        ))
        .with_hint(format!(
            "`:save {rest}` writes the lines that were recorded; `qmpsh --record {rest}` records a session's messages, to \
             be played again"
        ))),
    }
}

pub(super) fn save(session: &mut Session, path: &str) -> Result<Answer, Report> {
    needed("save", path, ":save backup.rhai")?;
    let lines = session.lines().wanted();
    if lines.is_empty() {
        let since = if session.lines().has_record() {
            "since `:record`"
        } else {
            "yet"
        };
        let message = format!("no line has succeeded {since}, so there is nothing to save");
        return Err(Report::usage(message));
    }
    let script = as_script(&lines);
    let what = counted(lines.len());
    let has_secret = lines.iter().any(|line| secret::may_be_in(line));
    // Whatever the lines hold, whoever typed them decides who else reads it.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(home(path))
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                Report::new(Kind::Host, format!("`{path}` is there already"))
                    .with_hint("nothing is written over: choose another name, or remove it")
            }
            _ => unwritable(path, &error),
        })?;
    file.write_all(script.as_bytes())
        .map_err(|error| unwritable(path, &error))?;
    if let Some((line, wrong)) = session.check(&script) {
        let message = format!(
            "`{path}` is written, but does not run as it is: in line {line}, {}",
            wrong.message
        );
        let report = Report::new(Kind::Script, message);
        return Err(Report {
            hint: wrong.hint,
            ..report
        });
    }
    let secret = if has_secret {
        "\nit may hold a secret, and is for your eyes only: a script would better read that from a file"
    } else {
        ""
    };
    Ok(session.tell(&format!(
        "wrote {what} to {path}: `qmpsh run {path}` does it again{secret}"
    )))
}

fn counted(lines: usize) -> String {
    match lines {
        1 => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    }
}

/// The lines with a header, each closed so that the next can follow.
fn as_script(lines: &[&str]) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let mut script = format!("//! Lines of a session, saved on {now}.\n\n");
    for line in newest(lines) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        script.push_str(line);
        let end = line.lines().next_back().unwrap_or_default();
        let is_function = definitions(line)
            .first()
            .is_some_and(|one| one.place == (0..line.len()));
        if !line.ends_with(';') && !is_function {
            // Behind a comment it would be a part of that.
            script.push_str(if end.contains("//") { "\n;" } else { ";" });
        }
        script.push('\n');
    }
    script
}

/// The lines without the functions that later ones define anew, which a script may not.
fn newest(lines: &[&str]) -> Vec<String> {
    let mut defined: BTreeSet<(String, usize)> = BTreeSet::new();
    let mut newest = Vec::new();
    for line in lines.iter().rev() {
        let own = definitions(line);
        let mut kept = (*line).to_owned();
        let is_old = |one: &&Definition| defined.contains(&(one.name.to_owned(), one.parameters));
        for old in own.iter().rev().filter(is_old) {
            kept.replace_range(old.place.clone(), "");
        }
        let shape = |one: Definition| (one.name.to_owned(), one.parameters);
        defined.extend(own.into_iter().map(shape));
        newest.push(kept);
    }
    newest.reverse();
    newest
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
            "let y = 2; fn f() { 2 }",
            "fn f() { 3 }",
            "let m = #{ a: 1 }",
            "if x { 1 }",
        ];
        let script = as_script(&lines);
        let (header, rest) = script.split_once("\n\n").unwrap();
        assert!(
            header.starts_with("//! Lines of a session, saved on 2"),
            "{header}"
        );
        assert_eq!(
            rest,
            "let x = 1;\nx + 1 // one\n;\nprint(x);\n#{ a: 1 };\nlet y = 2;\nfn f() { 3 }\nlet m = #{ a: 1 };\nif x { 1 };\n"
        );
    }
}
