//! What others offer for the same: qemu.qmp's `qmp-shell` and library, socat, and libvirt's `virsh`. Those that are not
//! here are named, and left out.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::Folder;

use crate::processes::whole;
use crate::qmpsh::PROGRAM;
use crate::rounds::{Contender, timed};
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
    add("virsh", virsh(), None);
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

/// A domain of a libvirt that serves this bench only: the daemon of a session, in a folder of its own.
struct Domain {
    home: Folder,
}

impl Domain {
    fn virsh(&self) -> Command {
        let mut command = Command::new("virsh");
        command
            .args(["-q", "-c", "qemu:///session"])
            .env("HOME", self.home.path());
        for name in ["CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"] {
            command.env(format!("XDG_{name}"), self.home.path());
        }
        command
    }

    fn start() -> Option<Self> {
        Command::new("virsh")
            .arg("-v")
            .stdout(Stdio::null())
            .status()
            .ok()?;
        let domain = Self {
            home: Folder::new(),
        };
        let xml = domain.home.join("bench.xml");
        std::fs::write(
            &xml,
            "<domain type='qemu'><name>bench</name><memory unit='MiB'>32</memory>\
             <os><type arch='x86_64'>hvm</type></os></domain>",
        )
        .unwrap();
        let created = domain
            .virsh()
            .arg("create")
            .arg(&xml)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        created.success().then_some(domain)
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // Its daemon ends by itself when nobody has talked to it for two minutes.
        let _ = self
            .virsh()
            .args(["destroy", "bench"])
            .stdout(Stdio::null())
            .status();
    }
}

fn virsh() -> Option<Contender<'static>> {
    let domain = Domain::start()?;
    Some(Box::new(move || {
        let command = "{\"execute\":\"query-status\"}";
        whole(
            domain
                .virsh()
                .args(["qemu-monitor-command", "bench", command]),
        )
    }))
}
