//! How a run of qmpsh ended, and what every end must be like.

use std::time::Duration;

/// How a qmpsh ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output, bytes that are no UTF-8 replaced.
    pub stdout: String,
    /// Standard error, bytes that are no UTF-8 replaced.
    pub stderr: String,
    /// The most memory that it was seen to have resident, in bytes; looked at every few milliseconds.
    pub peak_memory: u64,
    /// How long it ran, its start included.
    pub took: Duration,
}

impl Outcome {
    /// Panics, with all that it wrote, unless it ended with that exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code}: {self:#?}"
        );
        self
    }
}

/// Checks a run that failed: its exit code, nothing on standard output, each of the words on standard error, and that this is fit
/// for people.
#[track_caller]
pub fn fails(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "no `{word}` in {outcome:#?}");
    }
    is_fit_for_people(outcome);
}

/// Checks a run that succeeded, by what it printed.
#[track_caller]
pub fn prints(outcome: &Outcome, stdout: &str) {
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(outcome.stdout, stdout, "{outcome:#?}");
    is_fit_for_people(outcome);
}

/// Checks that standard error has no panic, no value as Rust prints it, and no escape sequence.
#[track_caller]
pub fn is_fit_for_people(outcome: &Outcome) {
    for mark in [
        "panicked",
        "internal fault",
        "Err(",
        "Some(",
        "Os {",
        "\u{1b}",
    ] {
        assert!(!outcome.stderr.contains(mark), "`{mark}` in {outcome:#?}");
    }
}
