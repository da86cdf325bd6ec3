//! The migration of a VM: where it stands, and the wait for its end (`query-migrate`).

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::error::Error;
use super::machine::Vm;
use crate::duration::show;

/// How often QEMU is asked: it tells of migrations by events only when a capability for that is set.
const POLL: Duration = Duration::from_millis(200);

/// The migration of a VM, from it or into it: there is one at most.
#[derive(Clone)]
pub struct Migration {
    vm: Vm,
}

/// Where a migration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// QEMU's word, as in `active` or `completed`.
    pub status: String,
    /// The bytes of memory that are to go in all, and that still are, while it goes on.
    pub memory: Option<(u64, u64)>,
    /// Why it failed, once it has, as far as QEMU says.
    pub error: Option<String>,
    /// All that QEMU tells.
    pub told: Value,
}

/// Why a migration did not come to a good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationError {
    /// It failed, in QEMU's words as far as there are any.
    Failed(Option<String>),
    /// Somebody cancelled it.
    Cancelled,
    /// It did not come to its end in time.
    Timeout {
        /// Its status when the time was over.
        status: String,
        /// How long was waited.
        after: Duration,
    },
    /// There is none and was none.
    Unknown,
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(Some(why)) => write!(f, "the migration failed: {why}"),
            Self::Failed(None) => write!(f, "the migration failed"),
            Self::Cancelled => write!(f, "the migration was cancelled"),
            Self::Timeout { status, after } => {
                write!(f, "the migration was still {status} after {}", show(*after))
            }
            Self::Unknown => write!(f, "there is no migration"),
        }
    }
}

impl Migration {
    pub(super) fn new(vm: Vm) -> Self {
        Self { vm }
    }

    /// The VM.
    pub fn vm(&self) -> &Vm {
        &self.vm
    }

    /// Where it stands, or nothing when there was none since QEMU began.
    pub async fn progress(&self) -> Result<Option<Progress>, Error> {
        let told = self.vm.call("query-migrate", Map::new()).await?;
        let Some(status) = told["status"].as_str() else {
            return Ok(None);
        };
        let ram = &told["ram"];
        Ok(Some(Progress {
            status: status.to_owned(),
            memory: ram["total"].as_u64().zip(ram["remaining"].as_u64()),
            error: told["error-desc"].as_str().map(str::to_owned),
            told,
        }))
    }

    /// Waits until it has ended well, and gives what QEMU tells of it then.
    ///
    /// `report` is told of each step. Fails when it failed, was cancelled or stands still until somebody recovers it
    /// (`postcopy-paused`), and when `deadline` passes (it goes on).
    pub async fn wait(
        &self,
        deadline: Option<Duration>,
        mut report: impl FnMut(&Progress),
    ) -> Result<Progress, Error> {
        let end = deadline.map(|deadline| Instant::now() + deadline);
        loop {
            let Some(progress) = self.progress().await? else {
                return Err(self.vm.error(MigrationError::Unknown));
            };
            report(&progress);
            match progress.status.as_str() {
                "completed" => return Ok(progress),
                "failed" | "postcopy-paused" => {
                    return Err(self.vm.error(MigrationError::Failed(progress.error)));
                }
                "cancelled" => return Err(self.vm.error(MigrationError::Cancelled)),
                _ => {}
            }
            if let Some(after) = deadline.filter(|_| self.is_late(end)) {
                return Err(self.vm.error(MigrationError::Timeout {
                    status: progress.status,
                    after,
                }));
            }
            // What came before the next look was recorded before it.
            if !self.vm.settings().recording.is_replay() {
                sleep(POLL).await;
            }
        }
    }

    fn is_late(&self, end: Option<Instant>) -> bool {
        let passed = end.is_some_and(|end| Instant::now() >= end);
        let recording = &self.vm.settings().recording;
        recording.has_passed(self.vm.label(), "the deadline of the migration", passed)
    }

    /// Asks for its end without its result (`migrate_cancel`): the VM goes on where it is. One that has ended stays so.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.vm.call("migrate_cancel", Map::new()).await.map(drop)
    }
}
