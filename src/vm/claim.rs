//! Claims: one run at a time does a work on a VM, whichever of its monitors it uses. What is called by the mark of a claim
//! in the VM is then of a run that has died.
//!
//! A claim is a lock in the state folder, so it keeps out the runs that share that: those of one user. It is on QEMU's
//! process where that can be seen, else on the monitor's address.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::io::Errno;

use super::error::{Error, ErrorKind};
use super::lock::Lock;
use super::machine::Vm;
use super::process::Process;

/// The longest name that is made of an address: more has no room in a file's name.
const LONGEST: usize = 180;

/// A claim that is held.
#[derive(Debug)]
pub struct Claim(Option<Lock>);

impl Vm {
    /// Claims the VM for the work that `mark` names. Fails with [`ErrorKind::Claimed`] while another run has it.
    ///
    /// A dry run and a replay hold nothing.
    pub async fn claim(&self, mark: &str) -> Result<Claim, Error> {
        self.check_prefix(mark)?;
        let name = match self.process().await?.and_then(Process::running) {
            Some(process) => format!("{}-{}", process.pid, process.started),
            None => plain(&self.monitor_address()?.to_string()),
        };
        let settings = self.settings();
        if settings.mode.is_dry_run() {
            return Ok(Claim(None));
        }
        let path = settings.claims_dir().join(format!("{mark}-{name}"));
        let mut lock = None;
        let of = format!("whether {mark} is claimed");
        let seen = settings.recording.observe(&of, || match take(&path) {
            Ok(taken) => {
                lock = Some(taken);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.to_string()),
        });
        match seen.map_err(|difference| self.error(difference))? {
            Ok(true) => Ok(Claim(lock)),
            Ok(false) => Err(self.error(ErrorKind::Claimed {
                mark: mark.to_owned(),
            })),
            Err(source) => Err(self.error(ErrorKind::Host {
                doing: "lock",
                path,
                source,
            })),
        }
    }
}

impl Claim {
    /// Lets go of it.
    pub fn release(self) {
        // A lock that stays without its holder keeps nobody out.
        let _ = self.0.map(Lock::remove);
    }
}

fn take(path: &Path) -> io::Result<Lock> {
    if let Some(folder) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
    }
    Lock::take(path, 0o600).map_err(|error: Errno| error.into())
}

/// Text as a part of a file's name. Two that become one only keep each other waiting.
fn plain(text: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character
        } else {
            '_'
        }
    };
    let all: Vec<char> = text.chars().map(plain).collect();
    all[all.len().saturating_sub(LONGEST)..].iter().collect()
}
