//! The unix sockets of this host, as the kernel's socket diagnostics (netlink `sock_diag`) tell them: which path a socket
//! is bound to, and which sockets are at the other ends of those that were accepted there. Nobody is connected to for it; [`knock`] does that.
//!
//! It sees this network name space only, and blocks for about a millisecond for a thousand sockets.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::retry_on_intr;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};

const AF_UNIX: u8 = 1;
const ESTABLISHED: u8 = 1;
const LISTENING: u8 = 10;
const MESSAGE_HEADER: usize = 16;
const SOCKET_HEADER: usize = 16;
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// The sockets that listened or were connected when they were looked at.
#[derive(Debug, Default)]
pub struct UnixSockets(Vec<UnixSocket>);

/// One socket.
#[derive(Debug, Default)]
struct UnixSocket {
    listens: bool,
    inode: u32,
    peer: Option<u32>,
    file: Option<SocketFile>,
    name: Vec<u8>,
}

/// A socket's file: its inode and its device, as the kernel packs them.
type SocketFile = (u32, u32);

impl UnixSockets {
    /// The sockets as they are now.
    ///
    /// # Errors
    /// Where the kernel has no such diagnostics.
    pub fn now() -> io::Result<Self> {
        dump().map(Self)
    }

    /// The other end of the one connection that was accepted at `path`, which keeps all others waiting: QEMU serves one
    /// client at a time. None where nobody is served, and where several are, which no QEMU does.
    pub fn client(&self, path: &Path) -> Option<u32> {
        // A socket that waits to be accepted has no inode yet, and a client that has hung up has none any more: the
        // server has only not noticed.
        let accepted = self
            .at(path)
            .filter(|socket| !socket.listens && socket.inode != 0);
        let mut clients = accepted.filter_map(|socket| socket.peer.filter(|peer| *peer != 0));
        let one = clients.next()?;
        clients.next().is_none().then_some(one)
    }

    /// The other end of the connection whose one end has this inode, once it was accepted.
    pub fn other_end(&self, inode: u32) -> Option<u32> {
        self.connected(inode)?.peer.filter(|peer| *peer != 0)
    }

    /// Whether the connection whose one end has this inode was accepted; none where that cannot be seen.
    pub fn is_accepted(&self, inode: u32) -> Option<bool> {
        Some(self.connected(inode)?.peer? != 0)
    }

    /// The inode of the socket that listens at `path`.
    pub fn listener(&self, path: &Path) -> Option<u32> {
        let mut listening = self.at(path).filter(|socket| socket.listens);
        listening.next().map(|socket| socket.inode)
    }

    /// The name that the listening socket with this inode was bound to: a path, or a zero byte and a name.
    pub fn listens_at(&self, inode: u64) -> Option<&[u8]> {
        let socket = self.listening(inode)?;
        (!socket.name.is_empty()).then_some(&socket.name)
    }

    /// Whether the file at `path` is that of the listening socket with this inode.
    pub fn is_file_of(&self, path: &Path, inode: u64) -> bool {
        let own = self.listening(inode).and_then(|socket| socket.file);
        own.is_some() && own == file(path)
    }

    /// The sockets that are bound to `path`. By its name alone where none has its very file: a process in another mount
    /// name space may have bound that name too, and so may one whose file was removed since.
    fn at(&self, path: &Path) -> impl Iterator<Item = &UnixSocket> {
        let file = file(path).filter(|file| self.0.iter().any(|one| one.file == Some(*file)));
        let name = path.as_os_str().as_encoded_bytes();
        self.0.iter().filter(move |socket| match file {
            Some(_) => socket.file == file,
            None => socket.name == name,
        })
    }

    fn connected(&self, inode: u32) -> Option<&UnixSocket> {
        let mut all = self.0.iter();
        all.find(|socket| !socket.listens && socket.inode == inode)
    }

    fn listening(&self, inode: u64) -> Option<&UnixSocket> {
        let mut listening = self.0.iter().filter(|socket| socket.listens);
        listening.find(|socket| u64::from(socket.inode) == inode)
    }
}

/// A connection to a socket, if it can be had at once: a full queue of clients is no reason to wait here.
pub fn knock(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn file(path: &Path) -> Option<SocketFile> {
    let found = fs::metadata(path).ok()?;
    let (major, minor) = (
        rustix::fs::major(found.dev()),
        rustix::fs::minor(found.dev()),
    );
    // The kernel packs a device number into 12 and 20 bits, and tells the low half of the inode.
    let [a, b, c, d, ..] = found.ino().to_le_bytes();
    Some((u32::from_le_bytes([a, b, c, d]), (major << 20) | minor))
}

/// All that the kernel tells of.
fn dump() -> io::Result<Vec<UnixSocket>> {
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

/// A `unix_diag_req` for every socket that listens or is connected, with its name, its file and its peer.
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
    request.extend(((1_u32 << ESTABLISHED) | (1 << LISTENING)).to_ne_bytes());
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
        listens: *body.get(2)? == LISTENING,
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
    // A bound name ends in a zero byte where it is a path, and begins with one where it has no file.
    if socket.name.first() != Some(&0) && socket.name.last() == Some(&0) {
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
