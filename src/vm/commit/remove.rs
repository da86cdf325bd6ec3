//! The files of merged images: each is removed only when it is the very file that was merged, what it was merged into is on
//! the disk, and nobody has it open or locked or stands on it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};

use super::place::{Image, Place, folders};
use super::{Commit, Stage};
use crate::vm::error::Error;
use crate::vm::image::merging::forget;
use crate::vm::image::users::{lock, users};
use crate::vm::machine::Vm;
use crate::vm::mode::Would;

/// What became of the file of a merged image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The file.
    pub file: String,
    /// Whether it was removed.
    pub removed: bool,
    /// Why it was not.
    pub why: Option<String>,
}

impl Removal {
    pub(super) fn kept(image: &Image) -> Self {
        Self {
            file: image.file.clone(),
            removed: false,
            why: Some("it was to be kept".to_owned()),
        }
    }
}

impl Commit {
    /// Removes the files of the merged images, once [`Commit::wait`] has returned; gives what became of each.
    ///
    /// The base and the image above are written to the disk first. A file that anybody may still need is left.
    pub fn remove(&self) -> Result<Vec<Removal>, Error> {
        if *self.stage() != Stage::Done {
            return Ok(Vec::new());
        }
        let chain = &self.chain;
        let removals = remove(
            &self.vm,
            &chain.merged,
            chain.above.as_ref(),
            &chain.base,
            |_| Ok(()),
        )?;
        *self.stage() = Stage::Over;
        self.end_mark()?;
        Ok(removals)
    }
}

/// Removes the files of images that were merged into `base`, below the image `above`; those of which `check` does not say why
/// they are left.
pub(super) fn remove(
    vm: &Vm,
    merged: &[Image],
    above: Option<&Image>,
    base: &Image,
    check: impl Fn(&Image) -> Result<(), String>,
) -> Result<Vec<Removal>, Error> {
    let settings = vm.settings();
    let places = |images: &mut dyn Iterator<Item = &Image>| -> Vec<Place> {
        images
            .filter_map(|image| image.place.clone().ok())
            .collect()
    };
    let kept = places(&mut above.into_iter().chain([base]));
    let all = places(&mut above.into_iter().chain(merged).chain([base]));
    let mut removals = Vec::new();
    for image in merged {
        let doing = "remove";
        let path = Path::new(&image.file);
        let left = if settings.mode.tells(&Would::File { doing, path }) {
            Ok(())
        } else {
            let of = format!("the removal of `{}`", image.file);
            let remove = || {
                // A run that was killed may have removed it.
                if is_gone(image) {
                    return Ok(());
                }
                check(image)?;
                remove_image(image, &kept, &all)
            };
            settings
                .recording
                .observe(&of, remove)
                .map_err(|difference| vm.error(difference))?
        };
        removals.push(Removal {
            file: image.file.clone(),
            removed: left.is_ok(),
            why: left.err(),
        });
    }
    Ok(removals)
}

fn is_gone(image: &Image) -> bool {
    let found = image
        .place
        .as_ref()
        .map(|one| fs::symlink_metadata(&one.path));
    matches!(found, Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound)
}

/// Fails where it is known before a commit into `base` that the file would be left after it.
pub(super) fn check_removable(path: &Path, base: &str) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let data = fs::symlink_metadata(path).map_err(words)?;
    if data.is_symlink() {
        let target = fs::canonicalize(path).map_err(words)?;
        return Err(format!(
            "it is a link to `{0}`, and a VM that is started by it again would have an old overlay on a base that has changed. Start the VM with `{0}` itself and commit then, or keep the file; either way the VM's configuration must name `{base}` from then on",
            target.display()
        ));
    }
    if !data.is_file() {
        return Err("it is no plain file".into());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("`{}`: {}", folder.display(), io::Error::from(error)))
}

/// The error says why it is left.
fn remove_image(image: &Image, kept: &[Place], all: &[Place]) -> Result<(), String> {
    let place = image.place.as_ref().map_err(Clone::clone)?;
    let path = Path::new(&place.path);
    let words = |error: io::Error| error.to_string();
    let data = fs::symlink_metadata(path).map_err(words)?;
    if !data.is_file() {
        return Err("it is no plain file".into());
    }
    if (data.dev(), data.ino()) != place.id {
        return Err("another file has its name now".into());
    }
    if kept.iter().any(|kept| kept.id == place.id) {
        return Err("it is needed still".into());
    }
    for kept in kept {
        let written = File::open(&kept.path).and_then(|file| file.sync_all());
        written.map_err(|error| format!("`{}` cannot be synced: {error}", kept.path))?;
    }
    let users = users(path, &folders(all)).map_err(words)?;
    if let Some(user) = users.first() {
        return Err(format!("it is used by {user}"));
    }
    // No QEMU opens it from here on.
    let Some(_locked) = lock(path).map_err(words)? else {
        return Err("a QEMU has just opened it".into());
    };
    fs::remove_file(path).map_err(words)?;
    forget(path);
    Ok(())
}
