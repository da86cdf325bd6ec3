//! What can go wrong with a freeze: before, within, and at its end.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration::show;
use crate::vm::error::quoted;

/// Why a guest was not frozen, or a freeze did not end as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeError {
    /// The guest was frozen before we came; it was left so.
    AlreadyFrozen(Freezer),
    /// The thaw guarantee could not be set up, so nothing was frozen.
    NoGuardian(String),
    /// None of the mount points that were named could be frozen.
    NothingFrozen {
        /// The mount points.
        mountpoints: Vec<String>,
    },
    /// A freeze lasted its `max`, and was ended before its block was.
    WindowExpired {
        /// The longest that it was to last.
        max: Duration,
    },
    /// The guest was thawed by something else while we held it frozen.
    ThawedElsewhere {
        /// File systems that were frozen.
        frozen: i64,
        /// File systems that our thaw still found frozen.
        thawed: i64,
    },
    /// The guest could not be thawed, or not be seen to be.
    StillFrozen {
        /// How long it was tried.
        tried: Duration,
        /// What the last try met.
        last: String,
    },
}

/// Who froze a guest, as far as the records of freezes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freezer {
    /// This very process.
    This,
    /// Another qmpsh that runs, by its process.
    Other(u32),
    /// Something else.
    Unknown,
}

impl fmt::Display for FreezeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyFrozen(Freezer::This) => {
                write!(f, "this run has frozen the guest already")
            }
            Self::AlreadyFrozen(Freezer::Other(pid)) => write!(
                f,
                "the guest was already frozen by another qmpsh (pid {pid}), and was left so"
            ),
            Self::AlreadyFrozen(Freezer::Unknown) => write!(
                f,
                "the guest was already frozen by something else, and was left so"
            ),
            Self::NoGuardian(why) => {
                write!(
                    f,
                    "nothing was frozen, because the process that would thaw the guest could not be set up: {why}"
                )
            }
            Self::NothingFrozen { mountpoints } => {
                write!(
                    f,
                    "no file system was frozen: the guest has none at {}",
                    quoted(mountpoints)
                )
            }
            Self::WindowExpired { max } => write!(
                f,
                "the freeze window expired after {}, and the guest was thawed: what was done in it may be inconsistent",
                show(*max)
            ),
            Self::ThawedElsewhere { frozen, thawed } => write!(
                f,
                "the guest was thawed before we did it ({thawed} of {frozen} file systems were still frozen), so what was done in the window may be inconsistent"
            ),
            Self::StillFrozen { tried, last } => write!(
                f,
                "the guest could not be thawed within {}: {last}",
                show(*tried)
            ),
        }
    }
}
