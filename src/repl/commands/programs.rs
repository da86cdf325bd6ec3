//! The commands that run a program of this host's: `:edit` and `:shell`.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command as Program, ExitStatus};
use std::time::SystemTime;

use super::{needed, unwritable};
use crate::repl::session::{Answer, Session};
use crate::repl::whole;
use crate::report::{Kind, Report};
use crate::script::signals;
use crate::wire::escape::escaped_lines;

pub(super) fn edit(session: &mut Session) -> Result<Answer, Report> {
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|editor| !editor.is_empty())
        .unwrap_or_else(|| "vi".into());
    let draft = Draft::new(session.lines().last())?;
    let line = format!("{} \"$1\"", editor.to_string_lossy());
    let status = run(Program::new("/bin/sh")
        .args(["-c", &line, "sh"])
        .arg(&draft.0))
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
    let shown = escaped_lines(text.trim_end()).into_owned();
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
        let _ = fs::remove_file(&self.0);
    }
}

pub(super) fn shell(session: &mut Session, line: &str) -> Result<Answer, Report> {
    needed("shell", line, ":shell ls /run")?;
    if let Some(mode) = session.mode() {
        let message =
            format!("`:shell` could change a VM by other ways, and this session is {mode}");
        return Err(Report::new(Kind::Denied, message));
    }
    let status = run(Program::new("/bin/sh").args(["-c", line]))
        .map_err(|error| Report::new(Kind::Host, format!("the shell cannot be run: {error}")))?;
    if status.success() {
        return Ok(Answer::Done);
    }
    Err(Report::new(
        Kind::Host,
        format!("the line {}", ended(status)),
    ))
}

/// Runs a program that has the terminal, and its signals.
fn run(program: &mut Program) -> io::Result<ExitStatus> {
    signals::unblocked(|| program.spawn())??.wait()
}

fn ended(status: ExitStatus) -> String {
    status.code().map_or_else(
        || "was ended by a signal".to_owned(),
        |code| format!("ended with exit code {code}"),
    )
}
