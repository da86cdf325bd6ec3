//! The mark beside an image that others are being merged into: until all is merged, it is no state of its own.
//!
//! It is on disk before the first byte is merged, and stays until the merge was seen complete. Who merges holds a lock on it,
//! which ends with the process in every case.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use serde_json::json;

/// What the mark is called, behind the image's name.
const ENDING: &str = ".qmpsh-merging";

/// The mark of an image, held by this process.
#[derive(Debug)]
pub(in crate::vm) struct Mark {
    image: PathBuf,
    path: PathBuf,
    /// Whether a merge that did not come to its end had left it.
    was_there: bool,
    // Held for its lock.
    _file: File,
}

/// Whether an image holds a part of what was being merged into it. One that cannot be asked about counts as such.
pub(in crate::vm) fn is_merging(image: &Path) -> bool {
    let there = path(image).and_then(fs::symlink_metadata);
    !matches!(there, Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Removes the mark of an image that is gone.
pub(in crate::vm) fn forget(image: &Path) {
    // What stays tells of an image that is not there.
    let mut name = image.as_os_str().to_owned();
    name.push(ENDING);
    let _ = fs::remove_file(name);
}

fn path(image: &Path) -> io::Result<PathBuf> {
    let mut name = fs::canonicalize(image)?.into_os_string();
    name.push(ENDING);
    Ok(name.into())
}

impl Mark {
    /// Marks an image, and has the mark safe on disk when this returns. Fails where another process merges into it now.
    pub(in crate::vm) fn set(image: &Path, vm: &str, merged: &[&str]) -> io::Result<Self> {
        let path = path(image)?;
        let was_there = fs::symlink_metadata(&path).is_ok();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(opened);
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            match io::Error::from(error) {
                error if error.kind() == io::ErrorKind::WouldBlock => {
                    io::Error::other("another qmpsh merges into the image now")
                }
                error => error,
            }
        })?;
        if file.metadata()?.nlink() == 0 {
            return Err(io::Error::other(
                "another qmpsh has just merged into the image",
            ));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.map_or(0, |since| since.as_secs());
        let text = json!({ "since": since, "vm": vm, "merged": merged });
        file.set_len(0)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        let mark = Self {
            image: image.to_owned(),
            path,
            was_there,
            _file: file,
        };
        mark.sync_folder()?;
        Ok(mark)
    }

    /// All is merged: writes the image to the disk, and removes the mark.
    pub(in crate::vm) fn end(&self) -> io::Result<()> {
        File::open(&self.image)?.sync_all()?;
        fs::remove_file(&self.path)?;
        self.sync_folder()
    }

    /// Nothing was merged: the image is what it was before the mark.
    pub(in crate::vm) fn withdraw(&self) {
        if !self.was_there {
            // One that stays is on the safe side.
            let _ = fs::remove_file(&self.path);
        }
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()
    }
}
