//! A job of QEMU's as a value: wait for it, complete, cancel, dismiss (`query-jobs`, QEMU 3.0).

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::error::{Error, ErrorKind};
use super::event::Filter;
use super::machine::{Arguments, Vm, object};
use super::watch::Watch;
use crate::client::Next;
use crate::duration::show;

/// How often a job is asked for its progress while no event comes.
const POLL: Duration = Duration::from_millis(500);

/// The jobs of a VM that were told to complete: they show as `ready` for a while still, and are on their way all the same.
#[derive(Debug, Default)]
pub(super) struct Completing(Mutex<HashSet<String>>);

impl Completing {
    fn jobs(&self) -> MutexGuard<'_, HashSet<String>> {
        // A plain set, which no panic leaves half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job by its id. It may not exist yet, or not any more.
#[derive(Clone)]
pub struct Job {
    vm: Vm,
    id: String,
}

/// Where a job stands, as `query-jobs` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The job's status, as in `running`, `ready` or `concluded`.
    pub status: String,
    /// The work done so far, in units of the job's own (bytes for block jobs).
    pub current: u64,
    /// The work in all as far as QEMU knows it; it may grow.
    pub total: u64,
    /// Why the job failed, once it has.
    pub error: Option<String>,
}

/// How a wait for a job went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The job ended and was dismissed.
    Concluded,
    /// A mirror or an active commit is ready: `complete` it, or cancel it.
    Ready,
}

/// How a job stands that goes on no more by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    /// It ended, and QEMU says why it failed, if it did.
    Concluded(Option<String>),
    /// It waits for [`Job::complete`].
    Ready,
}

/// Why a job did not come to a good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobError {
    /// A job failed, in QEMU's words.
    Failed {
        /// The job.
        id: String,
        /// What QEMU says.
        error: String,
    },
    /// A job did not come to its end in time.
    Timeout {
        /// The job.
        id: String,
        /// Its status when the time was over.
        status: String,
        /// How long was waited.
        after: Duration,
    },
    /// The guest was stopped while its jobs ran, since it could not write.
    GuestStopped,
    /// No such job is known to QEMU.
    Unknown {
        /// The job.
        id: String,
    },
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { id, error } => write!(f, "job `{id}` failed: {error}"),
            Self::Timeout { id, status, after } => {
                write!(f, "job `{id}` was still {status} after {}", show(*after))
            }
            Self::GuestStopped => f.write_str(
                "the guest could not write while the jobs ran, and was stopped (`io-error`)",
            ),
            Self::Unknown { id } => write!(f, "there is no job `{id}`"),
        }
    }
}

impl Job {
    pub(super) fn new(vm: Vm, id: &str) -> Self {
        Self {
            vm,
            id: id.to_owned(),
        }
    }

    /// The VM whose job it is.
    pub fn vm(&self) -> &Vm {
        &self.vm
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the job stands, or nothing when QEMU does not know it (any more).
    pub async fn progress(&self) -> Result<Option<Progress>, Error> {
        let jobs = self.vm.jobs().await?;
        Ok(jobs
            .into_iter()
            .find(|(id, _)| *id == self.id)
            .map(|(_, progress)| progress))
    }

    /// Waits until the job has ended or is ready, and dismisses an ended one.
    ///
    /// `report` is told of each step. Fails with QEMU's words when the job failed, when `deadline` passes (the job goes
    /// on), and when QEMU does not know the job. A monitor that does not answer in time is an error without a deadline,
    /// and with one it is waited for until then.
    pub async fn wait(
        &self,
        deadline: Option<Duration>,
        report: impl FnMut(&Progress),
    ) -> Result<Reached, Error> {
        match self.settle(deadline, report).await? {
            Settled::Ready => Ok(Reached::Ready),
            Settled::Concluded(error) => {
                // The error is read before the dismissal, which forgets it.
                self.dismiss().await?;
                error.map_or(Ok(Reached::Concluded), |error| Err(self.failed(error)))
            }
        }
    }

    /// That it failed so.
    pub(super) fn failed(&self, error: String) -> Error {
        let id = self.id.clone();
        self.vm.error(JobError::Failed { id, error })
    }

    /// Has the job end, whatever its result (`job-cancel`); gives how it did, which QEMU knows until it is dismissed, and nothing
    /// where QEMU does not know the job.
    pub(super) async fn end(&self, deadline: Duration) -> Result<Option<Settled>, Error> {
        match self.cancel().await {
            // One that has ended, or is about to, takes no more orders.
            Err(error) if !error.is_refusal() => return Err(error),
            _ => {}
        }
        // It shows as `ready` for a while still.
        self.vm.completing().jobs().insert(self.id.clone());
        match self.settle(Some(deadline), |_| {}).await {
            Err(error) if matches!(error.kind, ErrorKind::Job(JobError::Unknown { .. })) => {
                self.vm.completing().jobs().remove(&self.id);
                Ok(None)
            }
            settled => settled.map(Some),
        }
    }

    /// As [`Job::wait`], but one that has ended stays to be dismissed, with how it did.
    pub(super) async fn settle(
        &self,
        deadline: Option<Duration>,
        mut report: impl FnMut(&Progress),
    ) -> Result<Settled, Error> {
        let end = deadline.map(|deadline| Instant::now() + deadline);
        // Watching begins before the first look, so that no change falls between the two.
        let mut changes = self.vm.watch(&[Filter::name("JOB_STATUS_CHANGE")]).await?;
        loop {
            let found = match self.progress().await {
                // QEMU answers nothing while it writes or reads a guest's memory (`snapshot-save`, `snapshot-load`).
                Err(error) if end.is_some() && error.is_timeout() && !self.is_late(end) => continue,
                found => found?,
            };
            let Some(progress) = found else {
                return Err(self.vm.error(JobError::Unknown {
                    id: self.id.clone(),
                }));
            };
            report(&progress);
            match progress.status.as_str() {
                "concluded" => return Ok(Settled::Concluded(progress.error)),
                "ready" if !self.vm.completing().jobs().contains(&self.id) => {
                    return Ok(Settled::Ready);
                }
                _ => {}
            }
            if let Some(after) = deadline.filter(|_| self.is_late(end)) {
                return Err(self.vm.error(JobError::Timeout {
                    id: self.id.clone(),
                    status: progress.status,
                    after,
                }));
            }
            change(&self.vm, &mut changes, end, |id| id == self.id).await?;
        }
    }

    fn is_late(&self, end: Option<Instant>) -> bool {
        let of = format!("the deadline of job `{}`", self.id);
        let passed = end.is_some_and(|end| Instant::now() >= end);
        let recording = &self.vm.settings().recording;
        recording.has_passed(self.vm.label(), &of, passed)
    }

    async fn command(&self, command: &str) -> Result<(), Error> {
        let arguments = object(json!({ "id": self.id }));
        self.vm.call(command, arguments).await.map(drop)
    }

    /// Asks a ready job to do its last step, as the pivot of a mirror (`job-complete`).
    pub async fn complete(&self) -> Result<(), Error> {
        self.command("job-complete").await?;
        self.vm.completing().jobs().insert(self.id.clone());
        Ok(())
    }

    /// Asks the job to end without its result (`job-cancel`).
    ///
    /// A mirror that is ready ends with success all the same, and without its pivot.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.command("job-cancel").await
    }

    /// Lets QEMU forget a concluded job (`job-dismiss`).
    pub async fn dismiss(&self) -> Result<(), Error> {
        self.command("job-dismiss").await?;
        // Another job may get the id.
        self.vm.completing().jobs().remove(&self.id);
        Ok(())
    }

    /// Stops a running job for a while (`job-pause`).
    pub async fn pause(&self) -> Result<(), Error> {
        self.command("job-pause").await
    }

    /// Lets a paused job go on (`job-resume`).
    pub async fn resume(&self) -> Result<(), Error> {
        self.command("job-resume").await
    }
}

impl Vm {
    /// All jobs by their ids, and where each stands.
    pub(super) async fn jobs(&self) -> Result<Vec<(String, Progress)>, Error> {
        let jobs = self.call("query-jobs", Arguments::new()).await?;
        let jobs = jobs
            .as_array()
            .ok_or_else(|| self.reply_error("query-jobs", "list"))?;
        let named = jobs
            .iter()
            .filter_map(|job| Some((job["id"].as_str()?.to_owned(), Progress::of(job))));
        Ok(named.collect())
    }
}

/// Returns when the status of one of our jobs may have changed, or it is time to look at their progress.
pub(super) async fn change(
    vm: &Vm,
    changes: &mut Watch,
    end: Option<Instant>,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    // What came before the next look was recorded before it, and is here.
    let is_replay = vm.settings().recording.is_replay();
    let poll = Instant::now() + if is_replay { Duration::ZERO } else { POLL };
    let until = end.map_or(poll, |end| end.min(poll));
    loop {
        match timeout_at(until, changes.next()).await {
            Ok(Ok(Next::Event(event))) if !event.data["id"].as_str().is_some_and(&is_ours) => {}
            Ok(Ok(_)) | Err(_) => return Ok(()),
            Ok(Err(error)) => return Err(error),
        }
    }
}

impl Progress {
    fn of(job: &Value) -> Self {
        Self {
            status: job["status"].as_str().unwrap_or("undefined").to_owned(),
            current: job["current-progress"].as_u64().unwrap_or(0),
            total: job["total-progress"].as_u64().unwrap_or(0),
            error: job["error"].as_str().map(str::to_owned),
        }
    }

    /// The progress as scripts see it.
    pub fn to_value(&self) -> Value {
        json!({ "status": self.status, "current": self.current, "total": self.total, "error": self.error })
    }
}
