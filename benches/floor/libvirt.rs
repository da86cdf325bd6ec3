//! `query-status` to a VM that libvirt holds: over a virsh that is kept open, to a virsh for each, and to the library itself
//! where Python has it. The libvirt is the bench's own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Domain, Libvirt};
use serde_json::Map;

use crate::qmpsh::Layer;
use crate::rounds::{Contender, in_turn, timed, whole};
use crate::table::{Quantity, Table};

const ROUNDS: usize = 20;
/// Calls in a round over what is kept open.
const CALLS: u32 = 50;
const QUERY: &str = "{\"execute\":\"query-status\"}";

pub(crate) fn measure(table: &mut Table) {
    let Some((libvirt, domain)) = start() else {
        table.note("libvirt is not here (`make setup-tests` installs it)");
        return;
    };
    let layer = Layer::new(&domain.target());
    let call = || layer.wait(layer.vm.call("query-status", Map::new()));
    call();
    let mut contenders: Vec<Contender<'_>> = vec![
        Box::new(|| {
            timed(|| {
                for _ in 0..CALLS {
                    call();
                }
            }) / CALLS
        }),
        Box::new(|| whole(&mut query(&libvirt, &domain))),
    ];
    if python_has_it() {
        contenders.push(Box::new(|| in_python(&libvirt, &domain)));
    } else {
        table.note("Python's libvirt is not here (python3-libvirt)");
    }
    let peers = ["virsh for each", "libvirt's library in a Python loop"];
    let count = contenders.len();
    let rounds = in_turn(ROUNDS, contenders);
    for (contender, peer) in (1..count).zip(peers) {
        table.compare(
            format!("libvirt: query-status, to {peer}"),
            Quantity::Time(rounds.median(contender)),
            Quantity::Time(rounds.median(0)),
            rounds.ratio(0, contender),
            None,
        );
    }
}

/// `virsh` asking its domain's monitor for the status, if libvirt is here.
pub(crate) fn virsh() -> Option<Contender<'static>> {
    let (libvirt, domain) = start()?;
    Some(Box::new(move || whole(&mut query(&libvirt, &domain))))
}

fn start() -> Option<(Libvirt, Domain)> {
    let is_here = |program: &str| {
        let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
        folders
            .iter()
            .any(|folder| Path::new(folder).join(program).exists())
    };
    (is_here("virsh") && is_here("libvirtd")).then(|| {
        let libvirt = Libvirt::start();
        let domain = libvirt.bare("bench");
        (libvirt, domain)
    })
}

fn query(libvirt: &Libvirt, domain: &Domain) -> Command {
    let mut command = Command::new("virsh");
    command
        .args(["--quiet", "--connect", &libvirt.uri()])
        .args(["qemu-monitor-command", domain.name(), QUERY]);
    command
}

fn python_has_it() -> bool {
    let mut python = Command::new("python3");
    python
        .args(["-c", "import libvirt_qemu"])
        .stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// How long a call takes in a loop, Python's start not counted.
fn in_python(libvirt: &Libvirt, domain: &Domain) -> Duration {
    let program = libvirt.folder().join("loop.py");
    fs::write(&program, include_str!("libvirt_loop.py")).unwrap();
    let output = Command::new("python3")
        .arg(&program)
        .args([&libvirt.uri(), domain.name(), &CALLS.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let seconds = String::from_utf8(output.stdout).unwrap();
    Duration::from_secs_f64(seconds.trim().parse().unwrap()) / CALLS
}
