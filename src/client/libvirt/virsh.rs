//! A virsh that is kept open: it takes one line at a time on its standard input, and what it answers is cut out between
//! marks ([`super::marks`]).

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::marks::Marks;
use super::process::{self, Process, Streams};
use super::words;
use crate::client::error::Obstacle;
use crate::client::random::nonce;

/// The most bytes of an answer. libvirt itself passes on 4 MiB of a reply.
const LONGEST: usize = 64 << 20;
/// The most bytes of an error.
const LONGEST_ERROR: usize = 64 << 10;

/// Around a text that is pasted at a terminal. Readline takes it in at once, twice as fast as the same text typed byte by
/// byte. A line is plain ASCII without control characters, so it never holds the second.
const PASTED: [&str; 2] = ["\x1b[200~", "\x1b[201~"];

/// What the echo of a pasted command says, typed in another way: a readline before 7 does not know of pasting.
const TRIAL: &str = "echo 'qm''psh-pastes'";
const TRIED: &[u8] = b"qmpsh-pastes";

/// A virsh with a connection, ready for a command.
pub(super) struct Virsh {
    // First, so that it is gone before its pipes are closed.
    process: Process,
    stdin: Sender,
    stdout: Receiver,
    stderr: Receiver,
    name: String,
    count: u64,
    pastes: bool,
}

/// A virsh that nobody uses, of no runtime.
pub(super) struct Parked {
    process: Process,
    streams: [OwnedFd; 3],
    name: String,
    count: u64,
    pastes: bool,
}

/// What virsh wrote for a command.
#[derive(Debug)]
pub(super) struct Said {
    /// On its standard output.
    pub(super) output: Vec<u8>,
    /// On its standard error; empty where the command succeeded, but for warnings.
    pub(super) errors: String,
}

/// Why a command has no answer.
#[derive(Debug)]
pub(super) enum Unsaid {
    /// virsh ended; what it wrote on its standard error.
    Ended(String),
    /// The answer is longer than any that is taken.
    TooLong,
}

impl Virsh {
    /// Starts one and waits until it is connected. Dropping the future kills it.
    pub(super) async fn start(uri: &str) -> Result<Self, Obstacle> {
        match Self::start_once(uri).await {
            // Nothing has been asked yet, and the next time it may say why.
            Err(Obstacle::NoDaemon(words)) if words == words::LOST => Self::start_once(uri).await,
            other => other,
        }
    }

    async fn start_once(uri: &str) -> Result<Self, Obstacle> {
        let (process, streams) = process::start(uri, &[]).await?;
        let mut virsh = Self::with(process, streams).map_err(no_pipes)?;
        let [begin, end] = PASTED;
        // On lines of their own, so that one that is not understood takes no mark along.
        match virsh.run(&format!("pwd\n{begin}{TRIAL}{end}\npwd")).await {
            Ok(said) => {
                virsh.pastes = memchr::memmem::find(&said.output, TRIED).is_some();
                Ok(virsh)
            }
            Err(Unsaid::Ended(errors)) if errors.contains("--err") => Err(Obstacle::TooOld),
            Err(Unsaid::Ended(errors)) => Err(words::obstacle(&errors)),
            Err(Unsaid::TooLong) => Err(Obstacle::Other("virsh wrote without end".to_owned())),
        }
    }

    fn with(process: Process, streams: Streams) -> io::Result<Self> {
        Parked {
            process,
            streams: [
                streams.stdin.into(),
                streams.stdout.into(),
                streams.stderr.into(),
            ],
            name: nonce(),
            count: 0,
            pastes: false,
        }
        .awake()
    }

    /// Runs one command. Where the future is dropped, the virsh must be too.
    pub(super) async fn run(&mut self, command: &str) -> Result<Said, Unsaid> {
        self.count += 1;
        let marks = Marks::new(&self.name, self.count);
        let [begin, end] = if self.pastes { PASTED } else { [""; 2] };
        let line = format!("{begin}{}{end}\n", marks.line(command));
        let mut unsent = line.as_bytes();
        let (mut output, mut errors) = (marks.output(LONGEST), marks.errors(LONGEST_ERROR));
        let (mut from_stdout, mut from_stderr) = (Vec::new(), Vec::new());
        let mut stderr_ended = false;
        // All at once: it echoes what it reads, and would stop reading were that not taken.
        while !(output.is_whole() && errors.is_whole()) {
            tokio::select! {
                written = self.stdin.write(unsent), if !unsent.is_empty() => match written {
                    Ok(count) => unsent = &unsent[count..],
                    // It says why on its standard error, and ends.
                    Err(_) => unsent = &[],
                },
                read = self.stdout.read_buf(room(&mut from_stdout)), if !output.is_whole() => {
                    if !matches!(read, Ok(1..)) {
                        while !stderr_ended && !errors.is_too_long() {
                            stderr_ended = !matches!(self.stderr.read_buf(room(&mut from_stderr)).await, Ok(1..));
                            errors.push(&from_stderr);
                        }
                        return Err(Unsaid::Ended(text(errors.into_bytes())));
                    }
                    output.push(&from_stdout);
                }
                read = self.stderr.read_buf(room(&mut from_stderr)), if !errors.is_whole() && !stderr_ended => {
                    stderr_ended = !matches!(read, Ok(1..));
                    errors.push(&from_stderr);
                    if !errors.is_whole() && text_of_too_old(&from_stderr) {
                        return Err(Unsaid::Ended(text(errors.into_bytes())));
                    }
                }
            }
            if output.is_too_long() || errors.is_too_long() {
                return Err(Unsaid::TooLong);
            }
        }
        let errors = text(errors.into_bytes());
        Ok(Said {
            output: output.into_bytes(),
            // The mark stands on a line of its own kind.
            errors: errors
                .strip_suffix("error: ")
                .unwrap_or(&errors)
                .trim()
                .to_owned(),
        })
    }

    /// Puts it aside, for another runtime to take; not where that fails.
    pub(super) fn park(self) -> Option<Parked> {
        Some(Parked {
            process: self.process,
            streams: [
                self.stdin.into_nonblocking_fd().ok()?,
                self.stdout.into_nonblocking_fd().ok()?,
                self.stderr.into_nonblocking_fd().ok()?,
            ],
            name: self.name,
            count: self.count,
            pastes: self.pastes,
        })
    }
}

impl Parked {
    /// Takes it up again; nothing where it has ended meanwhile. Must run within the runtime.
    pub(super) fn wake(mut self) -> Option<Virsh> {
        if self.process.has_ended() {
            return None;
        }
        self.awake().ok()
    }

    fn awake(self) -> io::Result<Virsh> {
        let [stdin, stdout, stderr] = self.streams;
        Ok(Virsh {
            process: self.process,
            stdin: Sender::from_owned_fd(stdin)?,
            stdout: Receiver::from_owned_fd(stdout)?,
            stderr: Receiver::from_owned_fd(stderr)?,
            name: self.name,
            count: self.count,
            pastes: self.pastes,
        })
    }
}

pub(super) fn no_pipes(error: io::Error) -> Obstacle {
    Obstacle::Other(format!("virsh: {error}"))
}

/// Whether virsh refuses a line because it has no `echo --err`: it then runs none of it.
fn text_of_too_old(errors: &[u8]) -> bool {
    memchr::memmem::find(errors, b"support option --err").is_some()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The same buffer for the next read.
fn room(buffer: &mut Vec<u8>) -> &mut Vec<u8> {
    const ROOM: usize = 16 << 10;
    buffer.clear();
    buffer.reserve(ROOM);
    buffer
}
