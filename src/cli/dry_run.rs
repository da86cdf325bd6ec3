//! What a dry run tells on standard error: each change that it does not make, and how many there were.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::vm::mode::{Herald, Would};
use crate::wire::escape::escaped;

/// Tells what is not done: a line each, or with `--json` an object each.
#[derive(Debug)]
pub(super) struct Told {
    json: bool,
    count: AtomicU64,
}

impl Told {
    pub(super) fn begin(json: bool) -> Self {
        let told = Self {
            json,
            count: AtomicU64::new(0),
        };
        told.say(
            || "dry run: it asks, and only says what it would change; what is told as done would be done".to_owned(),
            || json!({ "dry-run": "begins" }),
        );
        told
    }

    pub(super) fn end(&self) {
        let count = self.count.load(Ordering::Relaxed);
        let changes = if count == 1 { "change" } else { "changes" };
        self.say(
            || format!("dry run: nothing was changed; {count} {changes} would have been made"),
            || json!({ "dry-run": "ended", "changes": count }),
        );
    }

    fn say(&self, text: impl FnOnce() -> String, object: impl FnOnce() -> serde_json::Value) {
        let line = if self.json {
            object().to_string()
        } else {
            text()
        };
        // Whoever closed the stream does not want to see it.
        let _ = writeln!(io::stderr().lock(), "{}", escaped(&line));
    }
}

impl Herald for Told {
    fn would(&self, change: &Would<'_>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        match change {
            Would::Send {
                vm,
                channel,
                message,
            } => self.say(
                || format!("would send to {vm} ({channel}): {message}"),
                || {
                    let message: serde_json::Value =
                        serde_json::from_str(message).unwrap_or_default();
                    json!({ "would": "send", "vm": vm, "channel": channel, "message": message })
                },
            ),
            Would::File { doing, path } => self.say(
                || format!("would {doing} {} on this host", path.display()),
                || json!({ "would": doing, "path": path.to_string_lossy() }),
            ),
            Would::Run { words } => self.say(
                || format!("would run on this host: {}", words.join(" ")),
                || json!({ "would": "run", "words": words }),
            ),
        }
    }
}
