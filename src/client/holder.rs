//! Who holds a unix socket that serves one client at a time. The kernel's socket diagnostics (netlink `sock_diag`) tell which
//! sockets were accepted on the path and which sockets are at their other ends; `/proc` tells whose those are.
//!
//! Best effort: it sees this network name space only, and without root only the processes of the same user. It blocks for
//! some milliseconds, and is asked only once a connection has failed.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::retry_on_intr;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

use crate::wire::escape::escaped;

/// The process at the other end of a busy socket.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    let Ok(sockets) = unix_sockets() else {
        return Holding::Free;
    };
    let target = Target::of(path);
    // A socket that waits to be accepted has no inode yet.
    let served: Vec<&UnixSocket> = sockets
        .iter()
        .filter(|socket| socket.established && socket.inode != 0 && target.is(socket))
        .collect();
    let own = own.and_then(|inode| u32::try_from(inode).ok());
    if served.is_empty()
        || served
            .iter()
            .any(|socket| socket.peer.is_some() && socket.peer == own)
    {
        return Holding::Free;
    }
    let ends: Vec<String> = served
        .iter()
        .filter_map(|socket| socket.peer)
        .map(|peer| format!("socket:[{peer}]"))
        .collect();
    owner_of(&ends).map_or(Holding::Unseen, Holding::By)
}

/// The first process that has one of these open.
fn owner_of(links: &[String]) -> Option<Holder> {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter()
        .find(|pid| has_open(*pid, links))
        .map(|pid| {
            let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            Holder {
                pid,
                program: program.trim_end().to_owned(),
            }
        })
}

fn has_open(pid: u32, links: &[String]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|to| links.iter().any(|link| to.as_os_str() == link.as_str()))
}

/// The socket file looked for: by its inode, or by the very name that the server bound.
struct Target<'a> {
    file: Option<(u32, u32)>,
    name: &'a [u8],
}

impl<'a> Target<'a> {
    fn of(path: &'a Path) -> Self {
        let file = fs::metadata(path).ok().map(|found| {
            let (major, minor) = (
                rustix::fs::major(found.dev()),
                rustix::fs::minor(found.dev()),
            );
            // The kernel packs a device number into 12 and 20 bits, and tells the low half of the inode.
            let [a, b, c, d, ..] = found.ino().to_le_bytes();
            (u32::from_le_bytes([a, b, c, d]), (major << 20) | minor)
        });
        Self {
            file,
            name: path.as_os_str().as_encoded_bytes(),
        }
    }

    fn is(&self, socket: &UnixSocket) -> bool {
        (self.file.is_some() && socket.file == self.file) || socket.name == self.name
    }
}

/// A unix socket, as `sock_diag` tells of it.
#[derive(Debug, Default)]
struct UnixSocket {
    established: bool,
    inode: u32,
    peer: Option<u32>,
    file: Option<(u32, u32)>,
    name: Vec<u8>,
}

const AF_UNIX: u8 = 1;
const ESTABLISHED: u8 = 1;
const MESSAGE_HEADER: usize = 16;
const SOCKET_HEADER: usize = 16;
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// All unix sockets of this network name space.
fn unix_sockets() -> io::Result<Vec<UnixSocket>> {
    let diagnostics = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    send(&diagnostics, &dump_request(), SendFlags::empty())?;
    let mut sockets = Vec::new();
    let mut datagram = vec![0; 64 << 10];
    loop {
        let received = retry_on_intr(|| recv(&diagnostics, &mut datagram[..], RecvFlags::empty()));
        let (length, _) = received?;
        let mut rest = &datagram[..length];
        if rest.is_empty() {
            return Ok(sockets);
        }
        while let Some((kind, body, after)) = split_message(rest) {
            match kind {
                DONE => return Ok(sockets),
                ERROR => return Err(io::Error::other("the kernel refused socket diagnostics")),
                _ => sockets.extend(read_socket(body)),
            }
            rest = after;
        }
    }
}

/// A `unix_diag_req` for every socket in the state ESTABLISHED, with its name, its file and its peer.
fn dump_request() -> Vec<u8> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const REQUEST_DUMP: u16 = 0x301;
    const SHOW_NAME_FILE_PEER: u32 = 1 | 2 | 4;
    let mut request = Vec::with_capacity(40);
    request.extend(40_u32.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(REQUEST_DUMP.to_ne_bytes());
    request.extend([0; 8]); // sequence number, port
    request.extend([AF_UNIX, 0, 0, 0]);
    request.extend((1_u32 << ESTABLISHED).to_ne_bytes());
    request.extend(0_u32.to_ne_bytes()); // any inode
    request.extend(SHOW_NAME_FILE_PEER.to_ne_bytes());
    request.extend([0; 8]); // no cookie
    request
}

/// The first netlink message: its type, its body, and what follows.
fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let kind = u16_at(bytes, 4)?;
    let body = bytes.get(MESSAGE_HEADER..length)?;
    Some((
        kind,
        body,
        bytes.get(length.next_multiple_of(4)..).unwrap_or_default(),
    ))
}

/// A `unix_diag_msg` and its attributes.
fn read_socket(body: &[u8]) -> Option<UnixSocket> {
    let mut socket = UnixSocket {
        established: *body.get(2)? == ESTABLISHED,
        inode: u32_at(body, 4)?,
        ..UnixSocket::default()
    };
    let mut rest = body.get(SOCKET_HEADER..)?;
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let length = usize::from(length);
        let Some(value) = rest.get(4..length) else {
            break;
        };
        match kind {
            0 => socket.name = value.to_vec(),
            1 => socket.file = u32_at(value, 0).zip(u32_at(value, 4)),
            2 => socket.peer = u32_at(value, 0),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    // A bound name ends in a zero byte where it is a path.
    if socket.name.last() == Some(&0) {
        socket.name.pop();
    }
    Some(socket)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..at + 2)?
        .try_into()
        .ok()
        .map(u16::from_ne_bytes)
}
