//! What can go wrong with a VM: the data of it; hints and exit codes are worded in `report`.

mod display;

use std::path::PathBuf;
use std::time::Duration;

use super::commit::CommitError;
use super::event::Missing;
use super::freeze::FreezeError;
use super::job::JobError;
use super::migration::MigrationError;
use super::recording::Difference;
use super::release::Needed;
use super::schema::InvalidSchema;
use super::target::InvalidTarget;
use crate::client;
use crate::wire::message::Version;

/// The run state of a guest that sleeps in its memory.
pub const SUSPENDED: &str = "suspended";

/// An error, and the VM that it happened on.
#[derive(Debug, Clone)]
pub struct Error {
    /// The VM as the user named it.
    pub vm: String,
    /// What went wrong.
    pub kind: ErrorKind,
}

/// What went wrong with a VM.
#[derive(Debug, Clone)]
pub enum ErrorKind {
    /// The monitor or the agent: unreachable, gone, too slow, or it refused.
    Client(client::Error),
    /// The text names no VM.
    Target(InvalidTarget),
    /// The VM was named by its agent's socket alone, and a QMP command was asked for.
    NoMonitor,
    /// Another VM answers at the socket where this one was found.
    OtherVm {
        /// Its name.
        name: Option<String>,
        /// Its UUID.
        uuid: Option<String>,
    },
    /// The VM's QEMU is older than what the run is for.
    TooOld {
        /// The version that it tells.
        version: Version,
        /// What is needed.
        needed: Needed,
    },
    /// No agent socket is known, and why none could be found.
    NoAgent(String),
    /// The agent's port is closed inside the guest: the agent does not run.
    AgentNotRunning,
    /// The guest stands still, and its agent with it.
    GuestStill {
        /// The run state, as in `paused` or `suspended`.
        status: String,
    },
    /// A reply lacks what its command promises.
    Reply {
        /// The command.
        command: String,
        /// What was expected of its reply.
        expected: &'static str,
    },
    /// The QEMU has no such command, or the name of a method is none.
    NoCommand {
        /// The name that was called.
        command: String,
        /// The command with a name like it, written in the same way.
        nearest: Option<String>,
        /// QEMU's words, if it was asked.
        desc: Option<String>,
    },
    /// A freeze with nobody to end it.
    BareFreeze {
        /// The agent's command.
        command: String,
    },
    /// What QEMU tells of its own commands makes no sense.
    Schema(InvalidSchema),
    /// Another run does the work that this mark names on the VM.
    Claimed {
        /// The mark.
        mark: String,
    },
    /// QEMU cannot listen somewhere: where, and why.
    Taken(String),
    /// An argument that is not possible.
    Argument(String),
    /// A file of the guest's is not UTF-8 text.
    NotText {
        /// The file's path in the guest.
        path: String,
        /// Where the first byte is that is no text.
        offset: usize,
    },
    /// The guest took fewer bytes than it was sent.
    ShortWrite {
        /// The file's path in the guest.
        path: String,
        /// Bytes that were sent.
        sent: u64,
        /// Bytes that arrived.
        written: u64,
    },
    /// A file of the guest's is larger than a script value may be.
    TooLarge {
        /// The file's path in the guest.
        path: String,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// A path of the guest's leads to no file that could be copied.
    NoFile {
        /// The path in the guest.
        path: String,
        /// What is there instead.
        there: NoFile,
    },
    /// A file of the guest's goes on far beyond the size that it had.
    NoEnd {
        /// The file's path in the guest.
        path: String,
        /// Bytes that had come by then.
        bytes: u64,
    },
    /// A file on this host.
    Host {
        /// What was being done, as in `read` or `create`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: String,
    },
    /// A program in the guest ended badly, and success was asked for.
    Exec {
        /// The program.
        program: String,
        /// How it ended.
        end: ExecEnd,
        /// The last that it wrote on its error stream.
        stderr: String,
    },
    /// A program in the guest did not end in time; it still runs there.
    ExecTimeout {
        /// The program.
        program: String,
        /// Its process in the guest.
        pid: i64,
        /// How long was waited.
        after: Duration,
    },
    /// A job, or the wait for it.
    Job(JobError),
    /// A migration failed, was late or is unknown.
    Migration(MigrationError),
    /// An event that is waited for is none of this QEMU's.
    MissingEvent(Missing),
    /// A commit of images is not made, or not believed.
    Commit(CommitError),
    /// No event that was waited for came in time.
    NoEvent {
        /// The names that were waited for.
        names: Vec<String>,
        /// How long was waited.
        after: Duration,
    },
    /// A freeze, or its end.
    Freeze(FreezeError),
    /// Overlays could not be taken away again: which, and why.
    Overlays(String),
    /// The targets of jobs, or the jobs, could not be taken away again: which, and why.
    Targets(String),
    /// Something failed, and what it had begun could not be taken back.
    LeftBehind {
        /// What failed.
        error: Box<ErrorKind>,
        /// What is left, and why.
        left: String,
    },
    /// Somebody was asked whether the command may be sent, and it may not.
    Declined {
        /// The command, as it was asked about.
        command: String,
    },
    /// The run is read-only, and the command would change something.
    ReadOnly {
        /// The command.
        command: String,
    },
    /// A replay is not as it was recorded.
    Replay(Difference),
    /// The user or the system asked for an end.
    Interrupted,
}

impl Error {
    /// Whether the agent heard the command and refused it, for whatever reason.
    pub fn is_answer(&self) -> bool {
        matches!(
            &self.kind,
            ErrorKind::Client(
                client::Error::Refused { .. }
                    | client::Error::Frozen { .. }
                    | client::Error::Disabled { .. }
            )
        )
    }

    /// Whether QEMU or the agent heard the command and refused it.
    pub fn is_refusal(&self) -> bool {
        matches!(&self.kind, ErrorKind::Client(client::Error::Refused { .. }))
    }

    /// Whether a call was not answered within its deadline.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(&self.kind, ErrorKind::Client(client::Error::Timeout { .. }))
    }
}

/// What a path of the guest's leads to that is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFile {
    /// A folder.
    Folder,
    /// What cannot be read twice: a named pipe, a terminal.
    Stream,
    /// A device that gives nothing, or goes on for ever.
    Device,
}

/// How a program in the guest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecEnd {
    /// With this exit code.
    Code(i64),
    /// By this signal (Windows: unhandled exception).
    Signal(i64),
    /// The agent said neither.
    Unknown,
}

impl From<client::Error> for ErrorKind {
    fn from(error: client::Error) -> Self {
        Self::Client(error)
    }
}

impl From<Difference> for ErrorKind {
    fn from(difference: Difference) -> Self {
        Self::Replay(difference)
    }
}

impl From<FreezeError> for ErrorKind {
    fn from(error: FreezeError) -> Self {
        Self::Freeze(error)
    }
}

impl From<MigrationError> for ErrorKind {
    fn from(error: MigrationError) -> Self {
        Self::Migration(error)
    }
}

impl From<JobError> for ErrorKind {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl std::error::Error for Error {}

/// Names in backticks, with commas and an `and`.
pub(super) fn quoted(names: &[String]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match all.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
