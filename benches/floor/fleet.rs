//! 200 VMs at once: `qmpsh ls` as a whole process against the same questions from one epoll loop, and what a connection
//! costs in memory.
//!
//! The floor knows the sockets, and neither searches nor prints. To each monitor it connects, waits for the greeting,
//! sends `qmp_capabilities`, `query-status`, `query-name` and `query-uuid` in one write, with ids as long as qmpsh's, and
//! counts the lines of the replies without parsing them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use harness::{Folder, Qemu, Qmpsh};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::processes::resident;
use crate::qmpsh::PROGRAM;
use crate::rounds::{Contender, in_turn, timed, whole};
use crate::table::{Quantity, Table, Target};

const VMS: usize = 200;
const ROUNDS: usize = 20;
/// How many start at a time.
const STARTERS: usize = 4;
const TARGET: Target = Target::RatioAtMost(1.5);
const MEMORY: Target = Target::MemoryAtMost(64 << 10);

pub(crate) fn measure(table: &mut Table) {
    let fleet = start();
    let sockets: Vec<PathBuf> = fleet.iter().map(Qemu::qmp).collect();
    let home = Folder::new();
    let config = home.join("config.toml");
    fs::write(&config, "[[discover]]\ntype = \"process\"\n").unwrap();
    let list = || {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(&config).args(["ls", "bench-*"]);
        command.env("HOME", home.path());
        command.env("QMPSH_STATE_DIR", home.path());
        command
    };
    all_are_listed(&mut list());
    let floor: Contender<'_> = Box::new(|| timed(|| ask_all(&sockets)));
    let ls: Contender<'_> = Box::new(|| whole(&mut list()));
    let rounds = in_turn(ROUNDS, vec![floor, ls]);
    table.compare(
        format!("ls of {VMS} VMs, to raw queries in one epoll loop"),
        Quantity::Time(rounds.median(0)),
        Quantity::Time(rounds.median(1)),
        rounds.ratio(1, 0),
        Some(TARGET),
    );
    let one = connected(&sockets[..1]);
    let all = connected(&sockets);
    table.alone(
        "memory of each further VM that is connected",
        Quantity::Memory(all.saturating_sub(one) / (VMS as u64 - 1)),
        Some(MEMORY),
    );
}

/// Starts the VMs, a few at a time.
fn start() -> Vec<Qemu> {
    let some = |first: usize| {
        let numbers = (first..VMS).step_by(STARTERS);
        let qemu = |number| Qemu::bare().args(&format!("-name bench-{number}")).start();
        numbers.map(qemu).collect::<Vec<_>>()
    };
    thread::scope(|threads| {
        let starters: Vec<_> = (0..STARTERS)
            .map(|first| threads.spawn(move || some(first)))
            .collect();
        let started = starters.into_iter();
        started.flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Holds that what is timed is done.
fn all_are_listed(list: &mut Command) {
    let output = list.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let running = text.lines().filter(|line| line.contains("\trunning\t"));
    assert_eq!(running.count(), VMS, "{text}");
}

/// A connection of the floor's.
struct Asked {
    stream: UnixStream,
    lines: usize,
}

/// The greeting, and a reply to each question.
const LINES: usize = 5;

fn ask_all(sockets: &[PathBuf]) {
    let questions: Vec<u8> = [
        "qmp_capabilities",
        "query-status",
        "query-name",
        "query-uuid",
    ]
    .iter()
    .enumerate()
    .flat_map(|(number, command)| {
        format!("{{\"execute\":\"{command}\",\"id\":\"{number:05x}\"}}\n").into_bytes()
    })
    .collect();
    let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
    let mut open = BTreeMap::new();
    for socket in sockets {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_nonblocking(true).unwrap();
        let number = u64::try_from(stream.as_raw_fd()).unwrap();
        epoll::add(&poll, &stream, EventData::new_u64(number), EventFlags::IN).unwrap();
        open.insert(number, Asked { stream, lines: 0 });
    }
    let mut events = Vec::with_capacity(256);
    let mut buffer = vec![0; 64 << 10];
    while !open.is_empty() {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None).unwrap();
        for event in &events {
            let number = event.data.u64();
            let asked = open.get_mut(&number).unwrap();
            let count = match asked.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                count => count.unwrap(),
            };
            assert!(count > 0, "a monitor has closed the connection");
            let is_greeted = asked.lines > 0;
            asked.lines += buffer[..count]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            if !is_greeted && asked.lines > 0 {
                asked.stream.write_all(&questions).unwrap();
            }
            if asked.lines == LINES {
                open.remove(&number);
            }
        }
    }
}

/// The resident memory, in bytes, of a script that holds a connection to each.
fn connected(sockets: &[PathBuf]) -> u64 {
    let script = "let all = []; for socket in args { let v = vm(socket); v.status; all.push(v) }
        print(\"ready\"); sleep(\"1h\")";
    let qmpsh = Qmpsh::new(PROGRAM).args(["eval", script, "--"]);
    let qmpsh = qmpsh
        .args(sockets.iter().map(PathBuf::as_path).map(Path::as_os_str))
        .spawn();
    qmpsh.wait_for_stdout("ready");
    resident(qmpsh.id())
}
