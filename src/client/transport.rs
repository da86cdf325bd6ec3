//! What either client needs of a stream.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

/// What a client talks over. All but the socket's own file descriptor is optional, so that a test can talk in memory.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Another descriptor of the same connection, for a process that shall inherit it.
    ///
    /// # Errors
    /// Where there is no descriptor, or the system has no more.
    fn duplicate(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The number that the system gives the socket, if it is one.
    fn inode(&self) -> Option<u64> {
        None
    }

    /// The process that listens on the peer's side, where that can be seen.
    fn peer_pid(&self) -> Option<u32> {
        None
    }

    /// Ends the connection for every process that holds it, not only for this one.
    fn shut_down(&self) {}

    /// Says that the peer's events are wanted, to one that sends none before.
    fn listen(&mut self) {}
}

impl Transport for DuplexStream {}

impl Transport for Box<dyn Transport> {
    fn duplicate(&self) -> io::Result<OwnedFd> {
        (**self).duplicate()
    }

    fn inode(&self) -> Option<u64> {
        (**self).inode()
    }

    fn peer_pid(&self) -> Option<u32> {
        (**self).peer_pid()
    }

    fn shut_down(&self) {
        (**self).shut_down();
    }

    fn listen(&mut self) {
        (**self).listen();
    }
}
