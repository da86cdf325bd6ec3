//! Schemas on disk. QEMU takes 20 ms to tell its schema, during which it does nothing else, and the schema is the same
//! for as long as the program is: so what one run was told, the next reads in a twentieth of that.
//!
//! A schema is kept under the very file that QEMU runs and the version it tells, so that an upgraded, rebuilt or other
//! QEMU never gets the schema of another. Where that file cannot be seen, nothing is kept.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::model::Schema;
use crate::client::nonce;
use crate::vm::process::is_qemu;
use crate::wire::message::Version;

/// How many schemas are kept: one for each QEMU program that a host has had of late.
const MOST: usize = 16;
/// The largest file that is read; QEMU's schemas have 250 KB.
const LARGEST: u64 = 8 << 20;

/// Where the schema of one QEMU program is kept.
#[derive(PartialEq, Eq)]
pub(super) struct Kept {
    path: PathBuf,
}

impl Kept {
    /// The place in `folder` for the program that process `pid` runs; none if that is no QEMU, or cannot be seen.
    pub(super) fn of(folder: &Path, pid: u32, version: &Version) -> Option<Self> {
        let path = folder.join(format!("{version}-{}.json", build(pid)?));
        Some(Self { path })
    }

    /// The place that was made in `folder` for the program that process `pid` runs, whatever version it told then; none
    /// where nothing was kept.
    pub(super) fn found(folder: &Path, pid: u32) -> Option<Self> {
        let ending = format!("-{}.json", build(pid)?);
        latest(folder, |name| name.ends_with(&ending))
    }

    /// The schema, if it was kept and can be read.
    pub(super) fn read(&self) -> Option<Schema> {
        if fs::metadata(&self.path).ok()?.len() > LARGEST {
            return None;
        }
        Schema::from_json(&fs::read_to_string(&self.path).ok()?).ok()
    }

    /// Keeps the schema in a reply to `query-qmp-schema`. Where that fails, the next run asks again.
    pub(super) fn write(&self, reply: &Value) -> io::Result<()> {
        let folder = self.path.parent().ok_or(io::ErrorKind::NotFound)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        remove_oldest(folder)?;
        // Others may read at this moment: the file gets its name when it is whole.
        let unfinished = folder.join(format!("{}.unfinished", nonce()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        let written = file
            .write_all(reply.to_string().as_bytes())
            .and_then(|()| fs::rename(&unfinished, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

/// Which very file process `pid` runs; none if that is no QEMU, or cannot be seen.
fn build(pid: u32) -> Option<String> {
    // Another program may listen in QEMU's stead, and does so for any QEMU.
    if !is_qemu(pid) {
        return None;
    }
    // Follows to the file that runs, even when another has its name by now.
    let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    let build = [
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime().unsigned_abs(),
        file.mtime_nsec().unsigned_abs(),
    ];
    Some(build.map(|number| format!("{number:x}")).join("-"))
}

/// The schema that was kept last in `folder`, for when no QEMU can be asked.
pub(super) fn newest(folder: &Path) -> Option<Schema> {
    latest(folder, |_| true)?.read()
}

/// The file of such a name that was written last.
fn latest(folder: &Path, is_meant: impl Fn(&str) -> bool) -> Option<Kept> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_whole = path.extension().is_some_and(|ending| ending == "json");
        let at = fs::metadata(&path).and_then(|file| file.modified()).ok()?;
        (is_whole && is_meant(name.to_str()?)).then_some((at, path))
    });
    let (_, path) = files.max()?;
    Some(Kept { path })
}

/// Makes room for one more file.
fn remove_oldest(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let surplus = (files.len() + 1).saturating_sub(MOST);
    for (_, path) in files.into_iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::{Kept, MOST, newest};
    use crate::wire::message::Version;

    #[test]
    fn a_schema_is_read_as_it_was_kept_and_old_ones_make_room() {
        let folder = std::env::temp_dir().join(format!("qmpsh-cache-{}", std::process::id()));
        let kept = |name: usize| Kept {
            path: folder.join(format!("{name}.json")),
        };
        assert!(kept(0).read().is_none());
        let reply = json!([
            {"name": "0", "meta-type": "object", "members": []},
            {"name": "stop", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
        ]);
        for name in 0..MOST + 4 {
            kept(name).write(&reply).unwrap();
        }
        assert!(kept(MOST + 3).read().unwrap().command("stop").is_some());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), MOST);
        assert!(newest(&folder).unwrap().command("stop").is_some());
        fs::write(folder.join("19.json"), "half a sch").unwrap();
        assert!(kept(19).read().is_none());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn nothing_is_kept_for_a_process_that_is_no_qemu() {
        let folder = std::env::temp_dir();
        assert!(Kept::of(&folder, std::process::id(), &Version::default()).is_none());
        assert!(Kept::of(&folder, u32::MAX, &Version::default()).is_none());
        assert!(Kept::found(&folder, std::process::id()).is_none());
    }
}
