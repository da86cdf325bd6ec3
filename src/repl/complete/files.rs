//! Files and folders that a path can become.

use std::fs;
use std::path::{Path, PathBuf};

/// The most entries of a folder that are read.
const MOST: usize = 4096;

/// A path that goes on from what was typed.
pub(super) struct Entry {
    /// The path as it was typed up to its last part, and that.
    pub(super) path: String,
    /// Whether more can follow: it is a folder.
    pub(super) is_folder: bool,
}

/// What the path `typed` can become, from `base` where it is relative. Hidden files are told where a dot was typed.
pub(super) fn entries(typed: &str, base: &Path) -> Vec<Entry> {
    let (folder, begun) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None => ("", typed),
    };
    let place = match folder.strip_prefix("~/") {
        Some(rest) => std::env::var_os("HOME").map(|home| Path::new(&home).join(rest)),
        None => Some(base.join(folder)),
    };
    let found = place.and_then(|place: PathBuf| fs::read_dir(place).ok());
    let entries = found.into_iter().flatten().take(MOST).filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        if !name.starts_with(begun) || name.starts_with('.') && !begun.starts_with('.') {
            return None;
        }
        let is_folder = fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
        let end = if is_folder { "/" } else { "" };
        Some(Entry {
            path: format!("{folder}{name}{end}"),
            is_folder,
        })
    });
    entries.collect()
}
