//! `:save`: the lines that succeeded, as a script.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::SystemTime;

use super::{needed, unwritable};
use crate::repl::session::{Answer, Session};
use crate::report::{Kind, Report};

pub(super) fn save(session: &mut Session, path: &str) -> Result<Answer, Report> {
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
