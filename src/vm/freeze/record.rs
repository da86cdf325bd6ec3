//! The record of a freeze: on disk before the first byte of the freeze is sent, removed when the thaw was seen.
//!
//! A record that no process holds a lock on is that of a run that died. The lock ends with the process in every case,
//! SIGKILL and a crash of the host among them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::error::Freezer;
use crate::client::libvirt::run_of;
use crate::client::unix_sockets::knock;
use crate::client::{Address, nonce};
use crate::vm::process::Process;

/// How long libvirt is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a record tells to whoever finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The VM as the user named it.
    pub vm: String,
    /// The agent's socket, by its absolute path; or its domain.
    pub agent: Address,
    /// The process that serves that socket, where it could be seen: QEMU.
    pub server: Option<Process>,
    /// The run of the domain, where libvirt tells it: each start has another number.
    #[serde(default)]
    pub run: Option<u32>,
    /// The qmpsh that froze the guest.
    pub shell: Option<Process>,
    /// When, in seconds since 1970.
    pub since: u64,
    /// How long it was to last at most, in milliseconds.
    pub max_ms: u64,
}

impl Frozen {
    /// The record for a freeze that begins now.
    pub(super) fn now(
        vm: &str,
        agent: &Address,
        server: Option<Process>,
        run: Option<u32>,
        max: Duration,
    ) -> io::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(Self {
            vm: vm.to_owned(),
            agent: agent.absolute()?,
            server,
            run,
            shell: Process::this(),
            since: since.map_or(0, |since| since.as_secs()),
            max_ms: u64::try_from(max.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Whether the VM is known to have ended or been started anew, and with it the freeze: the process that served the
    /// agent's socket has ended, and nobody, or another process, serves it now.
    ///
    /// One of them alone proves nothing: who listened may have handed the socket on, as a VM's manager does, and a
    /// container may share this record and see neither the process nor the socket.
    ///
    /// Of a domain of libvirt's, nothing is known without asking: [`Frozen::is_over_in_libvirt`].
    pub(super) fn is_over(&self) -> bool {
        let (Some(server), Address::Unix(path)) = (self.server, &self.agent) else {
            return false;
        };
        if !server.has_ended() {
            return false;
        }
        match knock(path) {
            Ok(connection) => Process::listening(&connection).is_some_and(|now| now != server),
            Err(error) => matches!(error, Errno::NOENT | Errno::CONNREFUSED),
        }
    }

    /// Whether libvirt knows that the domain has ended or was started anew. Not where libvirt cannot be asked in time.
    pub(super) async fn is_over_in_libvirt(&self) -> bool {
        let Some(run) = self.run else {
            return false;
        };
        let now = timeout(PATIENCE, run_of(&self.agent)).await;
        matches!(now, Ok(Ok(now)) if now != Some(run))
    }

    /// How long the freeze was to last at most.
    pub(super) fn max(&self) -> Duration {
        Duration::from_millis(self.max_ms)
    }
}

/// A record on disk, held by this process.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    // Held for its lock.
    _file: File,
}

impl Record {
    /// Writes a new record, held and safe on disk when this returns.
    pub(super) fn create(folder: &Path, frozen: &Frozen) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let path = folder.join(format!("{}.json", nonce()));
        // It gets its name when it is whole and held, so that no crash leaves half a record.
        let unfinished = path.with_extension("unfinished");
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        let written = flock(&file, FlockOperation::NonBlockingLockShared)
            .map_err(io::Error::from)
            .and_then(|()| {
                let mut text = serde_json::to_vec_pretty(frozen)?;
                text.push(b'\n');
                file.write_all(&text)?;
                file.sync_all()?;
                fs::rename(&unfinished, &path)?;
                // The name too must survive a crash, not only what it names.
                File::open(folder)?.sync_all()
            });
        match written {
            Ok(()) => Ok(Self { path, _file: file }),
            Err(error) => {
                let _ = fs::remove_file(&unfinished);
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Joins in holding a record that another process has written.
    pub(super) fn join(path: &Path) -> io::Result<(Self, Frozen)> {
        Self::open(path, FlockOperation::NonBlockingLockShared)
    }

    /// Takes over a record that nobody holds; `WouldBlock` when somebody does.
    pub(super) fn take_over(path: &Path) -> io::Result<(Self, Frozen)> {
        Self::open(path, FlockOperation::NonBlockingLockExclusive)
    }

    fn open(path: &Path, lock: FlockOperation) -> io::Result<(Self, Frozen)> {
        let file = File::open(path)?;
        flock(&file, lock)?;
        // Removed between the opening and the lock: it was released, and is nobody's any more.
        if file.metadata()?.nlink() == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        let frozen = serde_json::from_reader(&file)?;
        let path = path.to_owned();
        Ok((Self { path, _file: file }, frozen))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it: the guest was seen thawed, or is gone.
    pub(super) fn remove(&self) {
        // Gone already is fine; anything else leaves a record that the next start reports, which is the safe side.
        let _ = fs::remove_file(&self.path);
    }
}

/// Who has frozen the guest of this agent, by the records of a folder.
pub(super) fn freezer_of(folder: &Path, agent: &Address) -> Freezer {
    let (Ok(paths), Ok(agent)) = (paths(folder), agent.absolute()) else {
        return Freezer::Unknown;
    };
    let records = paths.iter().filter_map(|path| {
        let record: Frozen = serde_json::from_reader(File::open(path).ok()?).ok()?;
        (record.agent == agent).then_some(record)
    });
    let mut shells = records.filter_map(|record| record.shell.filter(|shell| !shell.has_ended()));
    match shells.next() {
        Some(shell) if Some(shell) == Process::this() => Freezer::This,
        Some(shell) => Freezer::Other(shell.pid),
        None => Freezer::Unknown,
    }
}

/// The records of a folder, whoever holds them.
pub(super) fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
