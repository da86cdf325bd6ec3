//! How what goes wrong with a VM is told: the kind, the exit code, and what to do about it.

use super::connection::{self, OTHER_VM};
use super::schema::hint_on_event;
use super::{Exit, Kind, Report};
use crate::vm::commit::CommitError;
use crate::vm::error::{NoFile, SUSPENDED};
use crate::vm::freeze::{FreezeError, Freezer};
use crate::vm::job::JobError;
use crate::vm::migration::MigrationError;
use crate::vm::recording::Difference;
use crate::vm::target::InvalidTarget;
use crate::vm::{Error, ErrorKind};

/// How something is had of what has no end.
const OF_A_DEVICE: &str =
    "of a device, a program in the guest takes as much as is wanted: `head -c SIZE`";

impl From<&Error> for Report {
    fn from(error: &Error) -> Self {
        let mut report = of(&error.kind);
        report.message = error.to_string();
        report.vm = Some(error.vm.as_str().into());
        report
    }
}

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}

impl From<&InvalidTarget> for Report {
    fn from(error: &InvalidTarget) -> Self {
        match error {
            InvalidTarget::Unknown(_) => Self::usage(error.to_string())
                .with_hint("name it by its monitor's socket, as in `/run/web01.qmp` or `tcp:127.0.0.1:4444`")
                .with_exit(Exit::Unreachable),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<&Difference> for Report {
    fn from(difference: &Difference) -> Self {
        let report = Self::new(Kind::Replay, format!("the replay differs: {difference}"));
        match difference {
            // Not the script's fault.
            Difference::Cut { .. } => report.with_exit(Exit::Usage),
            Difference::Lacking { .. } => {
                report.with_hint("lines were taken out of it: record it anew with `--record`")
            }
            _ => report.with_hint(
                "run it as it was recorded, with the same script and arguments, or record it anew with `--record`",
            ),
        }
    }
}

fn of(kind: &ErrorKind) -> Report {
    let new = |sort| Report::new(sort, kind.to_string());
    match kind {
        ErrorKind::Client(error) => connection::of(error),
        ErrorKind::Target(error) => error.into(),
        ErrorKind::Freeze(error) => of_freeze(error),
        ErrorKind::Job(error) => of_job(error),
        ErrorKind::Migration(error) => of_migration(error),
        ErrorKind::Commit(error) => of_commit(error),
        ErrorKind::NoMonitor => {
            Report::usage(kind.to_string()).with_hint("name the VM as `qmp=SOCKET,agent=SOCKET`")
        }
        ErrorKind::OtherVm { .. } => new(Kind::Gone).with_hint(OTHER_VM),
        ErrorKind::TooOld { .. } => new(Kind::Qmp).with_hint(
            "a VM keeps the QEMU that it was started with: where a newer one is installed, stop and start the VM, or migrate it",
        ),
        ErrorKind::NoAgent(_) => new(Kind::Gone).with_hint(
            "name the VM as `qmp=SOCKET,agent=SOCKET`, or give the machine an agent port",
        ),
        ErrorKind::AgentNotRunning => new(Kind::Gone).with_hint(
            "start it in the guest: the package and the service are called qemu-guest-agent",
        ),
        ErrorKind::GuestStill { status } => Report {
            hint: of_still(status).map(Into::into),
            ..new(Kind::Gone)
        },
        ErrorKind::Reply { command, .. } if command.starts_with("guest-") => new(Kind::Agent),
        ErrorKind::Reply { .. } | ErrorKind::Schema(_) => new(Kind::Qmp),
        ErrorKind::NoCommand {
            command,
            nearest,
            desc,
        } => Report {
            desc: desc.clone(),
            hint: nearest
                .is_none()
                .then(|| "it is not in this version, or not built in".into()),
            class: Some("CommandNotFound".into()),
            command: Some(command.as_str().into()),
            ..new(Kind::Qmp)
        },
        ErrorKind::BareFreeze { command } => Report {
            command: Some(command.clone()),
            ..new(Kind::Usage).with_hint(
            "`qmpsh run freeze-snapshot-thaw VM`, or in a script `with v.agent.fsfreeze() as f { ... }`, which thaws",
            )
        },
        ErrorKind::Argument(_) => Report::usage(kind.to_string()),
        ErrorKind::Claimed { .. } => {
            new(Kind::Busy).with_hint("run it again when the other one has ended")
        }
        ErrorKind::Taken(_) => new(Kind::Host).with_hint("name a path where nothing is"),
        ErrorKind::NotText { .. } => {
            new(Kind::Usage).with_hint("`file_read_blob` reads it as bytes")
        }
        ErrorKind::ShortWrite { .. } => new(Kind::Agent),
        ErrorKind::TooLarge { .. } => {
            new(Kind::Usage).with_hint("`download` streams files of any size")
        }
        ErrorKind::NoFile { there, .. } => {
            new(Kind::Agent)
                .with_exit(Exit::Failed)
                .with_hint(match there {
                    NoFile::Folder => "make one file of it in the guest, and copy that: `qmpsh run guest-exec 'tar -cf FILE FOLDER' VM`",
                    NoFile::Stream | NoFile::Device => OF_A_DEVICE,
                })
        }
        ErrorKind::NoEnd { .. } => new(Kind::Agent)
            .with_exit(Exit::Failed)
            .with_hint(OF_A_DEVICE),
        ErrorKind::Host { .. } => new(Kind::Host),
        ErrorKind::Exec { .. } => new(Kind::Agent).with_exit(Exit::Failed),
        ErrorKind::ExecTimeout { pid, .. } => new(Kind::Timeout).with_hint(format!(
            "the agent cannot end it; `v.agent.shell(\"kill {pid}\")` does"
        )),
        ErrorKind::MissingEvent(missing) => Report {
            hint: hint_on_event(missing),
            ..new(Kind::Usage)
        },
        ErrorKind::NoEvent { .. } => new(Kind::Timeout),
        ErrorKind::Overlays(_) => new(Kind::Qmp).with_hint(
            "`query-named-block-nodes` shows what is there; `blockdev-del` closes a node",
        ),
        ErrorKind::Targets(_) => new(Kind::Qmp).with_hint(
            "the next run of the same work ends and closes them; `query-jobs` and `query-named-block-nodes` show them",
        ),
        ErrorKind::LeftBehind { error, .. } => Report {
            message: kind.to_string(),
            ..of(error)
        },
        ErrorKind::Declined { command } => Report {
            command: Some(command.clone()),
            ..new(Kind::Denied).with_hint("`:set confirm off` has no questions asked")
        },
        ErrorKind::ReadOnly { command } => Report {
            command: Some(command.clone()),
            ..new(Kind::Denied).with_hint(
                "without `--read-only` it is sent; `--dry-run` shows what would be sent, and sends nothing",
            )
        },
        ErrorKind::Replay(difference) => difference.into(),
        ErrorKind::Interrupted => new(Kind::Interrupted),
    }
}

/// What has a guest go on that stands still.
fn of_still(status: &str) -> Option<&'static str> {
    Some(match status {
        SUSPENDED => "`qmpsh run wake-up VM` wakes it",
        "paused" | "prelaunch" => "`qmpsh run resume VM` lets it go on",
        "io-error" => {
            "it could not write to a disk: when that can be written to, `qmpsh run resume VM` lets it go on"
        }
        "postmigrate" => "it was migrated: ask it where it runs now",
        "inmigrate" | "finish-migrate" => "it is being migrated: wait until that has ended",
        _ => return None,
    })
}

fn of_freeze(error: &FreezeError) -> Report {
    let new = |hint: &str| Report::new(Kind::Frozen, error.to_string()).with_hint(hint);
    match error {
        FreezeError::AlreadyFrozen(Freezer::This) => new(
            "the end of that freeze's block thaws it; in a session, `:release` does, and `:held` tells what is held",
        ),
        FreezeError::AlreadyFrozen(Freezer::Other(_)) => new(
            "that run thaws it at the end of its window, or when it ends; `qmpsh thaw VM` does so now, and spoils its work",
        ),
        FreezeError::AlreadyFrozen(Freezer::Unknown) => {
            new("if nobody is at work on it, `qmpsh thaw VM` thaws it; a backup that runs now does so by itself")
        }
        FreezeError::NoGuardian(_) => {
            Report::new(Kind::Host, error.to_string()).with_hint(
                "the state folder must be writable: root's is /var/lib/qmpsh, and QMPSH_STATE_DIR names another",
            )
        }
        FreezeError::NothingFrozen { .. } => Report::new(Kind::Agent, error.to_string())
            .with_hint("`v.agent.fsinfo()` tells the mount points"),
        FreezeError::WindowExpired { .. } => new("do less in the window, or give it longer with `max`"),
        FreezeError::ThawedElsewhere { .. } => {
            new("Windows thaws by itself after 10 s; else look for another backup tool at work")
        }
        FreezeError::StillFrozen { .. } => {
            new("a process of qmpsh's goes on trying; when the agent answers again, `qmpsh thaw VM` thaws too")
                .with_exit(Exit::Deadline)
        }
    }
}

fn of_job(error: &JobError) -> Report {
    match error {
        JobError::Failed { error: desc, .. } => Report {
            desc: Some(desc.as_str().into()),
            hint: connection::of_host_file(desc).map(Into::into),
            ..Report::new(Kind::Qmp, error.to_string())
        },
        JobError::Timeout { .. } => Report::new(Kind::Timeout, error.to_string())
            .with_hint("the job goes on; `.cancel()` ends it"),
        JobError::GuestStopped => Report::new(Kind::Qmp, error.to_string())
            .with_hint("the jobs' targets may be full; the disks themselves may be, too"),
        JobError::Unknown { .. } => Report::new(Kind::Qmp, error.to_string())
            .with_hint("a job that nobody kept (`auto-dismiss: false`) is forgotten when it ends"),
    }
}

fn of_migration(error: &MigrationError) -> Report {
    let kind = match error {
        MigrationError::Timeout { .. } => Kind::Timeout,
        _ => Kind::Qmp,
    };
    let report = Report::new(kind, error.to_string());
    match error {
        MigrationError::Failed(Some(desc)) => Report {
            desc: Some(desc.as_str().into()),
            ..report
        },
        MigrationError::Failed(None) => report.with_hint("QEMU does not say why; its log may"),
        MigrationError::Timeout { .. } => {
            report.with_hint("the migration goes on; `.cancel()` ends it")
        }
        MigrationError::Cancelled | MigrationError::Unknown => report,
    }
}

fn of_commit(error: &CommitError) -> Report {
    match error {
        CommitError::Used { .. } => Report::new(Kind::Host, error.to_string())
            .with_hint("merge a part of the chain that nobody else uses, or copy the disk with `qemu-img convert`"),
        CommitError::Elsewhere { .. } => Report::new(Kind::Host, error.to_string())
            .with_hint("with `keep`, the files of what was merged stay; start no VM with them"),
        CommitError::Torn { .. } => Report::new(Kind::Host, error.to_string())
            .with_hint("choose with `top` the image on top of it, so that it is merged too"),
        CommitError::InPart { .. } => Report::new(Kind::Host, error.to_string())
            .with_hint("choose it with `top`, or one above it"),
        CommitError::Unmarked { .. } => Report::new(Kind::Host, error.to_string())
            .with_hint("run it where the VM's images are; with `keep`, one whose images cannot be seen from here is merged too"),
        CommitError::Chain { .. } => Report::new(Kind::Qmp, error.to_string())
            .with_hint("`v.block_tree()` shows it"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::silence::Silence;
    use crate::client::{self, Address};

    fn report<K: Into<ErrorKind>>(kind: K) -> Report {
        Report::from(&Error {
            vm: "web01".into(),
            kind: kind.into(),
        })
    }

    #[test]
    fn a_refusal_carries_qemus_own_words_and_the_command() {
        let report = report(client::Error::Refused {
            command: "eject".into(),
            class: "GenericError".into(),
            desc: "Device 'cd9' not found".into(),
        });
        assert_eq!(report.kind, Kind::Qmp);
        assert_eq!(report.class.as_deref(), Some("GenericError"));
        assert_eq!(report.desc.as_deref(), Some("Device 'cd9' not found"));
        assert_eq!(report.command.as_deref(), Some("eject"));
        assert_eq!(report.vm.as_deref(), Some("web01"));
        assert!(report.message.starts_with("web01: "), "{}", report.message);
        assert_eq!(report.exit.code(), 4);
    }

    #[test]
    fn exit_codes_tell_the_unreachable_the_refused_and_the_late_apart() {
        let address = Address::Unix("/a".into());
        let after = Duration::from_secs(1);
        for (kind, code) in [
            (
                client::Error::Busy {
                    address: address.clone(),
                    holder: None,
                }
                .into(),
                3,
            ),
            (
                client::Error::Silent {
                    address: address.clone(),
                    after,
                    why: Silence::default(),
                }
                .into(),
                3,
            ),
            (
                client::Error::AgentDown {
                    address: address.clone(),
                    after,
                }
                .into(),
                3,
            ),
            (
                client::Error::Timeout {
                    address,
                    command: "stop".into(),
                    sent: true,
                    after,
                }
                .into(),
                5,
            ),
            (
                client::Error::Frozen {
                    command: "guest-exec".into(),
                    desc: String::new(),
                }
                .into(),
                4,
            ),
            (FreezeError::AlreadyFrozen(Freezer::Unknown).into(), 4),
            (FreezeError::WindowExpired { max: after }.into(), 4),
            (ErrorKind::AgentNotRunning, 3),
            (
                ErrorKind::GuestStill {
                    status: "paused".into(),
                },
                3,
            ),
            (
                JobError::Failed {
                    id: "j".into(),
                    error: "x".into(),
                }
                .into(),
                4,
            ),
            (ErrorKind::Target(InvalidTarget::Unknown("x".into())), 3),
        ] {
            let report = report::<ErrorKind>(kind);
            assert_eq!(report.exit.code(), code, "{report:?}");
        }
    }
}
