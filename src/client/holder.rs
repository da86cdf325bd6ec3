//! Who holds a unix socket that serves one client at a time: of its clients, as [`UnixSockets`] tells them, those whose
//! processes `/proc` shows.
//!
//! Best effort: it sees this network name space only, and without root only the processes of the same user. It blocks for
//! some milliseconds.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::unix_sockets::UnixSockets;
use crate::wire::escape::escaped;

/// The process at the other end of a busy socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name, as it calls itself.
    pub program: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", escaped(&self.program), self.pid)
    }
}

/// What is known about a socket's clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// It serves us, or nobody.
    Free,
    /// It serves another, who cannot be seen.
    Unseen,
    /// It serves this one.
    By(Holder),
}

/// Whether nobody is served on the unix socket at `path`, as far as can be seen.
pub fn is_free(path: &Path) -> bool {
    holding(path, None) == Holding::Free
}

/// Finds who is served on the unix socket at `path`; `own` is the inode of our own end, if we are connected.
pub(super) fn holding(path: &Path, own: Option<u64>) -> Holding {
    let Ok(sockets) = UnixSockets::now() else {
        return Holding::Free;
    };
    let own = own.and_then(|inode| u32::try_from(inode).ok());
    match sockets.clients(path) {
        None => Holding::Free,
        Some(clients) if own.is_some_and(|own| clients.contains(&own)) => Holding::Free,
        Some(clients) => owners(&[clients])
            .remove(0)
            .map_or(Holding::Unseen, Holding::By),
    }
}

/// Of each list of sockets, the first process that has one of them open, where it can be seen. One walk finds all.
pub fn owners(sockets: &[Vec<u32>]) -> Vec<Option<Holder>> {
    let mut found = vec![None; sockets.len()];
    let mut wanted = BTreeMap::new();
    for (place, list) in sockets.iter().enumerate() {
        wanted.extend(list.iter().map(|inode| (*inode, place)));
    }
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    for pid in pids {
        if wanted.is_empty() {
            break;
        }
        for inode in open_sockets(pid) {
            if let Some(place) = wanted.get(&inode).copied() {
                wanted.retain(|_, other| *other != place);
                found[place] = Some(holder(pid));
            }
        }
    }
    found
}

fn holder(pid: u32) -> Holder {
    let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Holder {
        pid,
        program: program.trim_end().to_owned(),
    }
}

/// The inodes of all sockets that a process has open.
fn open_sockets(pid: u32) -> impl Iterator<Item = u32> {
    let files = fs::read_dir(format!("/proc/{pid}/fd"));
    files.into_iter().flatten().filter_map(|file| {
        let link = fs::read_link(file.ok()?.path()).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        inode.parse().ok()
    })
}
