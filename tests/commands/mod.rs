//! The one-shot commands, through the built program.

mod events;

use std::time::Duration;

use harness::{Outcome, Qmpsh};

/// The built program.
const QMPSH: &str = env!("CARGO_BIN_EXE_qmpsh");

/// The longest that any of these may take, far above what they take.
const BOUND: Duration = Duration::from_secs(60);

fn qmpsh() -> Qmpsh {
    Qmpsh::new(QMPSH).deadline(BOUND)
}

/// Checks a run that failed: its exit code, an empty standard output, and each of the words on standard error.
#[track_caller]
fn fails(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "no `{word}` in {outcome:#?}");
    }
}
