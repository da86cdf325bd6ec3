//! Whole processes, from start to exit: what a qmpsh in a shell script or a cron job costs, next to a program that does
//! nothing and to the peers; and the memory of one that waits.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::{Folder, Qemu, Qmpsh};

use crate::peers::{self, Peer};
use crate::qmpsh::PROGRAM;
use crate::rounds::{Contender, in_turn, whole};
use crate::table::{Quantity, Table, Target};

const ROUNDS: usize = 40;
/// Slower ones.
const PEER_ROUNDS: usize = 12;
const TARGET: Target = Target::TimeAtMost(Duration::from_millis(10));

pub(crate) fn measure(table: &mut Table) {
    let qemu = Qemu::bare().start();
    let socket = qemu.qmp();
    let home = Folder::new();
    let query = format!("vm({:?}).qmp(\"query-status\")", socket.to_str().unwrap());
    let nothing = || -> Contender<'_> { Box::new(|| whole(&mut Command::new("true"))) };
    let qmpsh = |script| -> Contender<'_> {
        let home = home.path();
        Box::new(move || whole(&mut eval(script, home)))
    };
    let one_shot = || -> Contender<'_> {
        let (socket, home) = (&socket, home.path());
        Box::new(move || whole(&mut qmp(socket, home)))
    };
    let rounds = in_turn(
        ROUNDS,
        vec![nothing(), qmpsh("1"), qmpsh(&query), one_shot()],
    );
    let time = |contender| Quantity::Time(rounds.median(contender));
    table.compare(
        "process: eval 1, to `true`",
        time(0),
        time(1),
        rounds.ratio(1, 0),
        Some(TARGET),
    );
    table.compare(
        "process: eval query-status, to `true`",
        time(0),
        time(2),
        rounds.ratio(2, 0),
        Some(TARGET),
    );

    table.compare(
        "process: qmp query-status, to `true`",
        time(0),
        time(3),
        rounds.ratio(3, 0),
        Some(TARGET),
    );

    let (peers, missing) = peers::one_shots(&socket);
    for Peer { name, run, target } in peers {
        let rounds = in_turn(PEER_ROUNDS, vec![run, one_shot()]);
        table.compare(
            format!("process: qmp query-status, to {name}"),
            Quantity::Time(rounds.median(0)),
            Quantity::Time(rounds.median(1)),
            rounds.ratio(1, 0),
            target,
        );
    }
    if !missing.is_empty() {
        table.note(format!(
            "peers that are not here (`make bench PEERS=1` installs them): {}",
            missing.join(", ")
        ));
    }
    table.alone(
        "memory of an eval with one connection",
        Quantity::Memory(at_rest(&query)),
        None,
    );
}

fn eval(script: &str, home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["eval", script])
        .env("HOME", home)
        .env("QMPSH_STATE_DIR", home);
    command
}

/// What a host's schemas cost once, the first round pays.
fn qmp(socket: &Path, home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("qmp")
        .arg(socket)
        .arg("query-status")
        .env("HOME", home)
        .env("QMPSH_STATE_DIR", home);
    command
}

/// The resident memory, in bytes, of a script that waits and holds a connection.
fn at_rest(query: &str) -> u64 {
    let script = format!("{query}; print(\"ready\"); sleep(\"1h\")");
    let qmpsh = Qmpsh::new(PROGRAM).args(["eval", &script]).spawn();
    qmpsh.wait_for_stdout("ready");
    resident(qmpsh.id())
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes << 10
}
