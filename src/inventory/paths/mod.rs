//! Providers that know VMs by where platforms put their sockets. They read folders, and connect to nothing.

mod glob;
mod pattern;
mod proxmox;
mod smartos;

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

pub(super) use glob::Glob;
pub use pattern::Pattern;
pub(super) use proxmox::Proxmox;
pub(super) use smartos::SmartOs;

use crate::client::Address;

/// The names in a folder. None where it may be missing, and is.
fn names(folder: &Path, may_be_missing: bool) -> Result<Vec<String>, String> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if may_be_missing && is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    // What is no UTF-8 is no name of these platforms.
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    Ok(names)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn unreadable(folder: &Path, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => "; it takes root, or the user that the VMs run as",
        _ => "",
    };
    format!("`{}` cannot be read: {error}{hint}", folder.display())
}

/// The socket at `path`, if there is one.
fn socket(path: PathBuf) -> Option<Address> {
    let file = path.metadata().ok()?;
    file.file_type().is_socket().then_some(Address::Unix(path))
}
