//! How what a monitor's or an agent's client meets is told: no way to it, nobody who answers, a refusal, a deadline.

use super::{Exit, Kind, Report};
use crate::client::Obstacle;
use crate::client::silence::{Halt, Silence};
use crate::client::{self, Address, NEGOTIATION, Unreachable};

/// Why another VM may answer where one was found.
pub(super) const OTHER_VM: &str =
    "two QEMUs were told the same socket: the one that was started last has it";

/// What a client met: a refusal, a deadline, no way to the VM.
pub(super) fn of(error: &client::Error) -> Report {
    use client::Error as E;
    let command = match error {
        E::Refused { command, .. }
        | E::Frozen { command, .. }
        | E::Disabled { command, .. }
        | E::NoOutOfBand { command }
        | E::Timeout { command, .. } => Some(command.clone()),
        E::Gone { command, .. } => command.clone(),
        _ => None,
    };
    let kind = match error {
        E::Refused { command, .. } if command.starts_with("guest-") => Kind::Agent,
        E::Refused { .. } | E::NoOutOfBand { .. } => Kind::Qmp,
        E::Disabled { .. } => Kind::Agent,
        E::Frozen { .. } => Kind::Frozen,
        E::Timeout { .. } => Kind::Timeout,
        E::Busy { .. } => Kind::Busy,
        E::Connect {
            source: Unreachable::Denied { .. } | Unreachable::Libvirt(Obstacle::Denied(_)),
            ..
        } => Kind::Denied,
        _ => Kind::Gone,
    };
    let report = Report {
        class: error.class().map(str::to_owned),
        desc: error.desc().map(str::to_owned),
        command,
        // By the socket's permissions or by our policy: in either way there is no way to the VM.
        exit: if kind == Kind::Denied {
            Exit::Unreachable
        } else {
            kind.exit()
        },
        ..Report::new(kind, error.to_string())
    };
    match hint(error) {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
}

fn hint(error: &client::Error) -> Option<&'static str> {
    use client::Error as E;
    Some(match error {
        E::Connect { address, source } => match source {
            Unreachable::Missing => {
                "is the VM running? `-qmp` or `-chardev` of its command line says where the socket is"
            }
            Unreachable::Refused if matches!(address, Address::Tcp { .. }) => {
                "is the VM running, and was its QEMU started with `-qmp tcp:HOST:PORT,server=on`?"
            }
            Unreachable::Refused => "the VM has ended, and left its socket behind",
            Unreachable::Denied { .. } => "run qmpsh as root, or as the user that the VM runs as",
            Unreachable::NotASocket => "give the path of the monitor's unix socket",
            Unreachable::BadPath => "a link with a short path, or a relative path, leads there too",
            Unreachable::Left(_) => {
                "nothing was asked of the VM yet; is it just ending, and does a QEMU listen there?"
            }
            Unreachable::Libvirt(obstacle) => return of_libvirt(obstacle),
            Unreachable::TimedOut(_) | Unreachable::Other(_) => return None,
        },
        E::OtherServer { .. } => OTHER_VM,
        E::Busy {
            holder: Some(holder),
            ..
        } if holder.pid == std::process::id() => {
            "this very run holds it under another name: keep to one spelling of the VM"
        }
        E::Busy { .. } => {
            "QEMU serves one client a socket: wait for the other, or give the VM a second monitor with another `-qmp`"
        }
        E::Silent { why, .. } => of_silence(why),
        E::NotQmp { .. } => {
            "a monitor for people (HMP) or another program listens there; QMP is `-qmp` or `-mon mode=control`"
        }
        E::Gone { sent: true, .. } => {
            "whether it was carried out is not known: look before you do it again"
        }
        E::Timeout { sent: true, .. } => "it may still be carried out; `--timeout` gives it longer",
        E::Timeout { sent: false, .. } => "it will not be carried out; `--timeout` gives it longer",
        E::Frozen { .. } => "it works again when the guest is thawed: `qmpsh thaw VM`",
        E::Disabled { .. } => {
            "the agent's configuration in the guest (block-rpcs, allow-rpcs) decides that"
        }
        E::AgentDown { .. } => {
            "the agent, or the whole guest, is stopped or busy; `query-status` tells whether the VM is paused"
        }
        E::Refused { command, class, .. }
            if command == NEGOTIATION && class == "CommandNotFound" =>
        {
            "qmpsh negotiates itself when it connects: there is nothing to do"
        }
        E::Refused { class, .. } if class == "CommandNotFound" => {
            "it is not in this version, or not built in"
        }
        E::Refused { command, desc, .. } if !command.starts_with("guest-") => {
            return of_host_file(desc);
        }
        E::Refused { .. }
        | E::NoOutOfBand { .. }
        | E::Gone { .. }
        | E::Malformed { .. }
        | E::TooLarge { .. } => {
            return None;
        }
    })
}

/// What to do about a file of the host that QEMU cannot have, by QEMU's words.
pub(super) fn of_host_file(desc: &str) -> Option<&'static str> {
    if desc.ends_with("Permission denied") {
        Some(
            "QEMU opens files as the user that it runs as, and AppArmor or SELinux may keep it from more: give that user the rights, on the folders above too",
        )
    } else if desc.ends_with("Read-only file system") {
        Some(
            "QEMU may see another file system than this shell does: a service or a container can have its own",
        )
    } else {
        None
    }
}

fn of_silence(why: &Silence) -> &'static str {
    match why {
        Silence::Unexplained => {
            "QEMU may hang, be stopped, or serve a client that cannot be seen; an agent's socket is named as `agent=SOCKET`"
        }
        Silence::Halted {
            by: Halt::Stopped, ..
        } => "if nobody stopped it on purpose, `kill -CONT PID` lets it go on",
        Silence::Halted {
            by: Halt::Traced, ..
        } => "it goes on when the debugger lets it",
        Silence::Halted {
            by: Halt::Waiting, ..
        } => "the host's log (`dmesg`) may tell what it waits for; no signal ends it before that",
        Silence::NotAccepted { .. } => {
            "QEMU may hang or be stopped: `ps` shows its state, and the VM's log what it did last"
        }
        Silence::Accepted { .. } => {
            "an agent's socket is named as `agent=SOCKET`; QMP is `-qmp` or `-mon mode=control`"
        }
    }
}

fn of_libvirt(obstacle: &Obstacle) -> Option<&'static str> {
    Some(match obstacle {
        Obstacle::NoProgram => {
            "install it: the package is called libvirt-clients (Debian, Ubuntu) or libvirt-client (Fedora, SUSE)"
        }
        Obstacle::TooOld => "libvirt 5 or newer has what is needed",
        Obstacle::NoDaemon(_) => {
            "does `virsh --connect URI list` work? another libvirt is named as `libvirt:DOMAIN@URI`"
        }
        Obstacle::Denied(_) => {
            "run qmpsh as root, or as a user in the group `libvirt`; nothing is ever asked at the terminal, so a remote libvirt needs a key or a certificate"
        }
        Obstacle::NoDomain => "`virsh --connect URI list --all` lists those that it knows",
        Obstacle::ShutOff => "`virsh --connect URI start DOMAIN` starts it",
        Obstacle::NoAgent => {
            "give the domain a channel named `org.qemu.guest_agent.0`, and start it anew"
        }
        Obstacle::Other(_) => return None,
    })
}
