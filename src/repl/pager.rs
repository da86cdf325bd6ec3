//! What is longer than the screen goes to a pager, a program of the user's: `$PAGER`, or less where it is there.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use unicode_width::UnicodeWidthStr;

use crate::report::{Kind, Report};
use crate::script::signals;

/// The pager where the user names none.
const LESS: &str = "less";

/// What less is to do where the user does not say: show colours as such.
const OPTIONS: &str = "R";

/// The exit code of a shell whose program Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// The pager that runs now.
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

/// A pager of the user's.
#[derive(Clone, Debug)]
pub struct Pager {
    line: OsString,
}

impl Pager {
    /// The user's; none where there is none, or `$PAGER` is empty.
    pub fn of_user() -> Option<Self> {
        let line = match env::var_os("PAGER") {
            Some(line) => line,
            None => is_there(LESS).then(|| LESS.into())?,
        };
        (!line.is_empty()).then_some(Self { line })
    }

    /// Shows `text`, and waits until its reader has seen enough. In a session that changes nothing, less starts no other
    /// programs. Fails if it was not shown, as far as that can be told.
    pub fn show(&self, text: &str, changes_nothing: bool) -> Result<(), Report> {
        let before = tcgetattr(io::stdin()).ok();
        let shown = self.run(text, changes_nothing);
        if let Some(before) = before {
            // One that was killed leaves the terminal as it had it; one that is gone needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
        let failed = |how: String| {
            let line = self.line.to_string_lossy();
            Report::new(Kind::Host, format!("the pager `{line}` {how}")).with_hint(
                "`:set pager off` does without; `PAGER` in the environment names another",
            )
        };
        match shown {
            Ok(status) if status.success() || is_by_its_reader(status) => Ok(()),
            Ok(status) => Err(failed(match status.code() {
                Some(code) => format!("ended with exit code {code}"),
                None => "was ended by a signal".to_owned(),
            })),
            Err(error) => Err(failed(format!("cannot be run: {error}"))),
        }
    }

    fn run(&self, text: &str, changes_nothing: bool) -> io::Result<ExitStatus> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.line).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            command.env("LESS", OPTIONS);
        }
        if changes_nothing {
            command.env("LESSSECURE", "1");
        }
        let mut child = signals::unblocked(|| command.spawn())??;
        *running() = Pid::from_raw(child.id().try_into().unwrap_or(0));
        if let Some(mut stdin) = child.stdin.take() {
            // Whoever has seen enough leaves the rest unread.
            let _ = stdin.write_all(format!("{text}\n").as_bytes());
        }
        wait(&mut child)
    }
}

/// Ends the pager that runs now, if one does: the session is to be left.
pub fn end() {
    // Held, so that the number is not another's by then.
    let running = running();
    if let Some(pid) = *running {
        // It ends by itself at this moment.
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn running() -> MutexGuard<'static, Option<Pid>> {
    // A number, which no panic leaves half changed.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let pid = *running();
    if let Some(pid) = pid {
        // Its number stays its own until it is waited for.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = waitid(WaitId::Pid(pid), options);
    }
    *running() = None;
    child.wait()
}

/// Whether whoever read it ended it, with Ctrl-C.
fn is_by_its_reader(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::INT.as_raw()) || status.code() == Some(INTERRUPTED)
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

/// How many rows of a screen `text` takes, which may be coloured.
pub fn rows(text: &str, columns: usize) -> usize {
    let columns = columns.max(1);
    let rows = |line: &str| without_colors(line).width().div_ceil(columns).max(1);
    text.split('\n').map(rows).sum()
}

fn without_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut pieces = line.split("\x1b[");
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_are_reckoned_as_a_screen_shows_them() {
        for (text, expected) in [
            ("", 1),
            ("a\nb", 2),
            ("0123456789", 1),
            ("0123456789a", 2),
            ("\x1b[1;31m0123456789\x1b[0m", 1),
            ("世界世界世界", 2),
            ("a\n\nb", 3),
        ] {
            assert_eq!(rows(text, 10), expected, "{text}");
        }
    }
}
