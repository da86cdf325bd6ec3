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

/// Whether nobody is served on the unix socket at `path`, as far as can be seen.
pub fn is_free(path: &Path) -> bool {
    UnixSockets::now().map_or(true, |sockets| sockets.client(path).is_none())
}

/// Whether the process `pid` serves the connection whose end here has the inode `own`; none where that cannot be seen. Who
/// began to listen, which the kernel tells of each connection, may have passed the socket on to who serves it.
pub(super) fn serves(pid: u32, own: u64) -> Option<bool> {
    let server = UnixSockets::now()
        .ok()?
        .other_end(u32::try_from(own).ok()?)?;
    fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(open_sockets(pid).any(|inode| inode == server))
}

/// Of each socket, the first process that has it open, where it can be seen. One walk finds all.
pub fn owners(sockets: &[u32]) -> Vec<Option<Holder>> {
    let mut found = vec![None; sockets.len()];
    let mut wanted: BTreeMap<u32, usize> = sockets.iter().copied().zip(0..).collect();
    for pid in processes() {
        if wanted.is_empty() {
            break;
        }
        for inode in open_sockets(pid) {
            if let Some(place) = wanted.remove(&inode) {
                found[place] = Some(holder(pid));
            }
        }
    }
    found
}

/// The processes that have the socket open that listens at `path`, as far as can be seen.
pub fn listening(path: &Path) -> Vec<u32> {
    let socket = UnixSockets::now().ok().and_then(|all| all.listener(path));
    socket.map(sharers).unwrap_or_default()
}

/// All processes that have the socket open, as far as can be seen.
pub(super) fn sharers(socket: u32) -> Vec<u32> {
    let mut pids = processes();
    pids.retain(|pid| open_sockets(*pid).any(|inode| inode == socket));
    pids
}

/// All processes that can be seen, by their numbers.
pub fn processes() -> Vec<u32> {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids
}

/// A process, by its name as well.
pub fn holder(pid: u32) -> Holder {
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio, id};

    use super::*;

    #[test]
    fn a_connection_is_served_by_who_has_its_other_end_open() {
        let (one, _other) = UnixStream::pair().unwrap();
        let own = rustix::fs::fstat(one.as_fd()).unwrap().st_ino;
        assert_eq!(serves(id(), own), Some(true));
        let mut stranger = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert_eq!(serves(stranger.id(), own), Some(false));
        drop(stranger.stdin.take());
        stranger.wait().unwrap();
        assert_eq!(serves(stranger.id(), own), None);
    }
}
