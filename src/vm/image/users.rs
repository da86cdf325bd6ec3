//! Who uses an image file of this host now: programs that have it open, QEMUs that have it locked, and images that stand
//! on it.
//!
//! Each look sees what another one does not: `/proc` shows no process of another container and, to another user than root,
//! none of other users; locks are QEMU's only, and tell also of other hosts where the file system carries them; a
//! VM that is shut off uses its image by the header of the one on top, which is looked for in the folders that are named.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation, StatxFlags, fcntl_lock, statx};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{header, identity};
use crate::wire::escape::escaped;

/// The most links that lead to a file, as many as the kernel follows.
const MOST_LINKS: usize = 40;

/// What tells a file from all others of this host: the device and the number on it.
pub type FileId = (u64, u64);

/// A use of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// A process that has it open.
    Process {
        /// Its number.
        pid: u32,
        /// Its program's name.
        program: String,
    },
    /// A QEMU, here or elsewhere, that has it locked.
    Lock,
    /// An image that has it as its backing file.
    Image {
        /// Its file.
        path: PathBuf,
    },
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, program } => write!(f, "process {pid} ({})", escaped(program)),
            Self::Lock => write!(f, "a QEMU that has it locked and cannot be seen from here"),
            Self::Image { path } => write!(
                f,
                "the image `{}` on top of it",
                escaped(&path.to_string_lossy())
            ),
        }
    }
}

/// Everybody who uses the file: the processes that have it open, else who has it locked, and the images in `folders` that
/// stand on it.
pub fn users(file: &Path, folders: &BTreeSet<PathBuf>) -> io::Result<Vec<User>> {
    let Some(id) = identity(file) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let mut users = images_over(id, folders)?;
    let mut processes = processes(id);
    if processes.is_empty() && lock(file)?.is_none() {
        processes.push(User::Lock);
    }
    processes.append(&mut users);
    Ok(processes)
}

/// The processes that have the file open, as far as they can be seen.
pub(in crate::vm) fn processes(file: FileId) -> Vec<User> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            has_open(pid, file).then(|| {
                let program = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                User::Process {
                    pid,
                    program: program.trim_end().to_owned(),
                }
            })
        })
        .collect()
}

/// Whether a process is seen to have the file open.
pub(in crate::vm) fn has_open(process: u32, file: FileId) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd"));
    let mut open = open.into_iter().flatten().flatten();
    open.any(|open| is(&open.path(), file))
}

/// Whether an open file of a process is this one. What the kernel knows of it is enough: a file on a server that does not
/// answer is not asked about.
fn is(open: &Path, file: FileId) -> bool {
    let seen = statx(CWD, open, AtFlags::STATX_DONT_SYNC, StatxFlags::INO);
    seen.is_ok_and(|seen| {
        let device = rustix::fs::makedev(seen.stx_dev_major, seen.stx_dev_minor);
        (device, seen.stx_ino) == file
    })
}

/// The folders that a file lies in: the one that its name says, and those of the links on the way to where it really is.
pub fn folders_of(file: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut next = file.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = next.parent().unwrap_or(Path::new("/")).to_owned();
        folders.extend(fs::canonicalize(&folder));
        let Ok(leads_to) = fs::read_link(&next) else {
            break;
        };
        next = folder.join(leads_to);
    }
    folders
}

/// The images in these folders that have the file as their backing file. One that only a link is in a folder for is among
/// them.
pub(in crate::vm) fn images_over(
    file: FileId,
    folders: &BTreeSet<PathBuf>,
) -> io::Result<Vec<User>> {
    let mut images = BTreeSet::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            // Asked about first: opening what is no plain file could act on it, or block.
            let is_file = fs::metadata(&path).is_ok_and(|data| data.is_file());
            if is_file && names(&path).any(|name| stands_on(&name, file)) {
                images.insert(path);
            }
        }
    }
    Ok(images
        .into_iter()
        .map(|path| User::Image { path })
        .collect())
}

/// The names of an image that the name of its backing file may be relative to: its own, and where it leads.
fn names(image: &Path) -> impl Iterator<Item = PathBuf> {
    let real = fs::canonicalize(image).ok().filter(|real| real != image);
    [image.to_owned()].into_iter().chain(real)
}

/// Whether the file is the one below an image. An image that cannot be read, or has gone, tells nothing.
pub(in crate::vm) fn stands_on(image: &Path, file: FileId) -> bool {
    let below = header::below(image).ok().flatten();
    below.is_some_and(|below| identity(&below.path) == Some(file))
}

/// Locks a file as a whole, until what this gives is dropped: no QEMU opens it meanwhile. Nothing where one has it open.
pub fn lock(file: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new().read(true).write(true).open(file)?;
    match fcntl_lock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(opened)),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_used_by_who_has_it_open() {
        let path = std::env::temp_dir().join(format!("qmpsh-users-{}", std::process::id()));
        let open = File::create(&path).unwrap();
        let none = BTreeSet::new();
        // A child of another test's may have it for a moment too.
        let is_ours = || {
            let this = |user: &User| matches!(user, User::Process { pid, .. } if *pid == std::process::id());
            users(&path, &none).unwrap().iter().any(this)
        };
        assert!(is_ours());
        drop(open);
        assert!(!is_ours());
        fs::remove_file(&path).unwrap();
        assert!(users(&path, &none).is_err());
    }
}
