//! `--read-only`, `--dry-run`, `--record` and `--replay` on real machines.

mod dry_run;
mod host;
mod named;
mod read_only;
mod record;
mod replay;

use std::path::{Path, PathBuf};

use harness::{Folder, Outcome, Qmpsh};
use serde_json::Value;

/// qmpsh with these arguments, in a home of its own.
fn qmpsh<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Qmpsh {
    Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).args(arguments)
}

/// That a replay ended as what was recorded.
#[track_caller]
fn assert_same(recorded: &Outcome, replayed: &Outcome) {
    assert_eq!(
        (&recorded.stdout, &recorded.stderr, recorded.code),
        (&replayed.stdout, &replayed.stderr, replayed.code)
    );
}

/// A path as text.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a script gives on one VM, in this mode.
fn eval(mode: &[&str], target: &str, script: &str) -> Outcome {
    let script = format!("let v = vm(args[0]); {script}");
    let words = ["eval", script.as_str(), "--", target];
    qmpsh(mode.iter().copied().chain(words)).run()
}

/// The messages that a dry run says it would send: VM's channel and message.
fn would_send(outcome: &Outcome) -> Vec<(String, Value)> {
    let lines = outcome.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("would send to "))
        .map(|line| {
            let (head, message) = line.split_once("): ").unwrap();
            let channel = head.rsplit_once('(').unwrap().1;
            (channel.to_owned(), serde_json::from_str(message).unwrap())
        })
        .collect()
}

/// The lines of a recording.
fn lines(recording: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(recording).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A place for a recording.
fn recording(folder: &Folder) -> PathBuf {
    folder.join("run.jsonl")
}
