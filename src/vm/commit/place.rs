//! Where the images of a chain lie on this host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::vm::block_graph::{BlockGraph, Drive};
use crate::vm::error::Error;
use crate::vm::image;
use crate::vm::image::users::{FileId, has_open};
use crate::vm::machine::Vm;

/// An image of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its node.
    pub node: String,
    /// Its file as QEMU knows it.
    pub file: String,
    /// Where it lies on this host, or why that cannot be told.
    pub(super) place: Result<Place, String>,
}

impl Image {
    /// Whether the other one is the same file.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Ok(this), Ok(other)) => this.id == other.id,
            _ => self.file == other.file && self.node == other.node,
        }
    }
}

/// A file that this host and QEMU both see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) id: FileId,
}

/// The images of a drive, from the one that its guest writes to down to the base.
pub(super) fn images(
    vm: &Vm,
    graph: &BlockGraph,
    drive: &Drive,
    process: Option<u32>,
) -> Result<Vec<Image>, Error> {
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
    drive.chain.iter().map(image).collect()
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

/// The folders that the images lie in, by their names and by the links on the way to them.
pub(super) fn folders(places: &[Place]) -> BTreeSet<PathBuf> {
    let of = |place: &Place| image::users::folders_of(Path::new(&place.path));
    places.iter().flat_map(of).collect()
}
