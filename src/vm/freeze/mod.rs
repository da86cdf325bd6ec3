//! The thaw guarantee: whatever becomes of the script, the shell or its process, a guest that qmpsh froze is thawed.
//!
//! Three hold it. The guard thaws when it is released, and when its time is over ([`Freeze`]). The guardian, a process of its
//! own, thaws when the shell dies or hangs ([`guardian`]). The record on disk outlives both, for `qmpsh thaw --stale`
//! ([`stale`]). What none of them can do is to thaw a guest whose agent does not answer.

mod begin;
mod error;
mod guard;
pub mod guardian;
mod lifeline;
mod record;
pub mod stale;
mod thaw;

use std::time::Duration;

pub use self::error::{FreezeError, Freezer};
pub use self::guard::Freeze;

/// How long a freeze lasts at most unless said otherwise.
pub const MAX: Duration = Duration::from_secs(60);

/// How a guest is to be frozen.
#[derive(Debug, Clone)]
pub struct FreezeOptions {
    /// The mount points to freeze; all file systems when there are none.
    pub mountpoints: Option<Vec<String>>,
    /// How long the guest stays frozen at most, from the moment the freeze is asked for.
    pub max: Duration,
}

impl Default for FreezeOptions {
    fn default() -> Self {
        Self {
            mountpoints: None,
            max: MAX,
        }
    }
}
