//! Running QEMU processes, from `/proc`: found by their program, described by their command line. No monitor is connected
//! to.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `program` | which process is a QEMU |
//! | `command_line`, `options`, `ini`, `chardev` | what a command line says, in QEMU's own forms; pure |
//! | `surroundings` | what QEMU's paths and descriptors are from here: its folder, its root, its name spaces |

mod chardev;
mod command_line;
mod ini;
mod options;
mod program;
mod surroundings;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::chardev::place;
use self::command_line::CommandLine;
use self::options::Options;
use self::surroundings::Surroundings;
use super::{Found, Provider};
use crate::client::{Address, UnixSockets};

/// The most of a command line that is read; the kernel's own limit is higher, and no VM comes near.
const COMMAND_LINE: u64 = 4 << 20;
/// The most of a file of `-readconfig` that is read.
const CONFIG_FILE: u64 = 1 << 20;

/// Finds the VMs of running QEMU processes.
#[derive(Clone, Debug)]
pub struct Processes {
    proc: PathBuf,
}

impl Processes {
    /// Where the kernel shows processes.
    pub const PROC: &str = "/proc";

    /// Looks in the folder `proc`, which is `/proc` everywhere but in tests.
    pub fn below(proc: impl Into<PathBuf>) -> Self {
        Self { proc: proc.into() }
    }
}

impl Provider for Processes {
    fn name(&self) -> &'static str {
        "process"
    }

    fn find(&self) -> Result<Vec<Found>, String> {
        let entries = fs::read_dir(&self.proc)
            .map_err(|error| format!("`{}` cannot be read: {error}", self.proc.display()))?;
        let mut pids: Vec<u32> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        let sockets = Sockets::default();
        let look = |pid| look(pid, &self.proc.join(u32::to_string(&pid)), &sockets);
        Ok(without_children(
            pids.into_iter().filter_map(look).collect(),
        ))
    }
}

/// A process that was found, and what tells it from one that it has split off.
struct Seen {
    found: Found,
    parent: Option<u32>,
}

/// The VM of one process, if it is a QEMU that still runs.
fn look(pid: u32, process: &Path, sockets: &Sockets) -> Option<Seen> {
    if !program::may_be_qemu(process) {
        return None;
    }
    let text = read(&process.join("cmdline"), COMMAND_LINE).ok()?;
    let words = words(&text);
    // A zombie has none.
    if words.is_empty() || !program::is_qemu(process, words[0]) {
        return None;
    }
    let surroundings = Surroundings::of(process);
    let line = CommandLine::read(words, |name| {
        let path = surroundings.path(name).ok()?;
        read(&path, CONFIG_FILE).ok()
    });
    let mut found = Found {
        name: line.name(),
        uuid: line.uuid(),
        pid: Some(pid),
        ..Found::new("process")
    };
    found.given_name.clone_from(&found.name);
    if line.is_of_libvirt() {
        // It holds the monitor, and its agent's socket too.
        found.only_through = Some("libvirt");
    } else {
        let address = |options: &Options| {
            let place = place(options).map_err(str::to_owned)?;
            surroundings.address(&place, sockets)
        };
        let (monitors, obstacles) = partition(line.monitors().map(address));
        found.obstacle = match (monitors.is_empty(), obstacles.first()) {
            (false, _) => None,
            (true, Some(why)) => Some(format!("its monitor cannot be reached: {why}")),
            (true, None) => Some("it was started without a QMP monitor".to_owned()),
        };
        found.qmp = monitors.get(sockets.first_free(&monitors)).cloned();
        found.agent = line.agent().and_then(|options| address(options).ok());
        if monitors.len() > 1 {
            found.monitors = monitors;
        }
    }
    Some(Seen {
        found,
        parent: parent(process),
    })
}

/// The successes, and the failures.
fn partition<T, E>(results: impl Iterator<Item = Result<T, E>>) -> (Vec<T>, Vec<E>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => done.push(value),
            Err(error) => failed.push(error),
        }
    }
    (done, failed)
}

/// The words of a command line as the kernel gives it, each with a zero byte behind it.
fn words(text: &[u8]) -> Vec<&[u8]> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == 0).collect()
}

/// Leaves out processes that a QEMU has split off and that say the same: there is one with `async-teardown`.
fn without_children(seen: Vec<Seen>) -> Vec<Found> {
    let same = |one: &Found, other: &Found| {
        Found {
            pid: one.pid,
            ..other.clone()
        } == *one
    };
    let is_child = |child: &Seen| {
        let mut others = seen.iter();
        others.any(|other| other.found.pid == child.parent && same(&other.found, &child.found))
    };
    let parents: Vec<bool> = seen.iter().map(|one| !is_child(one)).collect();
    let all = seen.into_iter().zip(parents);
    all.filter_map(|(seen, stays)| stays.then_some(seen.found))
        .collect()
}

/// The process that started this one.
fn parent(process: &Path) -> Option<u32> {
    let stat = read(&process.join("stat"), 4096).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The program's name stands in parentheses and may hold anything, those among it.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// At most `limit` bytes of a plain file. Never waits: a path may lead to a pipe.
fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    use rustix::fs::{Mode, OFlags};
    use std::io::Read as _;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The host's unix sockets, looked at when they are first needed: most machines need only their command lines.
#[derive(Default)]
struct Sockets(OnceCell<UnixSockets>);

impl Sockets {
    fn get(&self) -> &UnixSockets {
        // Without diagnostics nothing is known of any socket.
        self.0
            .get_or_init(|| UnixSockets::now().unwrap_or_default())
    }

    /// Which of a VM's monitors to use: the first that nobody holds.
    fn first_free(&self, monitors: &[Address]) -> usize {
        let is_free = |address: &Address| match address {
            Address::Unix(path) => self.get().client(path).is_none(),
            _ => true,
        };
        match monitors {
            [] | [_] => 0,
            several => several.iter().position(is_free).unwrap_or(0),
        }
    }
}
