//! `:record` and `:save`: lines that succeeded, as a script.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::SystemTime;

use super::{needed, unwritable};
use crate::repl::session::{Answer, Session};
use crate::report::{Kind, Report};

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
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| unwritable(path, &error))?;
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
    Ok(session.tell(&format!(
        "wrote {what} to {path}: `qmpsh run {path}` does it again"
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
        let script = as_script(&lines);
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
