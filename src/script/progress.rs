//! How far long work is: a bar on standard error where that is a terminal, and a line now and then elsewhere, as in a log.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::run::{Current, current};
use crate::vm::size::human;
use crate::wire::escape::escaped;

/// All bars, one below the other: several VMs are worked on at once.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A line comes at a tenth of the work, though never sooner than this after the one before, or the start.
const SOONEST: Duration = Duration::from_secs(5);
/// And after this long in any case: whoever reads a log sees that the work is not forgotten.
const LATEST: Duration = Duration::from_secs(300);

/// A bar that is gone when it is dropped.
pub(super) struct Bar {
    bar: ProgressBar,
    lines: Option<(Current, RefCell<Pace>)>,
}

impl Bar {
    /// A bar for work on bytes.
    pub(super) fn new(what: &str) -> Self {
        let bar = BARS.add(ProgressBar::no_length());
        bar.set_message(escaped(what).into_owned());
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let run = current()
            .ok()
            .filter(|now| !now.run().output().is_watched());
        let lines = run.map(|run| (run, RefCell::new(Pace::new(Instant::now()))));
        Self { bar, lines }
    }

    /// Shows that `done` bytes are done, of `total` where that is known.
    pub(super) fn at(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
        if let Some((run, pace)) = &self.lines {
            let total = total.filter(|total| *total > 0);
            if pace.borrow_mut().is_due(done, total, Instant::now()) {
                let line = line(&self.bar.message(), done, total);
                // A closed error stream is no reason to end the work.
                let _ = run.run().output().message(&line);
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn line(what: &str, done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!(
            "{what}: {} % ({} of {})",
            u128::from(done) * 100 / u128::from(total),
            human(done),
            human(total)
        ),
        None => format!("{what}: {} so far", human(done)),
    }
}

/// When lines are due.
struct Pace {
    last: Instant,
    tenth: Option<u128>,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            tenth: None,
        }
    }

    fn is_due(&mut self, done: u64, total: Option<u64>, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.last);
        let tenth = total.map_or(0, |total| u128::from(done) * 10 / u128::from(total));
        let goes_on = self.tenth.is_none_or(|told| tenth > told);
        let is_due = since >= LATEST || (since >= SOONEST && goes_on);
        if is_due {
            self.last = now;
            self.tenth = Some(tenth);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Pace, line};

    #[test]
    fn a_line_comes_at_each_tenth_and_never_too_soon_or_too_late() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for (second, done, is_due) in [
            (1, 50, false),
            (5, 50, true),
            (6, 90, false),
            (10, 59, false),
            (11, 60, true),
            (40, 61, false),
            (310, 61, false),
            (311, 61, true),
            (312, 100, false),
            (316, 100, true),
        ] {
            let now = start + Duration::from_secs(second);
            assert_eq!(pace.is_due(done, Some(100), now), is_due, "{second} s");
        }
        let mut pace = Pace::new(start);
        for (second, is_due) in [(5, true), (10, false), (305, true)] {
            let now = start + Duration::from_secs(second);
            assert_eq!(pace.is_due(7, None, now), is_due, "{second} s");
        }
    }

    #[test]
    fn a_line_tells_the_share_where_the_whole_is_known() {
        assert_eq!(line("j", 512, Some(2048)), "j: 25 % (512 B of 2 KiB)");
        assert_eq!(
            line("j", u64::MAX, Some(u64::MAX)),
            "j: 100 % (16 EiB of 16 EiB)"
        );
        assert_eq!(line("j", 1024, None), "j: 1 KiB so far");
    }
}
