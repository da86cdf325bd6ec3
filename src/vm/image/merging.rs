//! The mark beside an image that others are being merged into: until all is merged, it is no state of its own.
//!
//! It is on disk before the first byte is merged, and stays until all that belongs to the merge is done. Who merges holds a
//! lock on it, which ends with the process in every case. In it are lines of JSON, of which the last whole one counts: a
//! line that was cut off takes nothing away from what was said before.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the mark is called, behind the image's name.
const ENDING: &str = ".qmpsh-merging";

/// The most bytes of a mark that are read, more than any that we write.
const MOST: u64 = 1 << 20;

/// The mark of an image, held by this process.
#[derive(Debug)]
pub(in crate::vm) struct Mark {
    image: PathBuf,
    path: PathBuf,
    /// What a merge that was cut off had left in it; nothing where there was no mark.
    before: Option<String>,
    // Held for its lock too.
    file: File,
}

/// What a mark tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vm) struct Note {
    /// When the merge began, in seconds since 1970.
    pub(in crate::vm) since: u64,
    /// Whether all is merged, so that the image is a state of its own again.
    pub(in crate::vm) over: bool,
    /// The merge, as who merges tells it.
    pub(in crate::vm) merge: Value,
}

impl Note {
    /// A merge that begins now.
    pub(in crate::vm) fn now(merge: Value) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            since: since.map_or(0, |since| since.as_secs()),
            over: false,
            merge,
        }
    }

    fn last(text: &str) -> Option<Self> {
        let mut lines = text.lines().rev();
        lines.find_map(|line| serde_json::from_str(line).ok())
    }
}

/// Whether an image holds a part of what was being merged into it. One that cannot be asked about counts as such.
pub(in crate::vm) fn is_merging(image: &Path) -> bool {
    match read(image) {
        Ok(text) => !Note::last(&text).is_some_and(|note| note.over),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// What the mark of an image tells, if there is one that can be read.
pub(in crate::vm) fn note(image: &Path) -> Option<Note> {
    Note::last(&read(image).ok()?)
}

fn read(image: &Path) -> io::Result<String> {
    text(&mut open(&path(image)?, OFlags::RDONLY)?)
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

fn open(path: &Path, how: OFlags) -> io::Result<File> {
    let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(File::from(opened))
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    Read::by_ref(file).take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Mark {
    /// Takes the mark of an image, and makes it where there is none. Fails where another process merges into the image now.
    pub(in crate::vm) fn take(image: &Path) -> io::Result<Self> {
        let path = path(image)?;
        let was_there = fs::symlink_metadata(&path).is_ok();
        let flags = OFlags::RDWR | OFlags::APPEND;
        let mut file = open(&path, flags | OFlags::CREATE)?;
        lock(&file)?;
        let before = text(&mut file)?;
        Ok(Self {
            image: image.to_owned(),
            path,
            before: was_there.then_some(before),
            file,
        })
    }

    /// Takes the mark that a run of this user's left; nothing where there is none, or where who made it merges still.
    pub(in crate::vm) fn take_left(image: &Path) -> Option<Self> {
        let path = path(image).ok()?;
        let mut file = open(&path, OFlags::RDWR | OFlags::APPEND).ok()?;
        // What it says is acted on: it is to be nobody else's word.
        let is_ours = file.metadata().ok()?.uid() == geteuid().as_raw();
        if !is_ours || lock(&file).is_err() {
            return None;
        }
        let before = text(&mut file).ok()?;
        Some(Self {
            image: image.to_owned(),
            path,
            before: Some(before),
            file,
        })
    }

    /// What a merge that was cut off left here, if it can be read.
    pub(in crate::vm) fn left(&self) -> Option<Note> {
        self.before.as_deref().and_then(Note::last)
    }

    /// Says so in the mark, and has it safe on disk when this returns.
    pub(in crate::vm) fn write(&self, note: &Note) -> io::Result<()> {
        let line = serde_json::to_string(note)?;
        // A line before it may have been cut off.
        (&self.file).write_all(format!("\n{line}\n").as_bytes())?;
        self.file.sync_all()?;
        self.sync_folder()
    }

    /// All is merged: writes the image to the disk, and says so in the mark.
    pub(in crate::vm) fn over(&self, note: &Note) -> io::Result<()> {
        File::open(&self.image)?.sync_all()?;
        self.write(&Note {
            over: true,
            ..note.clone()
        })
    }

    /// Nothing is left to do: removes the mark.
    pub(in crate::vm) fn end(&self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        self.sync_folder()
    }

    /// Nothing was merged: the mark is what it was before.
    pub(in crate::vm) fn withdraw(&self) {
        // One that stays is on the safe side.
        let _ = match &self.before {
            None => fs::remove_file(&self.path),
            Some(before) => match Note::last(before) {
                Some(note) => self.write(&note),
                None => Ok(()),
            },
        };
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()
    }
}

fn lock(mark: &File) -> io::Result<()> {
    flock(mark, FlockOperation::NonBlockingLockExclusive).map_err(
        |error| match io::Error::from(error) {
            error if error.kind() == io::ErrorKind::WouldBlock => {
                io::Error::other("another qmpsh merges into the image now")
            }
            error => error,
        },
    )?;
    if mark.metadata()?.nlink() == 0 {
        return Err(io::Error::other(
            "another qmpsh has just merged into the image",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_mark_the_last_whole_line_counts_and_one_without_any_is_of_a_merge_that_goes_on() {
        let folder = std::env::temp_dir().join(format!("qmpsh-mark-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let image = folder.join("image");
        fs::write(&image, "").unwrap();
        assert!(!is_merging(&image));
        let mark = Mark::take(&image).unwrap();
        assert!(is_merging(&image), "an empty one");
        let why = Mark::take(&image).unwrap_err().to_string();
        assert!(why.contains("another qmpsh merges"), "{why}");
        let note = Note::now(json!({ "job": "one" }));
        mark.write(&note).unwrap();
        drop(mark);

        let mark = Mark::take_left(&image).unwrap();
        assert_eq!(mark.left(), Some(note.clone()));
        mark.write(&Note::now(json!({ "job": "two" }))).unwrap();
        mark.withdraw();
        let path = mark.path.clone();
        drop(mark);
        assert_eq!(Mark::take(&image).unwrap().left(), Some(note.clone()));
        let mut cut_off = open(&path, OFlags::WRONLY | OFlags::APPEND).unwrap();
        cut_off.write_all(b"\n{\"since\":1,\"ov").unwrap();
        let mark = Mark::take(&image).unwrap();
        assert_eq!(mark.left(), Some(note.clone()));
        mark.over(&note).unwrap();
        assert!(!is_merging(&image) && path.exists());
        mark.end().unwrap();
        drop(mark);
        assert!(Mark::take_left(&image).is_none());

        // One that was not there is not left behind.
        Mark::take(&image).unwrap().withdraw();
        assert!(!path.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
