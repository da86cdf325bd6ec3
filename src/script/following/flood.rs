//! How many events are told in a second, so that whoever types can still read; the others are counted.

use std::time::{Duration, Instant};

/// How long events are counted together.
const WINDOW: Duration = Duration::from_secs(1);

/// How many are told in a window.
const TOLD: u32 = 20;

/// How many where the window before had too many already.
const TOLD_IN_A_FLOOD: u32 = 4;

/// The count of one window after the other.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// When the window ends; none between windows.
    ends: Option<Instant>,
    told: u32,
    left_out: u64,
    /// Whether the window before had too many.
    follows_one: bool,
}

impl Flood {
    /// Whether an event that comes now is told; else it is counted.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        // A window is ended by who writes: where that is slow, no more is told.
        self.ends.get_or_insert(now + WINDOW);
        let most = if self.follows_one {
            TOLD_IN_A_FLOOD
        } else {
            TOLD
        };
        if self.told < most {
            self.told += 1;
            return true;
        }
        self.left_out += 1;
        false
    }

    /// Counts events that are not told.
    pub(super) fn leaves_out(&mut self, count: u64, now: Instant) {
        self.ends.get_or_insert(now + WINDOW);
        self.left_out += count;
    }

    /// When to ask for the window's end; none between windows.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.ends
    }

    /// Ends the window if it is time, and gives how many were left out, if any.
    pub(super) fn end(&mut self, now: Instant) -> Option<u64> {
        self.ends.take_if(|ends| *ends <= now)?;
        self.told = 0;
        self.follows_one = self.left_out > 0;
        Some(std::mem::take(&mut self.left_out)).filter(|count| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Flood, TOLD, TOLD_IN_A_FLOOD, WINDOW};

    #[test]
    fn a_few_events_are_all_told_and_of_a_flood_some_with_the_count_of_the_others() {
        let mut flood = Flood::default();
        let mut now = Instant::now();
        assert_eq!(flood.ends(), None);
        for most in [TOLD, TOLD_IN_A_FLOOD, TOLD_IN_A_FLOOD] {
            let told = (0..1000).filter(|_| flood.admits(now)).count();
            assert_eq!(told, most as usize);
            assert_eq!(flood.end(now), None, "before its window ends");
            now += WINDOW;
            assert_eq!(flood.end(now), Some(1000 - u64::from(most)));
        }
        assert!(flood.admits(now));
        now += WINDOW;
        assert_eq!(flood.end(now), None);
        assert_eq!(flood.ends(), None);
        // The flood is over.
        let told = (0..1000).filter(|_| flood.admits(now)).count();
        assert_eq!(told, TOLD as usize);
    }

    #[test]
    fn what_is_left_out_elsewhere_counts_too() {
        let mut flood = Flood::default();
        let now = Instant::now();
        assert!(flood.admits(now));
        flood.leaves_out(7, now);
        assert_eq!(flood.end(now + WINDOW), Some(7));
    }
}
