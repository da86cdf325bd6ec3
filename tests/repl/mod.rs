//! The REPL as somebody meets it: the built program at a terminal, and in a pipe. What its session does with lines is
//! tested without a terminal, in `tests/script/repl.rs`.

mod completing;
mod confirm;
mod events;
mod frozen;
mod keys;
mod lines;
mod log;
mod looking;
mod pager;
mod pipe;
mod plain;
mod run;
mod tab;
mod top;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::{Folder, Guest, Qmpsh, Terminal};

/// The built program.
const QMPSH: &str = env!("CARGO_BIN_EXE_qmpsh");

/// The longest that any of these may take.
const BOUND: Duration = Duration::from_secs(30);

/// What the prompt is when no VM is in use.
const PROMPT: &str = "qmpsh>";

/// A session at a terminal, at its first prompt.
fn terminal() -> Terminal {
    terminal_at(&Arc::new(Folder::new()))
}

/// The same in a home that others share.
fn terminal_at(home: &Arc<Folder>) -> Terminal {
    let terminal = Qmpsh::at_home(QMPSH, home).deadline(BOUND).on_terminal();
    terminal.wait_for_end(PROMPT);
    terminal
}

/// A session at a terminal that has this guest in use.
fn at_guest(guest: &Guest) -> Terminal {
    let terminal = terminal();
    terminal.types(&format!(":use {}\r", guest.target()));
    terminal.wait_for_end("qmp>");
    terminal
}

/// What the prompt tells of a VM in use whose monitor is at that path: with the folder, for all are called `qmp`.
fn told(qmp: &Path) -> String {
    let folder = qmp.parent().and_then(Path::file_name).unwrap_or_default();
    format!("{}/qmp", folder.to_string_lossy())
}

/// Types a line, and waits for the prompt below what it gives.
#[track_caller]
fn line(terminal: &Terminal, text: &str, given: &str) {
    terminal.types(&format!("{text}\r"));
    terminal.wait_for_end(&format!("{text}\n{given}{PROMPT}"));
}
