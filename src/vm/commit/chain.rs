//! What a commit merges, and the chain before and after it.

use std::path::Path;

use super::left::Merge;
use super::needed::{check_graph, check_top, used_here};
use super::place::{Image, images};
use super::remove::check_removable;
use super::{CommitError, CommitPlan};
use crate::vm::block_graph::{BlockGraph, Drive, Node};
use crate::vm::error::{Error, ErrorKind};
use crate::vm::image::merging::{Mark, is_merging, note};
use crate::vm::machine::Vm;

/// The part of a disk's chain that a commit is about.
pub(super) struct Chain {
    /// The drive, as the graph tells it.
    drive: String,
    /// Its chain before and after.
    before: Vec<String>,
    after: Vec<String>,
    /// The image right above those that are merged, if any.
    pub(super) above: Option<Image>,
    /// From the top down.
    pub(super) merged: Vec<Image>,
    pub(super) base: Image,
    pub(super) bitmaps: Vec<String>,
    /// All images of the disk.
    all: Vec<Image>,
    to_close: Vec<String>,
}

impl Chain {
    /// The chain before a commit. Fails where the plan names none.
    pub(super) fn of(
        vm: &Vm,
        graph: &BlockGraph,
        plan: &CommitPlan,
        process: Option<u32>,
    ) -> Result<Self, Error> {
        let refuse = |why: String| vm.error(ErrorKind::Argument(why));
        let is_on_top = |drive: &&Drive| {
            drive.node.as_ref() == Some(&plan.node) || drive.chain.first() == Some(&plan.node)
        };
        let drive =
            graph.drives.iter().find(is_on_top).ok_or_else(|| {
                refuse(format!("no disk has the node `{}` at its top", plan.node))
            })?;
        check_top(graph, drive).map_err(|error| vm.error(error))?;
        let place = |node: &str| drive.chain.iter().position(|other| other == node);
        let (Some(top), Some(base)) = (place(&plan.top), place(&plan.base)) else {
            return Err(refuse(format!(
                "`{}` or `{}` is no image of `{}`, which is {}",
                plan.top,
                plan.base,
                drive.name,
                in_words(graph, &drive.chain)
            )));
        };
        if top >= base {
            return Err(refuse(format!(
                "{} does not lie below {}, so nothing can be merged into it",
                in_words(graph, &drive.chain[base..=base]),
                in_words(graph, &drive.chain[top..=top]),
            )));
        }
        let all = images(vm, graph, drive, process)?;
        let merged = &drive.chain[top..base];
        let nodes: Vec<&Node> = merged.iter().filter_map(|one| graph.node(one)).collect();
        Ok(Self {
            drive: drive.name.clone(),
            before: drive.chain.clone(),
            after: [&drive.chain[..top], &drive.chain[base..]].concat(),
            above: top.checked_sub(1).map(|above| all[above].clone()),
            merged: all[top..base].to_vec(),
            base: all[base].clone(),
            bitmaps: nodes.iter().flat_map(|node| bitmaps(node)).collect(),
            to_close: to_close(&nodes),
            all,
        })
    }

    /// Fails where the merged files could not be removed: the next start with one would be on a base that has changed.
    pub(super) fn check_removable(&self, vm: &Vm, keep: bool) -> Result<(), Error> {
        if keep {
            return Ok(());
        }
        let stays = |image: &Image| {
            let place = image.place.as_ref().map_err(Clone::clone);
            let base = &self.base.file;
            let why = place.and_then(|place| check_removable(Path::new(&place.path), base));
            Some((image.file.clone(), why.err()?))
        };
        let found = vm
            .settings()
            .recording
            .observe("whether the merged files could be removed", || {
                self.merged.iter().find_map(stays)
            })
            .map_err(|difference| vm.error(difference))?;
        match found {
            Some((image, why)) => Err(vm.error(CommitError::Elsewhere { image, why })),
            None => Ok(()),
        }
    }

    /// Fails where others use what would change.
    pub(super) fn check(
        &self,
        vm: &Vm,
        graph: &BlockGraph,
        process: Option<u32>,
    ) -> Result<(), Error> {
        let changed: Vec<Image> = self.merged.iter().chain([&self.base]).cloned().collect();
        let drive = graph.drives.iter().find(|drive| drive.name == self.drive);
        if let Some(drive) = drive {
            check_graph(graph, drive, &changed).map_err(|error| vm.error(error))?;
        }
        let used = vm
            .settings()
            .recording
            .observe("who else uses the images", || {
                used_here(&self.all, &changed, process)
            })
            .map_err(|difference| vm.error(difference))?;
        if let Some((image, by)) = used {
            return Err(vm.error(CommitError::Used { image, by }));
        }
        Ok(())
    }

    /// Takes the mark of the base, so that no other qmpsh merges into it. Without a mark nothing is merged, unless the
    /// merged files stay.
    pub(super) fn hold(&self, vm: &Vm, keep: bool) -> Result<Option<Mark>, Error> {
        let settings = vm.settings();
        if settings.mode.is_dry_run() || settings.mode.is_read_only() {
            return Ok(None);
        }
        let mut mark = None;
        let take = || {
            if let Some(Ok(top)) = self.merged.first().map(|image| &image.place) {
                if is_merging(Path::new(&top.path)) {
                    return Err(CommitError::Torn {
                        image: top.path.clone(),
                    });
                }
            }
            let taken = match &self.base.place {
                Ok(place) => Mark::take(Path::new(&place.path)).map_err(|error| error.to_string()),
                Err(_) if keep => return Ok(()),
                Err(why) => Err(why.clone()),
            };
            let image = self.base.file.clone();
            let taken = taken.map_err(|why| CommitError::Unmarked { image, why })?;
            if let Some(also) = self.left_in_part(&taken) {
                let (image, also) = (self.base.file.clone(), also.file.clone());
                return Err(CommitError::InPart { image, also });
            }
            mark = Some(taken);
            Ok(())
        };
        settings
            .recording
            .observe("the mark beside the base", take)
            .map_err(|difference| vm.error(difference))?
            .map_err(|error: CommitError| vm.error(error))?;
        Ok(mark)
    }

    /// An image of the chain, a part of which a commit that was cut off has merged into one that this one would change, and
    /// which this one would not merge: the base would be no state of its own after it.
    fn left_in_part(&self, mark: &Mark) -> Option<&Image> {
        let below = self.merged.iter().filter_map(|one| one.place.as_ref().ok());
        let notes = below.filter_map(|place| note(Path::new(&place.path)));
        let left: Vec<Image> = notes
            .chain(mark.left())
            .filter(|note| !note.over)
            .filter_map(|note| serde_json::from_value::<Merge>(note.merge).ok())
            .flat_map(|merge| merge.merged)
            .collect();
        let mut stay = self.all.iter().filter(|one| !self.merged.contains(one));
        stay.find(|stays| left.iter().any(|one| one.is(stays)))
    }

    /// This commit, as its mark tells it.
    pub(super) fn merge(&self, job: &str, keep: bool) -> Merge {
        Merge {
            disk: self.drive.clone(),
            job: job.to_owned(),
            keep,
            above: self.above.clone(),
            merged: self.merged.clone(),
            base: self.base.clone(),
        }
    }

    /// Whether the disk has the chain that it had before.
    pub(super) fn is_untouched(&self, graph: &BlockGraph) -> bool {
        self.now(graph) == self.before
    }

    /// Fails unless the disk has the chain that is to come of the commit.
    pub(super) fn check_shorter(&self, vm: &Vm, graph: &BlockGraph) -> Result<(), Error> {
        let found = self.now(graph);
        if found == self.after {
            return Ok(());
        }
        let found = in_words(graph, found);
        Err(vm.error(CommitError::Chain { found }))
    }

    fn now<'a>(&self, graph: &'a BlockGraph) -> &'a [String] {
        let drive = graph.drives.iter().find(|drive| drive.name == self.drive);
        drive.map_or(&[], |drive| drive.chain.as_slice())
    }

    /// The nodes that no chain needs any more, in the order in which they can be closed.
    pub(super) fn nodes_to_close(&self) -> impl Iterator<Item = &str> {
        self.to_close.iter().map(String::as_str)
    }
}

/// Images of a chain by their files, with their nodes.
fn in_words(graph: &BlockGraph, chain: &[String]) -> String {
    let image = |name: &String| {
        let file = graph.node(name).and_then(|node| node.file.as_ref());
        file.map_or_else(
            || format!("`{name}`"),
            |file| format!("`{file}` (node `{name}`)"),
        )
    };
    chain.iter().map(image).collect::<Vec<_>>().join(" on ")
}

fn bitmaps(node: &Node) -> impl Iterator<Item = String> + '_ {
    let kept = node.bitmaps.iter().filter(|bitmap| bitmap.persistent);
    kept.filter_map(|bitmap| bitmap.name.clone())
}

/// The merged nodes, and behind them those of their files.
pub(super) fn to_close(merged: &[&Node]) -> Vec<String> {
    let files = merged.iter().flat_map(|node| {
        let below = node.children.iter().filter(|edge| edge.role != "backing");
        below.map(|edge| edge.node.clone())
    });
    let images = merged.iter().map(|node| node.node.clone());
    images.chain(files).collect()
}
