//! How far long work is: a bar on standard error where that is a terminal, and nothing elsewhere.

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::wire::escape::escaped;

/// All bars, one below the other: several VMs are worked on at once.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A bar that is gone when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar for work on bytes.
    pub(super) fn new(what: &str) -> Self {
        let bar = BARS.add(ProgressBar::no_length());
        bar.set_message(escaped(what).into_owned());
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows that `done` bytes are done, of `total` where that is known.
    pub(super) fn at(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.0.set_length(total);
        }
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
