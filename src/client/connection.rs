//! A stream to a peer, unix or TCP or through libvirt, connected within a deadline.

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt::{socket_domain, socket_peercred};
use rustix::net::{AddressFamily, Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;

use super::address::Address;
use super::deadline::Deadline;
use super::error::{Error, Unreachable};
use super::holder::{owners, serves};
use super::libvirt::{self, Relayed};
use super::owner::owner;
use super::silence::{Reached, Silence};
use super::tap::Channel;
use super::transport::Transport;
use super::unix_sockets::UnixSockets;

/// How often a full queue of connections is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(25);

/// How often a holder is looked for: the kernel tells its sockets in pieces, and leaves one out where others end meanwhile.
const LOOKS: usize = 3;

/// Connects in place of the system's sockets, each time that a client needs a connection: a recording that is replayed.
pub trait Dial: Send + Sync {
    /// The next connection.
    ///
    /// # Errors
    /// Those of connecting.
    fn dial(&self) -> Result<Box<dyn Transport>, Error>;
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// A unix socket.
    Unix(UnixStream),
    /// A TCP socket, without Nagle's delay.
    Tcp(TcpStream),
    /// A stream in memory, relayed to libvirt.
    Libvirt(Relayed),
}

/// Connects to a monitor or an agent, without ever blocking on a full queue.
///
/// # Errors
/// [`Error::Connect`]; where the queue of waiting clients stayed full for the whole deadline, [`Error::Busy`] if somebody is
/// served, and else [`Error::Silent`]; that too where libvirt knows a monitor that does not answer.
pub async fn connect(address: &Address, to: Channel, deadline: Duration) -> Result<Stream, Error> {
    let until = Deadline::after(deadline);
    let failed = |source| Error::Connect {
        address: address.clone(),
        source,
    };
    match address {
        Address::Unix(path) => loop {
            match UnixStream::connect(path).await {
                Ok(stream) => return Ok(Stream::Unix(stream)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if until.bound(sleep(TRY_AGAIN)).await.is_err() {
                        return Err(unserved(address, Reached::Nothing, |why| Error::Silent {
                            address: address.clone(),
                            after: deadline,
                            why,
                        }));
                    }
                }
                Err(error) => return Err(failed(unreachable(&error, path))),
            }
        },
        Address::Tcp { host, port } => {
            match until
                .bound(TcpStream::connect((host.as_str(), *port)))
                .await
            {
                Ok(Ok(stream)) => {
                    stream
                        .set_nodelay(true)
                        .map_err(|error| failed(Unreachable::of(&error, true)))?;
                    Ok(Stream::Tcp(stream))
                }
                Ok(Err(error)) => Err(failed(Unreachable::of(&error, true))),
                Err(_) => Err(failed(Unreachable::TimedOut(deadline))),
            }
        }
        Address::Libvirt { domain, uri } => libvirt::connect(address, domain, uri, to, deadline)
            .await
            .map(Stream::Libvirt),
    }
}

/// Why a client is not served at `address`: who holds the socket, which serves one at a time, or `otherwise`, with what is
/// seen of the server, where nobody does.
pub(super) fn unserved(
    address: &Address,
    reached: Reached,
    otherwise: impl FnOnce(Silence) -> Error,
) -> Error {
    let Address::Unix(path) = address else {
        return otherwise(Silence::default());
    };
    let mut seen = None;
    for _ in 0..LOOKS {
        let Ok(sockets) = UnixSockets::now() else {
            break;
        };
        match sockets.client(path) {
            Some(client) if reached.own() != Some(client) => {
                return Error::Busy {
                    address: address.clone(),
                    holder: owners(&[client]).remove(0),
                };
            }
            _ => seen = Some(sockets),
        }
    }
    let silence = seen.map(|sockets| Silence::at(path, reached, &sockets));
    otherwise(silence.unwrap_or_default())
}

/// Whether the process `pid` serves a connection of which the kernel tells that `peer` listens, and whose end here has the
/// inode `own`; none where that cannot be seen.
pub(super) fn served_by(pid: u32, peer: Option<u32>, own: Option<u64>) -> Option<bool> {
    if peer? == pid {
        return Some(true);
    }
    serves(pid, own?)
}

fn unreachable(error: &io::Error, path: &Path) -> Unreachable {
    match Unreachable::of(error, is_socket(path)) {
        Unreachable::Denied { .. } => Unreachable::Denied { owner: owner(path) },
        other => other,
    }
}

fn is_socket(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.file_type().is_socket())
}

impl Stream {
    /// A connection that was inherited.
    ///
    /// # Errors
    /// Where it is neither a unix nor a TCP socket. Must run within the runtime.
    pub fn from_fd(socket: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        if socket_domain(&socket)? == AddressFamily::UNIX {
            UnixStream::from_std(socket.into()).map(Self::Unix)
        } else {
            TcpStream::from_std(socket.into()).map(Self::Tcp)
        }
    }
}

impl Stream {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Unix(stream) => Some(stream.as_fd()),
            Self::Tcp(stream) => Some(stream.as_fd()),
            Self::Libvirt(_) => None,
        }
    }
}

impl Transport for Stream {
    fn duplicate(&self) -> io::Result<OwnedFd> {
        let socket = self.socket().ok_or(io::ErrorKind::Unsupported)?;
        socket.try_clone_to_owned()
    }

    fn inode(&self) -> Option<u64> {
        rustix::fs::fstat(self.socket()?)
            .ok()
            .map(|found| found.st_ino)
    }

    fn peer_pid(&self) -> Option<u32> {
        // The listener may have passed the listening on since; it is QEMU in practice.
        match self {
            Self::Unix(stream) => socket_peercred(stream)
                .ok()?
                .pid
                .as_raw_nonzero()
                .get()
                .try_into()
                .ok(),
            Self::Tcp(_) | Self::Libvirt(_) => None,
        }
    }

    fn shut_down(&self) {
        if let Some(socket) = self.socket() {
            // A connection that is gone already needs no end.
            let _ = shutdown(socket, Shutdown::Both);
        }
    }

    fn listen(&mut self) {
        if let Self::Libvirt(relayed) = self {
            relayed.listen();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Libvirt(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Libvirt(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Libvirt(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Libvirt(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
