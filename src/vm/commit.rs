//! A commit: images of a disk's chain are merged into the one below them (`block-commit`), and then closed and removed.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `place` | where the images of a chain lie on this host |
//! | `chain` | what is merged, the chain before and after it, and the mark that no other qmpsh merges there |
//! | `needed` | that nobody else uses what would change |
//! | `remove` | the files of the merged images, once no chain has them |
//! | `left` | what a commit left whose qmpsh was killed |
//!
//! Here is the job. Until it has ended, releasing it cancels it: the disk then has the chain that it had. A job that has ended
//! is dismissed only when the mark says so: whoever finds the one or the other knows whether all was merged.

mod chain;
mod left;
mod needed;
mod place;
mod remove;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{Error, ErrorKind};
use super::image::merging::{Mark, Note};
use super::job::{Progress, Settled};
use super::machine::{Vm, object};
use super::server::Server;
use chain::Chain;

pub use left::{Left, Merging};
pub use place::Image;
pub use remove::Removal;

/// What the jobs are called, before the digits.
const JOB: &str = "qmpsh-commit";

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
    /// A commit that was cut off has merged a part of an image into one that would change, and this one would not merge it.
    InPart {
        /// The image that it would be merged into.
        image: String,
        /// The image of which a part was.
        also: String,
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
        /// The images of the chain as they are.
        found: String,
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
            Self::InPart { image, also } => write!(
                f,
                "a commit that was cut off has merged a part of `{also}` into `{image}` or above it, so that has to be merged too; nothing was changed"
            ),
            Self::Unmarked { image, why } => write!(
                f,
                "`{image}` cannot be marked as one that others are being merged into: {why}"
            ),
            Self::Chain { found } => write!(
                f,
                "the commit ended, but the disk's chain is not as it should be ({found}); no file was removed"
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
    /// What is in it.
    note: Note,
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
        self.sweep_commits().await?;
        // The base is held first: who else merges there changes the chain, and shows in it as nodes that nobody knows.
        let chain = Chain::of(self, &self.block_graph().await?, plan, server.pid())?;
        chain.check_removable(self, plan.keep)?;
        let mark = chain.hold(self, plan.keep)?;
        let prepared = self.prepare(plan, server.pid(), mark.as_ref()).await;
        let (id, chain, note) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                mark.iter().for_each(Mark::withdraw);
                return Err(error);
            }
        };
        let commit = Commit {
            vm: self.clone(),
            server,
            id,
            chain,
            keep: plan.keep,
            mark,
            note,
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

    /// Looks at the chain, which no other qmpsh changes now, and says in the mark what is to come.
    async fn prepare(
        &self,
        plan: &CommitPlan,
        process: Option<u32>,
        mark: Option<&Mark>,
    ) -> Result<(String, Chain, Note), Error> {
        let graph = self.block_graph().await?;
        let chain = Chain::of(self, &graph, plan, process)?;
        chain.check(self, &graph, process)?;
        let id = format!("{JOB}-{}", self.nonce()?);
        let merge = serde_json::to_value(chain.merge(&id, plan.keep)).unwrap_or_default();
        let note = Note::now(merge);
        self.change_mark(&chain.base, mark, |mark| mark.write(&note))?;
        Ok((id, chain, note))
    }

    /// Lets QEMU forget the job of a commit, unless it has done so.
    async fn dismiss_commit_job(&self, id: &str) -> Result<(), Error> {
        match self.job(id).dismiss().await {
            Err(error) if !error.is_refusal() => Err(error),
            _ => Ok(()),
        }
    }

    /// Closes a node. One that somebody uses stays, and its file with it; one that went with the node above is gone.
    async fn close_if_unused(&self, node: &str) -> Result<(), Error> {
        match self.close_node(node).await {
            Err(error) if !error.is_refusal() => Err(error),
            _ => Ok(()),
        }
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
        loop {
            match job.settle(None, &mut report).await? {
                Settled::Ready => job.complete().await?,
                Settled::Concluded(None) => return self.finish().await,
                Settled::Concluded(Some(error)) => {
                    job.dismiss().await?;
                    return Err(job.failed(error));
                }
            }
        }
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
        self.end_mark()?;
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
        match self.vm.job(&self.id).end(END).await {
            Ok(_) => {}
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
        let is_dry_run = self.vm.settings().mode.is_dry_run();
        if is_dry_run || self.chain.is_untouched(&self.vm.block_graph().await?) {
            self.vm.dismiss_commit_job(&self.id).await?;
            return Ok(false);
        }
        self.finish().await.map(|()| true)
    }

    /// The base, where a part of what was to be merged may be in it.
    pub fn torn(&self) -> Option<&Image> {
        let is_real = !self.vm.settings().mode.is_dry_run();
        (is_real && *self.stage() == Stage::Begun).then_some(self.base())
    }

    /// Why the base has no mark, where it cannot be seen from here and the merged files are to stay all the same.
    pub fn unmarked(&self) -> Option<&str> {
        self.base().place.as_ref().err().map(String::as_str)
    }

    /// Sees that the chain is what is to come of the commit, and closes the merged nodes.
    async fn finish(&self) -> Result<(), Error> {
        if self.vm.settings().mode.is_dry_run() {
            self.vm.dismiss_commit_job(&self.id).await?;
        } else {
            let graph = self.vm.block_graph().await?;
            let shorter = self.chain.check_shorter(&self.vm, &graph);
            if shorter.is_ok() {
                // All is in the base: it is a state of its own again.
                let over = |mark: &Mark| mark.over(&self.note);
                self.vm.change_mark(self.base(), self.mark.as_ref(), over)?;
            }
            self.vm.dismiss_commit_job(&self.id).await?;
            shorter?;
            // The highest first: it holds the ones below.
            for node in self.chain.nodes_to_close() {
                if graph.node(node).is_some() {
                    self.vm.close_if_unused(node).await?;
                }
            }
        }
        if self.keep {
            self.end_mark()?;
            *self.stage() = Stage::Over;
        } else {
            *self.stage() = Stage::Done;
        }
        Ok(())
    }

    /// Nothing is left that a later run would have to do.
    fn end_mark(&self) -> Result<(), Error> {
        self.vm
            .change_mark(self.base(), self.mark.as_ref(), Mark::end)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        // A plain value, which no panic leaves half changed.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
