//! What all VMs of one run share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::consent::Consent;
use super::mode::Mode;
use super::recording::Recording;
use super::release::Need;
use crate::client::{Call, Tap};

/// The settings of one run of qmpsh, as far as they concern its VMs.
#[derive(Clone)]
pub struct Settings {
    /// The folder that outlives the run; the records of freezes are kept below it.
    pub state_dir: PathBuf,
    /// The deadline of each call, in place of the one that fits the command.
    pub timeout: Option<Duration>,
    /// Is shown every message that is sent and received.
    pub tap: Option<Arc<dyn Tap>>,
    /// Is asked before a destructive command is sent; without it, all are sent.
    pub consent: Option<Arc<dyn Consent>>,
    /// The part of that which is for people, and which is shown also what is asked to find a VM: a recording holds what
    /// was found instead.
    pub shown: Option<Arc<dyn Tap>>,
    /// What becomes of changes.
    pub mode: Mode,
    /// The QEMU that VMs must have; with an older one, nothing is asked of a VM but who it is.
    pub need: Need,
    /// Whether the run is recorded, or was. A recorder is to be the tap as well.
    pub recording: Recording,
    /// The program that thaws a guest when this process no longer can: qmpsh itself.
    pub guardian: PathBuf,
    cleanup: TaskTracker,
}

impl Settings {
    /// Settings with no deadline of the user's and nobody listening.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            timeout: None,
            tap: None,
            consent: None,
            shown: None,
            mode: Mode::Live,
            need: Need::default(),
            recording: Recording::Off,
            // Not the path it was started by: an upgrade may have put another program there.
            guardian: PathBuf::from("/proc/self/exe"),
            cleanup: TaskTracker::new(),
        }
    }

    /// Waits until what interrupted calls left behind in guests (open file handles) is cleaned up, or `patience` is over.
    pub async fn settle(&self, patience: Duration) {
        self.cleanup.close();
        // Nothing is lost when the time is over: the agent's handles end with the agent.
        let _ = tokio::time::timeout(patience, self.cleanup.wait()).await;
        self.cleanup.reopen();
    }

    /// The call with the user's deadline, if there is one.
    pub(super) fn deadline(&self, call: Call) -> Call {
        match self.timeout {
            Some(timeout) => call.within(timeout),
            None => call,
        }
    }

    /// Where work goes that outlives the call which caused it.
    pub(super) fn cleanup(&self) -> &TaskTracker {
        &self.cleanup
    }

    /// The folder of the records of freezes.
    pub(super) fn frozen_dir(&self) -> PathBuf {
        self.state_dir.join("frozen")
    }

    /// The folder of the claims on VMs.
    pub(super) fn claims_dir(&self) -> PathBuf {
        self.state_dir.join("claims")
    }
}

/// The state folder: `$QMPSH_STATE_DIR`, root's `/var/lib/qmpsh`, or `$XDG_STATE_HOME/qmpsh` (`~/.local/state/qmpsh`).
pub fn default_state_dir() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(dir) = variable("QMPSH_STATE_DIR") {
        // The guardian looks for it from another folder.
        return std::path::absolute(&dir).unwrap_or_else(|_| dir.into());
    }
    // A record must be found whichever way root came to the machine, so never below a home folder.
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/qmpsh");
    }
    let absolute = |name| variable(name).filter(|dir| Path::new(dir).is_absolute());
    match (absolute("XDG_STATE_HOME"), absolute("HOME")) {
        (Some(state), _) => PathBuf::from(state).join("qmpsh"),
        (None, Some(home)) => Path::new(&home).join(".local/state/qmpsh"),
        (None, None) => std::env::temp_dir().join(format!(
            "qmpsh-state-{}",
            rustix::process::geteuid().as_raw()
        )),
    }
}
