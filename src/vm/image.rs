//! Where an image lies, from the name that QEMU has for it: its absolute path as QEMU sees it, whose root may be another.
//!
//! A wrong answer would make an overlay whose backing file does not exist, so a relative name counts only when QEMU's
//! process is seen to hold that very file open.

pub mod chain;
mod header;
pub(in crate::vm) mod merging;
pub mod users;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

/// The image file in a name of QEMU's: the name itself, or the one file in a `json:` name.
///
/// QEMU makes up a `json:` name when a plain one would not lead to the same images, as for an overlay whose backing file
/// is another than its header says. With more in it than that (the offset of a raw image, a throttle), the file alone
/// would not be the image, and the name stays as it is.
pub(super) fn file_of(name: &str) -> String {
    plain_file(name).unwrap_or_else(|| name.to_owned())
}

fn plain_file(name: &str) -> Option<String> {
    let image: Value = serde_json::from_str(name.strip_prefix("json:")?).ok()?;
    let has_only = |node: &Value, known: &[&str]| {
        node.as_object()
            .is_some_and(|members| members.keys().all(|key| known.contains(&key.as_str())))
    };
    let file = &image["file"];
    let plain = has_only(&image, &["driver", "file", "backing"])
        && has_only(file, &["driver", "filename"])
        && matches!(file["driver"].as_str(), Some("file" | "host_device"));
    plain.then(|| file["filename"].as_str().map(str::to_owned))?
}

/// The absolute path of the image that QEMU calls `file`, as its process `process` sees it.
///
/// Nothing for what is no plain file, and for relative names where the process cannot be seen or does not have the file
/// open under one clear path.
pub(super) fn absolute(file: &str, process: Option<u32>) -> Option<PathBuf> {
    if file.starts_with('/') {
        return Some(PathBuf::from(file));
    }
    let protocol = file.split(['/', ' ']).next().unwrap_or_default();
    if file.is_empty() || protocol.contains(':') {
        return None;
    }
    let process = Seen::of(process?)?;
    let open = process.open_files();
    if let Some(folder) = process.path(&process.folder.join("cwd")) {
        let path: PathBuf = folder.join(file).components().collect();
        let this = process.identity(&path);
        if this.is_some_and(|this| open.iter().any(|(_, other)| *other == this)) {
            return Some(path);
        }
    }
    // A QEMU that became a daemon has left the folder that its images were named from.
    let tail = Path::new(file).strip_prefix(".").unwrap_or(Path::new(file));
    if tail.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let mut matching: Vec<PathBuf> = open
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.ends_with(tail))
        .collect();
    matching.sort();
    matching.dedup();
    match matching.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// A process and its root, which in a container or after a `chroot` is another than ours.
struct Seen {
    /// Its folder in `/proc`.
    folder: PathBuf,
    /// What its links there begin with: they are told by our root where that can be, else by the one of its mounts.
    root: PathBuf,
}

impl Seen {
    fn of(process: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let root = fs::read_link(folder.join("root")).ok()?;
        Some(Self { folder, root })
    }

    /// Where a link of its own leads, as it sees that.
    fn path(&self, link: &Path) -> Option<PathBuf> {
        let path = fs::read_link(link).ok()?;
        Some(Path::new("/").join(path.strip_prefix(&self.root).ok()?))
    }

    /// What tells the file that it has under this path from all others.
    fn identity(&self, path: &Path) -> Option<(u64, u64)> {
        let path = path.strip_prefix("/").ok()?;
        identity(&self.folder.join("root").join(path))
    }

    /// The files that it has open: their paths as it sees them, each with what tells it from others.
    fn open_files(&self) -> Vec<(PathBuf, (u64, u64))> {
        let descriptors = fs::read_dir(self.folder.join("fd"));
        let entries = descriptors.into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let path = self.path(&entry.path())?;
                let opened = identity(&entry.path())?;
                // Sockets have no path; a path may by now name another file than the one that is open.
                (self.identity(&path)? == opened).then_some((path, opened))
            })
            .collect()
    }
}

/// Where this host sees a file that QEMU has: under its own path, or through QEMU's process.
pub(super) fn on_this_host(path: &Path, process: Option<u32>) -> PathBuf {
    let through = process.map(|process| {
        let mut through = PathBuf::from(format!("/proc/{process}/root")).into_os_string();
        through.push(path);
        PathBuf::from(through)
    });
    let theirs = through.as_deref().and_then(identity);
    match through {
        Some(through) if theirs.is_some() && theirs != identity(path) => through,
        _ => path.to_owned(),
    }
}

/// An image that QEMU's process has at `path` and those below it, as their headers name them, where this host sees them. What cannot be
/// read ends it.
pub(super) fn stack(path: &Path, process: u32) -> Vec<PathBuf> {
    let mut images = vec![on_this_host(path, Some(process))];
    while let Some(last) = images.last().filter(|_| images.len() < chain::MOST) {
        let Ok(Some(below)) = header::below(last) else {
            break;
        };
        let below = on_this_host(&below.path, Some(process));
        if images.contains(&below) {
            break;
        }
        images.push(below);
    }
    images
}

/// What tells a file from all others of this host: the device and the number on it.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let data = fs::metadata(path).ok()?;
    Some((data.dev(), data.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process;

    use super::*;

    #[test]
    fn an_absolute_name_is_its_own_path() {
        assert_eq!(absolute("/srv/a", None), Some(PathBuf::from("/srv/a")));
    }

    #[test]
    fn a_relative_image_is_found_in_the_folder_of_its_process_if_it_is_open_there() {
        let folder = std::env::current_dir().unwrap();
        let _open = File::open("Cargo.toml").unwrap();
        for name in ["Cargo.toml", "./Cargo.toml"] {
            assert_eq!(
                absolute(name, Some(process::id())),
                Some(folder.join("Cargo.toml"))
            );
        }
        // It is there, but it is not the process's image.
        assert_eq!(absolute("README.md", Some(process::id())), None);
        assert_eq!(absolute("Cargo.toml", None), None);
    }

    #[test]
    fn a_relative_image_is_found_by_its_name_when_its_process_went_to_another_folder() {
        let folder = std::env::temp_dir().join(format!("qmpsh-image-{}", process::id()));
        fs::create_dir_all(folder.join("one/images")).unwrap();
        fs::create_dir_all(folder.join("two/images")).unwrap();
        let (one, two) = (folder.join("one/images/a"), folder.join("two/images/a"));
        let _first = File::create(&one).unwrap();
        assert_eq!(absolute("images/a", Some(process::id())), Some(one.clone()));
        assert_eq!(
            absolute("./images/a", Some(process::id())),
            Some(one.clone())
        );
        assert_eq!(absolute("../images/a", Some(process::id())), None);
        assert_eq!(absolute("mages/a", Some(process::id())), None);
        // Two that it could be are none.
        let second = File::create(&two).unwrap();
        assert_eq!(absolute("images/a", Some(process::id())), None);
        assert_eq!(absolute("one/images/a", Some(process::id())), Some(one));
        drop(second);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_plain_file_has_no_path() {
        for name in ["nbd://host/x", "json:{\"driver\": \"null-co\"}", ""] {
            assert_eq!(absolute(name, Some(process::id())), None, "{name}");
        }
    }

    #[test]
    fn a_json_name_tells_its_file_when_that_says_it_all() {
        let overlay = r#"json:{"backing": {"driver": "raw", "file": {"driver": "file", "filename": "b.raw"}}, "driver": "qcow2", "file": {"driver": "file", "filename": "/srv/o.qcow2"}}"#;
        assert_eq!(file_of(overlay), "/srv/o.qcow2");
        for name in [
            "a.qcow2",
            "nbd://host/x",
            "json:x",
            r#"json:{"driver": "null-co"}"#,
            r#"json:{"driver": "raw", "offset": 512, "file": {"driver": "file", "filename": "a"}}"#,
            r#"json:{"driver": "qcow2", "file": {"driver": "nbd", "host": "h", "port": "1"}}"#,
        ] {
            assert_eq!(file_of(name), name);
        }
    }
}
