//! The real agent on this host, without a guest: for protocol and throughput tests.
//!
//! It runs unprivileged, and what could touch the host is blocked in it.

use std::fs::File;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Stdio;

use crate::qemu::wait_for_socket;
use crate::{Folder, Process, RawAgent};

/// The user and group that root's agent becomes: `nobody`, `nogroup`.
const NOBODY: u32 = 65534;

/// What could harm the host even so.
const BLOCKED: &[&str] = &[
    "guest-shutdown",
    "guest-suspend-disk",
    "guest-suspend-ram",
    "guest-suspend-hybrid",
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-freeze-list",
    "guest-fstrim",
    "guest-set-time",
    "guest-set-vcpus",
    "guest-set-memory-blocks",
    "guest-set-user-password",
    "guest-ssh-add-authorized-keys",
    "guest-ssh-remove-authorized-keys",
];

/// A running agent that listens on a unix socket.
pub struct HostAgent {
    process: Process,
    // Dropped last: the process still has its files there.
    folder: Folder,
}

/// What the agent is to be started with.
#[derive(Default)]
pub struct HostAgentBuilder {
    frozen: bool,
    blocked: Vec<String>,
}

impl HostAgent {
    /// Starts an agent; returns when it can be connected to.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// An agent to be started.
    pub fn builder() -> HostAgentBuilder {
        HostAgentBuilder::default()
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("qga")
    }

    /// A client of it, which holds its socket until dropped.
    pub fn raw(&self) -> RawAgent {
        RawAgent::connect(self.socket())
    }

    /// Its process, to stop, continue or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// A folder in which the agent may write.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl HostAgentBuilder {
    /// Makes it believe that a former agent froze the file systems; nothing is frozen, and a thaw changes only its mind.
    pub fn frozen(mut self) -> Self {
        self.frozen = true;
        self
    }

    /// Blocks one more command.
    pub fn block(mut self, command: &str) -> Self {
        self.blocked.push(command.to_owned());
        self
    }

    /// Starts it; returns when it can be connected to.
    pub fn start(self) -> HostAgent {
        let folder = Folder::new();
        let log = File::create(folder.join("log")).expect("the folder takes files");
        if self.frozen {
            File::create(folder.join("qga.state.isfrozen")).expect("the folder takes files");
        }
        let mut identity = vec!["--no-new-privs"];
        if rustix::process::geteuid().is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may give folders away");
            identity.extend(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        let mut blocked: Vec<&str> = BLOCKED.to_vec();
        blocked.extend(self.blocked.iter().map(String::as_str));

        // Debian keeps it where users' search paths do not look.
        let mut command = Process::command("/usr/sbin/qemu-ga", &identity);
        command
            .args(["-m", "unix-listen", "-p"])
            .arg(folder.join("qga"))
            .arg("-t")
            .arg(folder.path())
            .args(["-b", &blocked.join(",")])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut process = Process::start(command);
        wait_for_socket(&mut process, &folder.join("qga"), &folder.join("log"));
        HostAgent { process, folder }
    }
}
