//! The shell's end of the line to its guardian, the process that thaws the guest when the shell no longer can.
//!
//! The line is a pair of sockets that nobody else holds, so its end is the end of the shell, however that came. The
//! guardian also gets the agent's connection itself: no other client can slip in between a dead shell and its thaw. Over
//! libvirt, which serves many clients, it makes one of its own before it says that it is ready.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::record::Record;

/// What the two say to each other: one byte each.
pub(super) mod word {
    /// The guardian holds the record and is ready.
    pub(in super::super) const READY: u8 = b'r';
    /// The shell tries to thaw now.
    pub(in super::super) const THAWING: u8 = b't';
    /// The guest was seen thawed; the guardian may go.
    pub(in super::super) const RELEASED: u8 = b'd';
}

/// How long the guardian may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to be ready where it has to connect first.
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(15);

/// The line to a guardian that is ready. Dropped without [`Lifeline::release`], it makes the guardian thaw at once.
#[derive(Debug)]
pub(super) struct Lifeline {
    line: UnixStream,
    guardian: Option<Child>,
}

impl Lifeline {
    /// Starts a guardian for `record`, with the agent's connection if there is one to share, and waits until it is ready.
    pub(super) async fn start(
        program: &Path,
        record: &Record,
        agent: Option<OwnedFd>,
    ) -> io::Result<Self> {
        let patience = match agent {
            Some(_) => PATIENCE,
            None => PATIENCE_TO_CONNECT,
        };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let guardian = Command::new(program)
            .arg0("qmpsh")
            .args(["thaw", "--guard"])
            .arg(record.path())
            // The agent's connection and the line stand where the guardian has no other use for a stream.
            .stdin(agent.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .current_dir("/")
            .spawn()?;
        let mut lifeline = Self {
            line: UnixStream::from_std(ours)?,
            guardian: Some(guardian),
        };
        let ready = timeout(patience, lifeline.line.read_u8()).await;
        match ready {
            Ok(Ok(word::READY)) => Ok(lifeline),
            Ok(Ok(_) | Err(_)) => Err(io::Error::other("the guardian process ended at once")),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!(
                    "the guardian process was not ready within {} s",
                    patience.as_secs()
                ),
            )),
        }
    }

    /// Tells the guardian that the shell tries to thaw, so that it waits for the end of that try before it steps in.
    pub(super) async fn thawing(&mut self) {
        // A guardian that is gone has thawed, or cannot be helped.
        let _ = self.line.write_u8(word::THAWING).await;
    }

    /// Lets the guardian go, and returns when it has: it no longer holds the agent's connection then.
    pub(super) async fn release(mut self) {
        let _ = self.line.write_u8(word::RELEASED).await;
        let ended = timeout(PATIENCE, self.line.read_u8()).await.is_ok();
        // It closes the line by ending, so this does not wait; one that hangs is left to `drop`.
        if let Some(mut guardian) = self.guardian.take_if(|_| ended) {
            let _ = guardian.wait();
        }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        if let Some(mut guardian) = self.guardian.take() {
            // Somebody has to take note of its end, in a shell that goes on.
            let reaper =
                std::thread::Builder::new().name(format!("reaper-{}", self.line.as_raw_fd()));
            let _ = reaper.spawn(move || guardian.wait());
        }
    }
}
