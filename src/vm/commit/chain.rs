//! What a commit merges: where those images lie on this host, and that nobody else uses them.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CommitError, CommitPlan};
use crate::vm::block_graph::{BlockGraph, Drive, Node};
use crate::vm::error::{Error, ErrorKind};
use crate::vm::image;
use crate::vm::image::merging::{Mark, is_merging};
use crate::vm::image::users::{FileId, User, has_open, images_over, processes};
use crate::vm::machine::Vm;

/// An image of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its node.
    pub node: String,
    /// Its file as QEMU knows it.
    pub file: String,
    /// Where it lies on this host, or why that cannot be told.
    pub(super) place: Result<Place, String>,
}

/// A file that this host and QEMU both see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) id: FileId,
}

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
    to_close: Vec<String>,
}

impl Chain {
    /// The chain before a commit. Fails where the plan names none, and where others use what would change.
    pub(super) async fn of(
        vm: &Vm,
        plan: &CommitPlan,
        process: Option<u32>,
    ) -> Result<Self, Error> {
        let graph = vm.block_graph().await?;
        let refuse = |why: String| vm.error(ErrorKind::Argument(why));
        let drive = graph
            .drives
            .iter()
            .find(|drive| drive.node.as_deref() == Some(&plan.node))
            .ok_or_else(|| refuse(format!("no disk has the node `{}` at its top", plan.node)))?;
        let place = |node: &str| drive.chain.iter().position(|other| other == node);
        let (Some(top), Some(base)) = (place(&plan.top), place(&plan.base)) else {
            let chain = drive.chain.join(" on ");
            return Err(refuse(format!(
                "`{}` or `{}` is no image of `{}`, which is {chain}",
                plan.top, plan.base, drive.name
            )));
        };
        if top >= base {
            return Err(refuse(format!(
                "`{}` does not lie below `{}`, so nothing can be merged into it",
                plan.base, plan.top
            )));
        }
        let recording = &vm.settings().recording;
        let image = |name: &String| {
            let file = graph.node(name).and_then(|node| node.file.clone());
            let file = file.unwrap_or_else(|| name.clone());
            let of = format!("where the image `{file}` lies");
            let place = recording
                .observe(&of, || locate(&file, process))
                .map_err(|difference| vm.error(difference))?;
            Ok(Image {
                node: name.clone(),
                file,
                place,
            })
        };
        let all = drive
            .chain
            .iter()
            .map(image)
            .collect::<Result<Vec<_>, Error>>()?;
        let merged = all[top..base].to_vec();
        let changed = &all[top..=base];
        check_graph(&graph, drive, changed).map_err(|error| vm.error(error))?;
        let used = recording
            .observe("who else uses the images", || {
                used_here(&all, changed, process)
            })
            .map_err(|difference| vm.error(difference))?;
        if let Some((image, by)) = used {
            return Err(vm.error(CommitError::Used { image, by }));
        }
        let unseen = merged.iter().find_map(|image| {
            let why = image.place.as_ref().err()?;
            Some((image.file.clone(), why.clone()))
        });
        if let Some((image, why)) = unseen.filter(|_| !plan.keep) {
            return Err(vm.error(CommitError::Elsewhere { image, why }));
        }
        let nodes: Vec<&Node> = merged
            .iter()
            .filter_map(|one| graph.node(&one.node))
            .collect();
        Ok(Self {
            drive: drive.name.clone(),
            before: drive.chain.clone(),
            after: [&drive.chain[..top], &drive.chain[base..]].concat(),
            above: top.checked_sub(1).map(|above| all[above].clone()),
            merged,
            base: all[base].clone(),
            bitmaps: nodes.iter().flat_map(|node| bitmaps(node)).collect(),
            to_close: to_close(&nodes),
        })
    }

    /// Marks the base, before anything is merged into it. Without a mark nothing is, unless the merged files stay.
    pub(super) fn mark(&self, vm: &Vm, plan: &CommitPlan) -> Result<Option<Mark>, Error> {
        let settings = vm.settings();
        if settings.mode.is_dry_run() || settings.mode.is_read_only() {
            return Ok(None);
        }
        let mut mark = None;
        let set = || {
            if let Some(Ok(top)) = self.merged.first().map(|image| &image.place) {
                if is_merging(Path::new(&top.path)) {
                    return Err(CommitError::Torn {
                        image: top.path.clone(),
                    });
                }
            }
            let merged: Vec<&str> = self.merged.iter().map(|one| one.file.as_str()).collect();
            let set = match &self.base.place {
                Ok(place) => Mark::set(Path::new(&place.path), vm.label(), &merged)
                    .map_err(|error| error.to_string()),
                Err(_) if plan.keep => return Ok(()),
                Err(why) => Err(why.clone()),
            };
            let image = self.base.file.clone();
            mark = Some(set.map_err(|why| CommitError::Unmarked { image, why })?);
            Ok(())
        };
        settings
            .recording
            .observe("the mark beside the base", set)
            .map_err(|difference| vm.error(difference))?
            .map_err(|error: CommitError| vm.error(error))?;
        Ok(mark)
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
        let found = found.to_vec();
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

fn bitmaps(node: &Node) -> impl Iterator<Item = String> + '_ {
    let kept = node.bitmaps.iter().filter(|bitmap| bitmap.persistent);
    kept.filter_map(|bitmap| bitmap.name.clone())
}

/// The merged nodes, and behind them those of their files.
fn to_close(merged: &[&Node]) -> Vec<String> {
    let files = merged.iter().flat_map(|node| {
        let below = node.children.iter().filter(|edge| edge.role != "backing");
        below.map(|edge| edge.node.clone())
    });
    let images = merged.iter().map(|node| node.node.clone());
    images.chain(files).collect()
}

/// Where this host sees a file that QEMU has open.
fn locate(file: &str, process: Option<u32>) -> Result<Place, String> {
    let Some(pid) = process else {
        return Err(
            "its QEMU cannot be seen among this host's processes, so it may be on another".into(),
        );
    };
    let path = image::absolute(file, process)
        .ok_or("it is no plain file whose path can be told".to_owned())?;
    let found = image::identity(&path).ok_or("there is no such file on this host".to_owned())?;
    if !has_open(pid, found) {
        return Err("the process behind its monitor does not have that file of this host open, so its QEMU is elsewhere or sees other folders".into());
    }
    let path = path.to_str().ok_or("its name is no UTF-8".to_owned())?;
    Ok(Place {
        path: path.to_owned(),
        id: found,
    })
}

fn is(user: &User, process: u32) -> bool {
    matches!(user, User::Process { pid, .. } if *pid == process)
}

/// Fails where another drive, an export or another node of this VM uses what would change.
fn check_graph(graph: &BlockGraph, drive: &Drive, changed: &[Image]) -> Result<(), CommitError> {
    let used = |image: &Image, by: String| {
        Err(CommitError::Used {
            image: image.file.clone(),
            by,
        })
    };
    let own = below(graph, drive);
    for image in changed {
        let others = graph.drives.iter().filter(|other| *other != drive);
        for other in others {
            if other.chain.contains(&image.node) {
                return used(image, format!("the disk `{}`", other.name));
            }
        }
        if let Some(export) = graph
            .exports
            .iter()
            .find(|export| export.node == image.node)
        {
            return used(image, format!("the export `{}`", export.id));
        }
        for other in graph
            .nodes
            .iter()
            .filter(|node| !own.contains(node.node.as_str()))
        {
            let is_over = other.children.iter().any(|edge| edge.node == image.node);
            if is_over || other.file.as_ref() == Some(&image.file) {
                let of = graph
                    .drives
                    .iter()
                    .find(|drive| drive.chain.contains(&other.node));
                return used(
                    image,
                    match of {
                        Some(drive) => format!("the disk `{}`", drive.name),
                        None => format!("the node `{}`", other.node),
                    },
                );
            }
        }
    }
    Ok(())
}

/// The drive's node and all below it.
fn below<'a>(graph: &'a BlockGraph, drive: &'a Drive) -> HashSet<&'a str> {
    let mut found = HashSet::new();
    let mut next: Vec<&str> = drive.node.iter().map(String::as_str).collect();
    while let Some(name) = next.pop() {
        if found.insert(name) {
            let children = graph.node(name).into_iter().flat_map(|node| &node.children);
            next.extend(children.map(|edge| edge.node.as_str()));
        }
    }
    found
}

/// An image that would change, and who else on this host uses it: a process, or an image that stands on it.
fn used_here(all: &[Image], changed: &[Image], process: Option<u32>) -> Option<(String, String)> {
    let places = |images: &[Image]| -> Vec<Place> {
        images
            .iter()
            .filter_map(|image| image.place.clone().ok())
            .collect()
    };
    let own: HashSet<FileId> = places(all).iter().map(|place| place.id).collect();
    let folders = folders(&places(all));
    for place in places(changed) {
        let mut users = processes(place.id);
        users.retain(|user| !process.is_some_and(|pid| is(user, pid)));
        users.extend(images_over(place.id, &folders).unwrap_or_default());
        users.retain(|user| match user {
            User::Image { path } => !image::identity(path).is_some_and(|id| own.contains(&id)),
            _ => true,
        });
        if let Some(user) = users.first() {
            return Some((place.path, user.to_string()));
        }
    }
    None
}

/// The folders that the images lie in.
pub(super) fn folders(places: &[Place]) -> BTreeSet<PathBuf> {
    let real = |place: &Place| std::fs::canonicalize(&place.path).ok();
    let folder = |path: PathBuf| path.parent().map(Path::to_owned);
    places.iter().filter_map(real).filter_map(folder).collect()
}
