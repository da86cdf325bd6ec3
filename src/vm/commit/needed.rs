//! Who else needs what a commit would change: other parts of the VM, other programs of this host, and other images.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use super::CommitError;
use super::place::{Image, Place, folders};
use crate::vm::block_graph::{BlockGraph, Drive, Job, Node};
use crate::vm::image;
use crate::vm::image::users::{FileId, User, images_over, processes};

fn is(user: &User, process: u32) -> bool {
    matches!(user, User::Process { pid, .. } if *pid == process)
}

/// Fails where another drive, an export or another node of this VM uses what would change.
pub(super) fn check_graph(
    graph: &BlockGraph,
    drive: &Drive,
    changed: &[Image],
) -> Result<(), CommitError> {
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
                return used(image, in_words(graph, other, is_over));
            }
        }
    }
    Ok(())
}

/// Fails where something stands between a drive and its images, as a backup does that goes on.
pub(super) fn check_top(graph: &BlockGraph, drive: &Drive) -> Result<(), CommitError> {
    let (node, top) = (drive.node.as_ref(), drive.chain.first());
    let filter = node.filter(|node| Some(*node) != top);
    let Some(filter) = filter.and_then(|node| graph.node(node)) else {
        return Ok(());
    };
    let top = top.and_then(|top| graph.node(top)?.file.clone());
    let image = top.unwrap_or_else(|| drive.name.clone());
    let by = in_words(graph, filter, true);
    Err(CommitError::Used { image, by })
}

/// What a node over an image is, or another one of its file: people know disks, jobs and files, and QEMU makes names up for
/// nodes.
fn in_words(graph: &BlockGraph, node: &Node, is_over: bool) -> String {
    let (name, driver) = (&node.node, &node.driver);
    let works_on = |job: &&Job| job.nodes.iter().any(|edge| edge.node == *name);
    if let Some(job) = graph.jobs.iter().find(works_on) {
        return format!("the job `{}` ({})", job.id, job.kind);
    }
    let has = |drive: &&Drive| drive.chain.contains(name);
    if let Some(drive) = graph.drives.iter().find(has) {
        return format!("the disk `{}`", drive.name);
    }
    let is_image = node.children.iter().any(|edge| edge.role == "backing");
    match &node.file {
        Some(file) if is_image => format!("the image `{file}` on top of it (node `{name}`)"),
        _ if is_over => format!("the {driver} on top of it (node `{name}`)"),
        _ => format!("a second {driver} of the same file (node `{name}`)"),
    }
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
pub(super) fn used_here(
    all: &[Image],
    changed: &[Image],
    process: Option<u32>,
) -> Option<(String, String)> {
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
        // A folder that cannot be read tells nothing, and the others all the same.
        let over = |folder: &PathBuf| images_over(place.id, &BTreeSet::from([folder.clone()]));
        users.extend(folders.iter().flat_map(|one| over(one).unwrap_or_default()));
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
