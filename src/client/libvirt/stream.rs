//! The client's end of a connection that is relayed to libvirt.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::watch;

use crate::client::transport::Transport;

/// The most bytes that are under way in either direction.
const UNDER_WAY: usize = 64 << 10;

/// How far the wish for events has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nobody wants them.
    None,
    /// Somebody does, and they may not come yet.
    Asked,
    /// All come from now on.
    Granted,
}

/// A stream in memory to a task that passes on what it is sent to libvirt. The task ends with it, and kills what it has
/// begun.
#[derive(Debug)]
pub struct Relayed {
    stream: DuplexStream,
    wish: Arc<watch::Sender<Wish>>,
}

impl Relayed {
    /// A stream to the task that `task` makes of its other end. Must run within the runtime.
    pub(super) fn to<F>(task: impl FnOnce(DuplexStream, Arc<watch::Sender<Wish>>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stream, other) = duplex(UNDER_WAY);
        let wish = Arc::new(watch::Sender::new(Wish::None));
        tokio::spawn(task(other, Arc::clone(&wish)));
        Self { stream, wish }
    }
}

impl Transport for Relayed {
    fn listen(&mut self) {
        self.wish.send_if_modified(|wish| {
            let is_first = *wish == Wish::None;
            if is_first {
                *wish = Wish::Asked;
            }
            is_first
        });
    }
}

impl AsyncRead for Relayed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Relayed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
