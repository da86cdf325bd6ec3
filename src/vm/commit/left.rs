//! What a commit left that nobody saw to its end: its qmpsh was killed, and the job went on in QEMU.
//!
//! Who merges holds the mark beside the base, so a mark that can be had is that of a run that has ended. It names the job
//! and the images. The job is ended; the images are taken for merged only when QEMU says that the job did its work, or the
//! mark says that it was seen: a disk that stands on the base alone may as well have been put there by somebody else.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chain::to_close;
use super::place::{Image, images};
use super::remove::{Removal, remove};
use super::{CommitError, END};
use crate::vm::block_graph::BlockGraph;
use crate::vm::error::Error;
use crate::vm::image::merging::{Mark, Note, is_merging};
use crate::vm::image::users::stands_on;
use crate::vm::job::Settled;
use crate::vm::machine::Vm;
use crate::vm::server::Server;

/// A commit, as its mark tells it to a later run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Merge {
    /// The drive.
    pub(super) disk: String,
    /// The job in QEMU.
    pub(super) job: String,
    /// Whether the merged files are to stay.
    pub(super) keep: bool,
    /// The image right above those that are merged, if any.
    pub(super) above: Option<Image>,
    /// From the top down.
    pub(super) merged: Vec<Image>,
    pub(super) base: Image,
}

impl Merge {
    fn left(&self, over: bool, dry: bool) -> Left {
        Left {
            disk: self.disk.clone(),
            job: self.job.clone(),
            merged: self.merged.iter().map(|one| one.file.clone()).collect(),
            base: self.base.file.clone(),
            over,
            files: Vec::new(),
            dry,
        }
    }
}

/// A commit that a run before left, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The disk.
    pub disk: String,
    /// The job.
    pub job: String,
    /// The files of the images that it merged, from the top down.
    pub merged: Vec<String>,
    /// The file that it merged them into.
    pub base: String,
    /// Whether all was merged. Without, the job was ended, and the disk has the chain that it had.
    pub over: bool,
    /// What became of the files of the merged images.
    pub files: Vec<Removal>,
    /// A dry run: the job was only pretended to end, and whether all was merged is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry: bool,
}

/// An image of a VM's disks that holds a part of what was being merged into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merging {
    /// Its node.
    pub node: String,
    /// Its file as QEMU knows it.
    pub file: String,
}

/// A mark that a run before left: what it tells, and the mark itself, but in a replay.
type Found = (Note, Option<Mark>);

impl Vm {
    /// Ends what commits left whose qmpsh has ended: their jobs, the nodes of what they merged, and where all was merged, the
    /// files and the mark too, as [`super::Commit::remove`] does.
    ///
    /// Knows them by the marks beside the images of this VM's disks, as far as they are seen from here. A dry run
    /// tells of those whose job is in QEMU, and goes on as if that had ended. Waits up to 60 s for each job.
    pub async fn sweep_commits(&self) -> Result<Vec<Left>, Error> {
        let mut swept = Vec::new();
        let mode = &self.settings().mode;
        if mode.is_read_only() {
            return Ok(swept);
        }
        for image in self.seen_images().await? {
            if let Some((note, mark)) = self.find_left(&image)? {
                swept.extend(self.end_left(&image, &note, mark.as_ref()).await?);
            }
        }
        Ok(swept)
    }

    /// The images of the VM's disks into which a commit is merging, or was merging and did not come to its end.
    pub async fn merging(&self) -> Result<Vec<Merging>, Error> {
        let images = self.seen_images().await?;
        let is_marked = |image: &Image| {
            let place = image.place.as_ref();
            place.is_ok_and(|place| is_merging(Path::new(&place.path)))
        };
        let marked: Vec<bool> = self
            .settings()
            .recording
            .observe("the marks beside the images", || {
                images.iter().map(is_marked).collect()
            })
            .map_err(|difference| self.error(difference))?;
        let found = images.into_iter().zip(marked).filter(|(_, marked)| *marked);
        Ok(found
            .map(|(Image { node, file, .. }, _)| Merging { node, file })
            .collect())
    }

    /// The images of all disks, as far as this host has them.
    async fn seen_images(&self) -> Result<Vec<Image>, Error> {
        let process = Server::of(self).await?.pid();
        let graph = self.block_graph().await?;
        let mut all: Vec<Image> = Vec::new();
        for drive in &graph.drives {
            for image in images(self, &graph, drive, process)? {
                if image.place.is_ok() && !all.iter().any(|other| other.is(&image)) {
                    all.push(image);
                }
            }
        }
        Ok(all)
    }

    fn find_left(&self, base: &Image) -> Result<Option<Found>, Error> {
        let Ok(place) = &base.place else {
            return Ok(None);
        };
        let mut mark = None;
        let find = || {
            mark = Mark::take_left(Path::new(&place.path));
            mark.as_ref().and_then(Mark::left)
        };
        let of = format!("what a run before left beside `{}`", place.path);
        let found: Option<Note> = self
            .settings()
            .recording
            .observe(&of, find)
            .map_err(|difference| self.error(difference))?;
        Ok(found.map(|note| (note, mark)))
    }

    /// Nothing where there was nothing to do, or nothing that could be told.
    async fn end_left(
        &self,
        base: &Image,
        note: &Note,
        mark: Option<&Mark>,
    ) -> Result<Option<Left>, Error> {
        let Ok(merge) = serde_json::from_value::<Merge>(note.merge.clone()) else {
            return Ok(None);
        };
        if !merge.base.is(base) {
            return Ok(None);
        }
        let job = self.job(&merge.job);
        let ended = match job.progress().await? {
            Some(_) => job.end(END).await?,
            None => None,
        };
        if self.settings().mode.is_dry_run() {
            // How it stands would be known at its end.
            if ended.is_some() {
                self.dismiss_commit_job(&merge.job).await?;
            }
            return Ok(ended.map(|_| merge.left(false, true)));
        }
        let graph = self.block_graph().await?;
        let is_out = !merge
            .merged
            .iter()
            .any(|image| is_in_a_chain(&graph, image));
        let over = is_out && (note.over || ended == Some(Settled::Concluded(None)));
        let mut left = merge.left(over, false);
        if over && !note.over {
            self.change_mark(base, mark, |mark| mark.over(note))?;
        }
        if ended.is_some() {
            self.dismiss_commit_job(&merge.job).await?;
        }
        if over {
            self.close_merged(&graph, &merge.merged).await?;
            left.files = if merge.keep {
                merge.merged.iter().map(Removal::kept).collect()
            } else {
                self.remove_left(&merge)?
            };
        }
        // What was seen merged is so, whoever put the merged images on a disk again.
        if over || note.over {
            self.change_mark(base, mark, Mark::end)?;
        }
        Ok((over || ended.is_some()).then_some(left))
    }

    /// Closes the nodes of merged images that no disk has. One that somebody uses stays, and its file with it.
    async fn close_merged(&self, graph: &BlockGraph, merged: &[Image]) -> Result<(), Error> {
        let node = |image: &Image| {
            let node = graph.node(&image.node)?;
            (node.file.as_ref() == Some(&image.file)).then_some(node)
        };
        let nodes: Vec<_> = merged.iter().filter_map(node).collect();
        for node in to_close(&nodes) {
            if graph.node(&node).is_some() {
                self.close_if_unused(&node).await?;
            }
        }
        Ok(())
    }

    /// Removes the files of what was merged, each only where its header says that it stood on what is left.
    fn remove_left(&self, merge: &Merge) -> Result<Vec<Removal>, Error> {
        let images: Vec<&Image> = merge.merged.iter().chain([&merge.base]).collect();
        let stood = |image: &Image| {
            let place = image.place.as_ref().map_err(Clone::clone)?;
            let below = images.iter().filter_map(|one| one.place.as_ref().ok());
            let mut below = below.filter(|other| other.id != place.id);
            let stood = below.any(|other| stands_on(Path::new(&place.path), other.id));
            let why = "its header does not say that it stood on what it was merged into";
            stood.then_some(()).ok_or_else(|| why.to_owned())
        };
        remove(
            self,
            &merge.merged,
            merge.above.as_ref(),
            &merge.base,
            stood,
        )
    }

    /// A change of a mark; nothing in a replay.
    pub(super) fn change_mark(
        &self,
        base: &Image,
        mark: Option<&Mark>,
        change: impl FnOnce(&Mark) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let change = || {
            mark.map_or(Ok(()), change)
                .map_err(|error| error.to_string())
        };
        let changed: Result<(), String> = self
            .settings()
            .recording
            .observe("a change of the mark beside the base", change)
            .map_err(|difference| self.error(difference))?;
        changed.map_err(|why| {
            let image = base.file.clone();
            self.error(CommitError::Unmarked { image, why })
        })
    }
}

fn is_in_a_chain(graph: &BlockGraph, image: &Image) -> bool {
    let mut nodes = graph.drives.iter().flat_map(|drive| &drive.chain);
    nodes.any(|name| {
        let file = graph.node(name).and_then(|node| node.file.as_ref());
        *name == image.node || file == Some(&image.file)
    })
}
