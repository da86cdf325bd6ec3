//! The lines of `qmpsh events` on their way out, on a thread of their own: while a reader is slow, the monitors are
//! read all the same, because QEMU keeps without a bound what a client does not read.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::report::{Kind, Report};
use crate::script::run::Run;

/// How many lines may wait to be written.
const WAITING: usize = 64;

/// How long a reader that does not read is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where lines are given to be written. When it is dropped, the rest is written.
pub(super) struct Lines(Sender<Line>);

/// Tells, when all is written, whether it could be.
pub(super) type Written = oneshot::Receiver<io::Result<()>>;

enum Line {
    Result(String),
    Message(String),
}

/// Nothing more can be written; [`Written`] tells why.
pub(super) struct Ended;

pub(super) struct Writer;

impl Writer {
    /// Starts to write to the streams of `run`.
    pub(super) fn start(run: &Arc<Run>) -> (Lines, Written) {
        let (lines, waiting) = channel(WAITING);
        let (done, written) = oneshot::channel();
        let run = Arc::clone(run);
        let thread = thread::Builder::new().name("writer".into());
        // Without a thread, the dropped sender tells; and when nobody asks any more, nobody has to be told.
        let _ = thread.spawn(move || drop(done.send(write(&run, waiting))));
        (Lines(lines), written)
    }
}

fn write(run: &Run, mut waiting: Receiver<Line>) -> io::Result<()> {
    while let Some(line) = waiting.blocking_recv() {
        match line {
            Line::Result(text) => run.output().result(&text)?,
            Line::Message(text) => run.output().message(&text)?,
        }
    }
    Ok(())
}

impl Lines {
    /// Gives a line of standard output to be written; waits while too many wait.
    pub(super) async fn result(&self, text: String) -> Result<(), Ended> {
        self.send(Line::Result(text)).await
    }

    /// The same for standard error.
    pub(super) async fn message(&self, text: String) -> Result<(), Ended> {
        self.send(Line::Message(text)).await
    }

    async fn send(&self, line: Line) -> Result<(), Ended> {
        self.0.send(line).await.map_err(|_| Ended)
    }
}

/// Waits until all is written, and tells whether it could be. Fails when the reader does not read.
pub(super) async fn in_time(written: Written) -> Result<io::Result<()>, Report> {
    match timeout(PATIENCE, written).await {
        Ok(Ok(written)) => Ok(written),
        Ok(Err(_)) => Err(Report::new(Kind::Fault, "the thread that writes failed")),
        Err(_) => Err(Report::new(
            Kind::Host,
            "nobody reads the output, so its end is lost",
        )),
    }
}

/// Completes when the reader of standard output is known to be gone, so that a monitor is not held for nobody. Only pipes
/// and sockets tell that.
pub(super) async fn reader_left() {
    let (gone, told) = oneshot::channel();
    let thread = thread::Builder::new().name("reader".into());
    // It waits until the process ends. Without it, the next line tells.
    let _ = thread.spawn(move || {
        if wait_for_reader_to_leave() {
            // Nobody may ask any more.
            let _ = gone.send(());
        }
    });
    if told.await.is_err() {
        pending::<()>().await;
    }
}

fn wait_for_reader_to_leave() -> bool {
    let stdout = io::stdout();
    loop {
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(_) => return watched[0].revents().contains(PollFlags::ERR),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
