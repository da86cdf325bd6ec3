//! The words for what went wrong with a VM: one plain sentence each.

use std::fmt;

use super::{Error, ErrorKind, ExecEnd, NoFile, SUSPENDED, quoted};
use crate::duration::show;
use crate::wire::escape::escaped;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A VM that is named by its socket is told once.
        match &self.kind {
            ErrorKind::Client(error)
                if error
                    .address()
                    .is_some_and(|address| address.to_string() == self.vm) =>
            {
                error.fmt(f)
            }
            kind => write!(f, "{}: {kind}", self.vm),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Target(error) => error.fmt(f),
            Self::NoMonitor => write!(
                f,
                "only the agent's socket was given, and this needs the monitor"
            ),
            Self::OtherVm { name, uuid } => other_vm(f, name.as_deref(), uuid.as_deref()),
            Self::TooOld { version, needed } => write!(
                f,
                "it runs QEMU {version}, and {} needs {} or newer",
                escaped(&needed.by),
                needed.qemu
            ),
            Self::NoAgent(why) => write!(f, "no guest agent socket is known: {why}"),
            Self::AgentNotRunning => write!(f, "the guest agent does not run in the guest"),
            Self::GuestStill { status } => still(f, status),
            Self::Reply { command, expected } => {
                write!(f, "the reply to `{command}` holds no {expected}")
            }
            Self::NoCommand {
                command, nearest, ..
            } => {
                write!(f, "this QEMU has no command `{}`", escaped(command))?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
                    None => Ok(()),
                }
            }
            Self::BareFreeze { command } => write!(
                f,
                "`{command}` alone would leave the guest frozen, so it is not sent"
            ),
            Self::Schema(error) => write!(f, "`query-qmp-schema`: {error}"),
            Self::Claimed { mark } => write!(f, "another run does this work on it (`{mark}`)"),
            Self::Argument(what) | Self::Taken(what) => f.write_str(what),
            Self::NotText { path, offset } => {
                write!(
                    f,
                    "`{path}` in the guest is no UTF-8 text (byte {offset} is the first that is not)"
                )
            }
            Self::ShortWrite {
                path,
                sent,
                written,
            } => write!(
                f,
                "the guest took only {written} of {sent} bytes for `{path}`"
            ),
            Self::TooLarge { path, limit } => {
                write!(f, "`{path}` in the guest is larger than {limit} bytes")
            }
            Self::NoFile { path, there } => {
                write!(f, "`{path}` in the guest is {there}, and no file")
            }
            Self::NoEnd { path, bytes } => write!(
                f,
                "`{path}` in the guest has no end: {bytes} bytes have come, far more than its size"
            ),
            Self::Host {
                doing,
                path,
                source,
            } => {
                write!(
                    f,
                    "cannot {doing} `{}` on this host: {source}",
                    path.display()
                )
            }
            Self::Exec {
                program,
                end,
                stderr,
            } => {
                write!(f, "`{program}` in the guest {end}")?;
                if stderr.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {stderr}")
                }
            }
            Self::ExecTimeout {
                program,
                pid,
                after,
            } => write!(
                f,
                "`{program}` (process {pid} in the guest) still ran after {}",
                show(*after)
            ),
            Self::Job(error) => error.fmt(f),
            Self::Migration(error) => error.fmt(f),
            Self::MissingEvent(missing) => missing.fmt(f),
            Self::Commit(error) => error.fmt(f),
            Self::NoEvent { names, after } => {
                let names = match names.as_slice() {
                    [] => String::new(),
                    names => format!(" {}", quoted(names)),
                };
                write!(f, "no event{names} came within {}", show(*after))
            }
            Self::Freeze(error) => error.fmt(f),
            Self::Overlays(left) | Self::Targets(left) => write!(f, "left behind: {left}"),
            Self::LeftBehind { error, left } => write!(f, "{error}; {left}"),
            Self::Declined { command } => {
                write!(f, "`{}` is not sent, for nobody said yes", escaped(command))
            }
            Self::ReadOnly { command } => write!(
                f,
                "`{}` would change something, and this run is read-only",
                escaped(command)
            ),
            Self::Replay(difference) => write!(f, "the replay differs: {difference}"),
            Self::Interrupted => write!(f, "interrupted"),
        }
    }
}

fn other_vm(f: &mut fmt::Formatter<'_>, name: Option<&str>, uuid: Option<&str>) -> fmt::Result {
    write!(f, "another VM answers at its socket")?;
    match name {
        Some(name) => write!(f, ": `{}`", escaped(name))?,
        None => write!(f, ", one without a name")?,
    }
    uuid.map_or(Ok(()), |uuid| write!(f, " ({})", escaped(uuid)))
}

impl fmt::Display for NoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "a folder",
            Self::Stream => "a pipe or a terminal",
            Self::Device => "a device",
        })
    }
}

impl fmt::Display for ExecEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Unknown => write!(f, "ended in a way that the agent did not tell"),
        }
    }
}

fn still(f: &mut fmt::Formatter<'_>, status: &str) -> fmt::Result {
    let does = match status {
        SUSPENDED => "sleeps",
        _ => "stands still",
    };
    write!(
        f,
        "the guest {does} (`{}`), and its agent with it",
        escaped(status)
    )
}
