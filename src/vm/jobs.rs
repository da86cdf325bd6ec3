//! Several jobs of a VM as one piece of work.

use super::error::Error;
use super::event::Filter;
use super::job::{JobError, Progress, change};
use super::machine::Vm;

/// A job that is waited for.
struct Open {
    id: String,
    seen: Option<Progress>,
    ended: bool,
}

impl Vm {
    /// Waits until all these jobs have ended well; ended ones are dismissed.
    ///
    /// `report` is told the work that is done and the work in all, of all jobs together. Fails as soon as one job has, with
    /// QEMU's words, and when the guest was stopped meanwhile because it could not write: where a job keeps what it
    /// overwrites, the guest is first to feel that there is no room for it. The others then go on.
    pub async fn wait_for_jobs(
        &self,
        ids: &[String],
        mut report: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let mut open: Vec<Open> = ids
            .iter()
            .map(|id| Open {
                id: id.clone(),
                seen: None,
                ended: false,
            })
            .collect();
        let was_well = self.status().await? != "io-error";
        // Watching begins before the first look, so that no change falls between the two.
        let mut changes = self.watch(&[Filter::name("JOB_STATUS_CHANGE")]).await?;
        loop {
            let jobs = self.jobs().await?;
            for job in open.iter_mut().filter(|job| !job.ended) {
                let Some((_, progress)) = jobs.iter().find(|(id, _)| *id == job.id) else {
                    return Err(self.error(JobError::Unknown { id: job.id.clone() }));
                };
                job.seen = Some(progress.clone());
                if progress.status != "concluded" {
                    continue;
                }
                self.job(&job.id).dismiss().await?;
                job.ended = true;
                if let Some(error) = &progress.error {
                    let (id, error) = (job.id.clone(), error.clone());
                    return Err(self.error(JobError::Failed { id, error }));
                }
            }
            let seen = || open.iter().filter_map(|job| job.seen.as_ref());
            let current = seen().map(|progress| progress.current).sum();
            report(current, seen().map(|progress| progress.total).sum());
            if open.iter().all(|job| job.ended) {
                return Ok(());
            }
            // One that was stopped so before has another reason.
            let stopped = self.status().await? == "io-error";
            if stopped && was_well {
                return Err(self.error(JobError::GuestStopped));
            }
            let is_ours = |id: &str| open.iter().any(|job| job.id == id);
            change(self, &mut changes, None, is_ours).await?;
        }
    }
}
