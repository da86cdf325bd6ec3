//! A deadline over several steps: how long was given is kept, for the words of the error when it passes.

use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// A point in time, and how long before it the deadline was set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    until: Instant,
    /// How long was given.
    pub(super) given: Duration,
}

impl Deadline {
    /// This long from now.
    pub(super) fn after(given: Duration) -> Self {
        Self {
            until: Instant::now() + given,
            given,
        }
    }

    /// Waits for a step, as long as is left.
    pub(super) async fn bound<F: Future>(self, step: F) -> Result<F::Output, Elapsed> {
        timeout_at(self.until, step).await
    }
}
