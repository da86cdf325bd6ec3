//! The image files that a VM's QEMU has open, as this host sees them: whether QEMU has locked them, who else has them open, and
//! how much room is left where they lie.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::block_graph::Node;
use super::error::Error;
use super::image::{self, identity, on_this_host};
use super::machine::Vm;
use super::server::Server;
use crate::client::Holder;
use crate::client::holder::{holder, processes};

/// An image file. What cannot be seen, as of a QEMU on another host, is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The block node of the file itself.
    pub node: String,
    /// The file as QEMU knows it.
    pub file: String,
    /// Its absolute path on this host.
    pub path: PathBuf,
    /// The file that it is, where links are on the way to it.
    pub real: Option<PathBuf>,
    /// Whether QEMU may write to it.
    pub writable: bool,
    /// Whether QEMU has locked it, so that no other QEMU opens it by mistake.
    pub locked: Option<bool>,
    /// Other processes that have it open; those of other users only root sees.
    pub others: Vec<Holder>,
    /// The bytes that its file system has left.
    pub free: Option<u64>,
    /// What tells its file system from others of this host.
    pub file_system: Option<u64>,
}

impl Vm {
    /// The image files of the VM, those below others too (`query-named-block-nodes`, and `/proc`).
    ///
    /// Blocks for some milliseconds, and for as long as the file systems do that the images lie on.
    pub async fn images(&self) -> Result<Vec<Image>, Error> {
        let nodes = self.block_graph().await?.nodes;
        let process = Server::of(self).await?.pid();
        let process = process.or(self.target().identity().pid);
        let recording = &self.settings().recording;
        let seen = recording.observe("the image files", || look(&nodes, process));
        seen.map_err(|difference| self.error(difference))
    }
}

/// A process that has an image open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHolder {
    /// The image's absolute path on this host.
    pub path: PathBuf,
    /// Its number.
    pub pid: u32,
    /// Its program's name.
    pub program: String,
    /// Whether it is the VM's own QEMU.
    pub own: bool,
}

impl Vm {
    /// Who has an image open now that QEMU calls `file`, or one of those that it stands on by its header. Nobody where QEMU is not
    /// seen to be on this host.
    ///
    /// Blocks as [`Vm::images`] does.
    pub async fn image_holders(&self, file: &str) -> Result<Vec<ImageHolder>, Error> {
        let process = Server::of(self).await?.pid();
        let process = process.or(self.target().identity().pid);
        let recording = &self.settings().recording;
        let seen = recording.observe(&format!("who has {file} open"), || {
            process.map_or_else(Vec::new, |process| holders(file, process))
        });
        seen.map_err(|difference| self.error(difference))
    }
}

fn holders(file: &str, process: u32) -> Vec<ImageHolder> {
    let Some(path) = image::absolute(file, Some(process)) else {
        return Vec::new();
    };
    let paths = image::stack(&path, process);
    let open = open_in(&paths);
    let mut holders: Vec<ImageHolder> = Vec::new();
    for (place, pid, _) in open {
        let path = &paths[place];
        if holders
            .iter()
            .any(|one| one.pid == pid && one.path == *path)
        {
            continue;
        }
        holders.push(ImageHolder {
            path: path.clone(),
            pid,
            program: holder(pid).program,
            own: pid == process,
        });
    }
    holders
}

/// The bytes that are left for anybody on the file system that `path` is on.
pub fn free(path: &Path) -> std::io::Result<u64> {
    let told = rustix::fs::statvfs(path)?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

fn look(nodes: &[Node], process: Option<u32>) -> Vec<Image> {
    let is_file = |node: &&Node| {
        node.children.is_empty() && matches!(node.driver.as_str(), "file" | "host_device")
    };
    let mut images: Vec<Image> = Vec::new();
    for node in nodes.iter().filter(is_file) {
        let Some(file) = node.file.clone() else {
            continue;
        };
        let Some(path) = image::absolute(&file, process) else {
            continue;
        };
        let path = on_this_host(&path, process);
        if let Some(known) = images.iter_mut().find(|image| image.path == path) {
            known.writable |= node.writable;
            continue;
        }
        images.push(Image {
            node: node.node.clone(),
            file,
            real: fs::canonicalize(&path).ok(),
            writable: node.writable,
            locked: None,
            others: Vec::new(),
            free: free(&path).ok(),
            file_system: identity(&path).map(|(device, _)| device),
            path,
        });
    }
    find_users(&mut images, process);
    images
}

/// Sees who has the images open: the VM's own process with its locks, and others.
fn find_users(images: &mut [Image], process: Option<u32>) {
    let paths: Vec<_> = images.iter().map(|image| image.path.clone()).collect();
    for (place, pid, descriptor) in open_in(&paths) {
        let image = &mut images[place];
        if Some(pid) == process {
            let locked = image.locked.unwrap_or(false);
            image.locked = Some(locked || has_lock(pid, &descriptor));
        } else if image.others.iter().all(|other| other.pid != pid) {
            image.others.push(holder(pid));
        }
    }
}

/// Which processes have which of the files open: the file's place, the process, and its descriptor.
fn open_in(paths: &[PathBuf]) -> Vec<(usize, u32, String)> {
    let places: BTreeMap<(u64, u64), usize> = paths
        .iter()
        .enumerate()
        .filter_map(|(place, path)| Some((identity(path)?, place)))
        .collect();
    // By what a link leads to, as the kernel tells it.
    let real = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let names: Vec<_> = paths.iter().map(real).collect();
    // Only what is called so is looked at: a file on a server that is gone would hold us up.
    let may_be = |path: &Path| {
        names
            .iter()
            .any(|name| name.file_name() == path.file_name())
    };
    let mut open = Vec::new();
    for pid in processes() {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        for file in files.flatten() {
            let opened = fs::read_link(file.path()).ok().filter(|path| may_be(path));
            let place = opened.and_then(|_| places.get(&identity(&file.path())?));
            if let Some(place) = place {
                let descriptor = file.file_name().to_string_lossy().into_owned();
                open.push((*place, pid, descriptor));
            }
        }
    }
    open
}

/// Whether a process holds locks by this descriptor.
fn has_lock(pid: u32, descriptor: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}"));
    info.is_ok_and(|info| info.lines().any(|line| line.starts_with("lock:")))
}
