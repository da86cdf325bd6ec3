//! What others offer for the same: qemu.qmp's `qmp-shell` and library, socat, and libvirt's `virsh`. Those that are not
//! here are named, and left out.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::Folder;

use crate::libvirt;
use crate::qmpsh::PROGRAM;
use crate::rounds::{Contender, timed, whole};
use crate::table::Target;

/// A program that asks for the status once and ends.
pub(crate) struct Peer<'a> {
    pub(crate) name: &'static str,
    pub(crate) run: Contender<'a>,
    /// What qmpsh promises next to it.
    pub(crate) target: Option<Target>,
}

/// The virtual environment with qemu.qmp that `benches/peers.sh` makes below the target folder.
fn environment() -> Option<PathBuf> {
    let target = Path::new(PROGRAM).ancestors().nth(2)?;
    Some(target.join("bench-peers/bin")).filter(|folder| folder.join("qmp-shell").exists())
}

/// The Python that has qemu.qmp.
pub(crate) fn python() -> Option<PathBuf> {
    environment().map(|folder| folder.join("python"))
}

/// How long a loop in Python takes for so many `query-status`, its start not counted.
pub(crate) fn qmp_loop(python: &Path, socket: &Path, calls: u32) -> Duration {
    let output = Command::new(python)
        .args(["-c", include_str!("qmp_loop.py")])
        .arg(socket)
        .arg(calls.to_string())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let seconds = String::from_utf8(output.stdout).unwrap();
    Duration::from_secs_f64(seconds.trim().parse().unwrap())
}

/// The peers that are here, and the names of those that are not.
pub(crate) fn one_shots(socket: &Path) -> (Vec<Peer<'_>>, Vec<&'static str>) {
    let mut missing = Vec::new();
    let mut peers = Vec::new();
    let mut add = |name, run: Option<Contender<'static>>, target| match run {
        Some(run) => peers.push(Peer { name, run, target }),
        None => missing.push(name),
    };
    add(
        "qmp-shell",
        qmp_shell(socket),
        Some(Target::RatioAtMost(0.15)),
    );
    add("socat", socat(socket), None);
    add("virsh", libvirt::virsh(), Some(Target::RatioAtMost(0.5)));
    (peers, missing)
}

fn qmp_shell(socket: &Path) -> Option<Contender<'static>> {
    let program = environment()?.join("qmp-shell");
    let (folder, socket) = (Folder::new(), socket.to_owned());
    let input = folder.join("input");
    std::fs::write(&input, "query-status\n").unwrap();
    Some(Box::new(move || {
        let _kept = &folder;
        whole(
            Command::new(&program)
                .arg(&socket)
                .stdin(File::open(&input).unwrap()),
        )
    }))
}

/// socat only carries bytes: the commands and the end are ours.
fn socat(socket: &Path) -> Option<Contender<'static>> {
    Command::new("socat")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .ok()?;
    let address = format!("UNIX-CONNECT:{}", socket.display());
    Some(Box::new(move || {
        timed(|| {
            let mut socat = Command::new("socat")
                .args(["-t0", "-", &address])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = socat.stdin.take().unwrap();
            let commands = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n";
            input.write_all(commands.as_bytes()).unwrap();
            let lines = BufReader::new(socat.stdout.take().unwrap()).lines();
            assert!(
                lines
                    .take(3)
                    .last()
                    .unwrap()
                    .unwrap()
                    .contains("\"running\"")
            );
            drop(input);
            socat.wait().unwrap();
        })
    }))
}
