//! Files that are made here for QEMU to write into: nothing that exists is written over, and QEMU needs no right to write to the
//! folder.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Makes the empty file, which did not exist, for nobody but the user that QEMU runs as: the
/// guest's data are to be in it.
pub(super) fn make_file(path: &Path, process: Option<u32>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let Some((user, group)) = process.and_then(user_of) else {
        return Ok(());
    };
    let data = file.metadata()?;
    if (data.uid(), data.gid()) == (user, group) {
        return Ok(());
    }
    match fchown(&file, Some(user), Some(group)) {
        // Only root may give files away; whether QEMU can open it, QEMU says.
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
        _ => Ok(()),
    }
}

/// The user and the group that a process touches files as.
fn user_of(process: u32) -> Option<(u32, u32)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let of_files = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        // Real, effective, saved, and that for files.
        line.split_ascii_whitespace().nth(3)?.parse().ok()
    };
    Some((of_files("Uid:")?, of_files("Gid:")?))
}
