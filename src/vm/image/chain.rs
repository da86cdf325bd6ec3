//! The images of a VM that is shut off, by their headers, and a new image in the place of one.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::header::{below, is_encrypted, is_qcow2, open};
use super::merging::is_merging;
use super::users::lock;

/// The most images of a chain: more than any that works.
pub(super) const MOST: usize = 256;

/// An image of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its file.
    pub file: PathBuf,
    /// Its format: what the image above says, `qcow2` on top where it is one; nothing where nobody says.
    pub format: Option<String>,
    /// Whether its data are encrypted, as far as its header tells.
    pub encrypted: bool,
    /// Whether it holds a part of what a commit was merging into it, and is no state of its own.
    #[serde(default)]
    pub merging: bool,
}

/// An image and those below it, from the top down, as their headers name them. Fails when one is not there.
pub fn chain(image: &Path) -> io::Result<Vec<Layer>> {
    let top = open(image)?;
    let mut layers = vec![Layer {
        file: image.to_owned(),
        format: is_qcow2(&top)?.then(|| "qcow2".to_owned()),
        encrypted: is_encrypted(&top)?,
        merging: is_merging(image),
    }];
    while let Some(last) = layers.last() {
        // A raw image stands on none, whatever its guest wrote at its beginning.
        let found = match last.format.as_deref() {
            Some("qcow2" | "qcow" | "qed") | None => below(&last.file),
            Some(_) => Ok(None),
        };
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("`{}`: {error}", last.file.display()))
        };
        let Some(found) = found.map_err(named)? else {
            return Ok(layers);
        };
        let file = fs::canonicalize(&found.path).map_err(|error| {
            io::Error::new(error.kind(), format!("`{}`: {error}", found.path.display()))
        })?;
        if layers.len() == MOST || layers.iter().any(|layer| layer.file == file) {
            return Err(io::Error::other(
                "the images stand on each other in a circle",
            ));
        }
        let is_qcow2 = found.format.as_deref() == Some("qcow2");
        let encrypted = is_qcow2 && is_encrypted(&open(&file)?)?;
        layers.push(Layer {
            merging: is_merging(&file),
            file,
            format: found.format,
            encrypted,
        });
    }
    Ok(layers)
}

/// Gives the file `new` the name `image`, with the owner and the rights of the image that has it, which is called `aside`
/// from then on. Whatever happens meanwhile, there is one of the two under the name.
///
/// Fails, with nothing changed, where there is an `aside`, and where a QEMU has the image open.
pub fn put_in_place(new: &Path, image: &Path, aside: &Path) -> io::Result<()> {
    let data = fs::symlink_metadata(image)?;
    if !data.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    // No QEMU opens it until the other one is there.
    let Some(_locked) = lock(image)? else {
        return Err(io::Error::other("a QEMU has it open"));
    };
    let file = File::options().write(true).open(new)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (data.uid(), data.gid()) {
        fchown(&file, Some(data.uid()), Some(data.gid()))?;
    }
    file.set_permissions(data.permissions())?;
    file.sync_all()?;
    fs::hard_link(image, aside)?;
    let renamed = fs::rename(new, image);
    if renamed.is_err() {
        let _ = fs::remove_file(aside);
    }
    renamed?;
    let folder = image.parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()
}
