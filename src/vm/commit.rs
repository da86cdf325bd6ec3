//! A commit: images of a disk's chain are merged into the one below them (`block-commit`), and then closed and removed.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `chain` | what is merged, where it lies on this host, and that nobody else uses it |
//! | `remove` | the files of the merged images, once no chain has them |
//!
//! Here is the job. Until it has ended, releasing it cancels it: the disk then has the chain that it had.

mod chain;
mod remove;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{Error, ErrorKind};
use super::image::merging::Mark;
use super::job::{JobError, Progress, Reached};
use super::machine::{Vm, object};
use super::server::Server;
use chain::Chain;

pub use chain::Image;
pub use remove::Removal;

/// How long a job may take to end once it is told to.
const END: Duration = Duration::from_secs(60);

/// What is to be merged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommitPlan {
    /// The node at the top of the disk (`v.disks()`).
    pub node: String,
    /// The node of the highest image to merge; `node` itself for the one that the guest writes to.
    pub top: String,
    /// The node of the image that they are merged into.
    pub base: String,
    /// The most bytes a second that are copied; all that can be without it.
    pub speed: Option<u64>,
    /// Whether the merged files stay.
    #[serde(default)]
    pub keep: bool,
}

/// Why a commit is not made, or not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitError {
    /// An image that would change, or would go, is used by others too.
    Used {
        /// The image.
        image: String,
        /// Who uses it.
        by: String,
    },
    /// The merged images could not be removed from here.
    Elsewhere {
        /// The image.
        image: String,
        /// Why it cannot be removed.
        why: String,
    },
    /// The highest image to merge holds a part of what a commit was merging into it.
    Torn {
        /// The image.
        image: String,
    },
    /// The image below cannot be marked as one that others are being merged into.
    Unmarked {
        /// The image.
        image: String,
        /// Why it cannot.
        why: String,
    },
    /// The job has ended well, and the chain is not the one that is to come of it.
    Chain {
        /// The nodes of the chain as they are.
        found: Vec<String>,
    },
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Used { image, by } => write!(
                f,
                "a commit would spoil `{image}`, which {by} needs too; nothing was changed"
            ),
            Self::Elsewhere { image, why } => write!(
                f,
                "`{image}` could not be removed after a commit: {why}; nothing was changed"
            ),
            Self::Torn { image } => write!(
                f,
                "`{image}` holds a part of what a commit was merging into it: that commit has to be run again first; nothing was changed"
            ),
            Self::Unmarked { image, why } => write!(
                f,
                "`{image}` cannot be marked as one that others are being merged into: {why}"
            ),
            Self::Chain { found } => write!(
                f,
                "the commit ended, but the disk's chain is not as it should be ({}); no file was removed",
                found.join(" on ")
            ),
        }
    }
}

impl From<CommitError> for ErrorKind {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

/// How far a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    /// The chain was seen without the merged images.
    Done,
    /// The files were removed, or are to stay.
    Over,
}

/// A commit under way.
pub struct Commit {
    vm: Vm,
    server: Server,
    id: String,
    chain: Chain,
    keep: bool,
    /// None where the base is not to be had from here, and the merged files stay.
    mark: Option<Mark>,
    stage: Mutex<Stage>,
}

impl Vm {
    /// Begins a commit (`block-commit`, with node names QEMU 3.1), once it is known that nobody else uses the images and that
    /// the merged ones can be removed afterwards, unless they are to stay.
    ///
    /// Looks at all processes of this host, and at the images in the folders of the chain's. What QEMU itself refuses is
    /// told in its words.
    pub async fn commit(&self, plan: &CommitPlan) -> Result<Commit, Error> {
        let server = Server::of(self).await?;
        let chain = Chain::of(self, plan, server.pid()).await?;
        let mark = chain.mark(self, plan)?;
        let commit = Commit {
            vm: self.clone(),
            server,
            id: format!("qmpsh-commit-{}", self.nonce()?),
            chain,
            keep: plan.keep,
            mark,
            stage: Mutex::new(Stage::Begun),
        };
        let mut arguments = object(json!({
            "job-id": commit.id, "device": plan.node, "top-node": plan.top, "base-node": plan.base,
            "auto-finalize": true, "auto-dismiss": false,
        }));
        if let Some(speed) = plan.speed.filter(|speed| *speed > 0) {
            arguments.insert("speed".into(), speed.into());
        }
        // QEMU would write the name that it has for the base, which is relative to the folder that it was started in.
        if let (Some(_), Ok(place)) = (&commit.chain.above, &commit.chain.base.place) {
            arguments.insert("backing-file".into(), Value::from(place.path.as_str()));
        }
        let begun = self.call("block-commit", arguments).await;
        if let (Err(error), Some(mark)) = (&begun, &commit.mark) {
            if error.is_refusal() {
                mark.withdraw();
            }
        }
        begun?;
        Ok(commit)
    }
}

impl Commit {
    /// The images that are merged, from the top down: their nodes and files.
    pub fn merged(&self) -> &[Image] {
        &self.chain.merged
    }

    /// The image that they are merged into.
    pub fn base(&self) -> &Image {
        &self.chain.base
    }

    /// Persistent bitmaps of the merged images, which end with them.
    pub fn bitmaps(&self) -> &[String] {
        &self.chain.bitmaps
    }

    /// Waits until all is merged and the guest writes to what is left; then sees that the chain is shorter, and closes the
    /// nodes of the merged images, as far as nobody else uses them.
    ///
    /// `report` is told of each step. Fails with QEMU's words when the job failed; the chain is what it was then.
    pub async fn wait(&self, mut report: impl FnMut(&Progress)) -> Result<(), Error> {
        let job = self.vm.job(&self.id);
        if job.wait(None, &mut report).await? == Reached::Ready {
            job.complete().await?;
            job.wait(None, &mut report).await?;
        }
        self.finish().await
    }

    /// Cancels the job if it has not ended, and waits up to 60 s for its end: the chain is then as it was before.
    ///
    /// Fails when that is not so, and when the commit has ended and its files are still there, which nobody uses any more.
    pub async fn release(&self) -> Result<(), Error> {
        if *self.stage() == Stage::Begun && !self.cancel().await? {
            return Ok(());
        }
        if *self.stage() != Stage::Done || self.keep {
            return Ok(());
        }
        let files: Vec<&str> = self
            .merged()
            .iter()
            .map(|image| image.file.as_str())
            .collect();
        Err(self.vm.error(ErrorKind::Overlays(format!(
            "{}, merged into `{}` and used no more",
            files.join(", "),
            self.base().file
        ))))
    }

    /// Whether the commit had come to its end all the same.
    async fn cancel(&self) -> Result<bool, Error> {
        match self.end_job().await {
            Ok(()) => {}
            // With QEMU the job has gone; the images are as its headers tell.
            Err(error) if error.is_refusal() => return Err(error),
            Err(error) => {
                return if self.server.has_ended(&self.vm).await? {
                    Ok(false)
                } else {
                    Err(error)
                };
            }
        }
        if self.vm.settings().mode.is_dry_run() {
            return Ok(false);
        }
        let graph = self.vm.block_graph().await?;
        if self.chain.is_untouched(&graph) {
            return Ok(false);
        }
        self.finish().await.map(|()| true)
    }

    /// The base, where a part of what was to be merged may be in it.
    pub fn torn(&self) -> Option<&Image> {
        let is_torn = self.mark.is_some() && *self.stage() == Stage::Begun;
        is_torn.then_some(self.base())
    }

    async fn end_job(&self) -> Result<(), Error> {
        let job = self.vm.job(&self.id);
        match job.cancel().await {
            // One that has ended, or is about to, takes no more orders.
            Err(error) if !error.is_refusal() => return Err(error),
            _ => {}
        }
        loop {
            return match job.wait(Some(END), |_| {}).await {
                // A commit that was told to complete was not to be had back.
                Ok(Reached::Ready) => continue,
                Ok(Reached::Concluded) => Ok(()),
                Err(error) => match error.kind {
                    ErrorKind::Job(JobError::Failed { .. } | JobError::Unknown { .. }) => Ok(()),
                    _ => Err(error),
                },
            };
        }
    }

    /// Sees that the chain is what is to come of the commit, and closes the merged nodes.
    async fn finish(&self) -> Result<(), Error> {
        if !self.vm.settings().mode.is_dry_run() {
            let graph = self.vm.block_graph().await?;
            self.chain.check_shorter(&self.vm, &graph)?;
            self.unmark()?;
            // The highest first: it holds the ones below.
            for node in self.chain.nodes_to_close() {
                if graph.node(node).is_some() {
                    self.close(node).await?;
                }
            }
        }
        *self.stage() = if self.keep { Stage::Over } else { Stage::Done };
        Ok(())
    }

    /// All is in the base: it is a state of its own again.
    fn unmark(&self) -> Result<(), Error> {
        let end = || match &self.mark {
            Some(mark) => mark.end().map_err(|error| error.to_string()),
            None => Ok(()),
        };
        let ended: Result<(), String> = self
            .vm
            .settings()
            .recording
            .observe("the end of the mark beside the base", end)
            .map_err(|difference| self.vm.error(difference))?;
        ended.map_err(|why| {
            let image = self.base().file.clone();
            self.vm.error(CommitError::Unmarked { image, why })
        })
    }

    /// Closes a node. One that somebody uses stays, and its file with it; one that went with the node above is gone.
    async fn close(&self, node: &str) -> Result<(), Error> {
        match self.vm.close_node(node).await {
            Err(error) if !error.is_refusal() => Err(error),
            _ => Ok(()),
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        // A plain value, which no panic leaves half changed.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
