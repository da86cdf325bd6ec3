//! A booted guest from within, past its agent: by the channel of the tests' own, whoever started its QEMU.

use std::path::{Path, PathBuf};

use crate::control::{Control, ShellOutput};

/// What can be done in a guest.
pub struct Inside {
    control: Control,
    disks: usize,
    console: PathBuf,
}

impl Inside {
    /// The guest whose QEMU has `control` and `console.log` in `folder`; returns when its agent is up.
    pub(crate) fn booting(folder: &Path, disks: usize) -> Self {
        let inside = Self {
            control: Control::connect(&folder.join("control")),
            disks,
            console: folder.join("console.log"),
        };
        inside.shell_ok("agent_wait");
        inside
    }

    /// What the kernel wrote to its console.
    pub fn console(&self) -> String {
        std::fs::read_to_string(&self.console).unwrap_or_default()
    }

    /// Runs a line of shell as root in the guest, past the agent. It answers also while the agent is stopped and the
    /// file systems are frozen, unless the line writes to them.
    pub fn shell(&self, line: &str) -> ShellOutput {
        self.control.shell(line).unwrap_or_else(|reason| {
            panic!(
                "`{line}` in the guest: {reason}; console: {}",
                self.console()
            )
        })
    }

    /// The output of a line of shell that has to succeed.
    pub fn shell_ok(&self, line: &str) -> String {
        let output = self.shell(line);
        assert_eq!(output.code, 0, "`{line}` in the guest: {}", output.text);
        output.text
    }

    /// Whether `/data` or another of the disks' file systems is frozen, seen from the kernel and not from the agent.
    pub fn is_frozen(&self) -> bool {
        ["/data", "/data2"]
            .iter()
            .take(self.disks)
            .any(|folder| self.is_frozen_at(folder))
    }

    /// Whether the file system at that mount point is frozen, seen from the kernel.
    pub fn is_frozen_at(&self, folder: &str) -> bool {
        match self.shell_ok(&format!("frozen {folder}")).as_str() {
            "frozen" => true,
            "thawed" => false,
            other => panic!("no answer on whether {folder} is frozen: {other}"),
        }
    }

    /// Stops the agent (SIGSTOP); returns when it stands still. To QEMU it still looks connected.
    pub fn stop_agent(&self) {
        self.shell_ok("agent_stop");
    }

    /// Lets a stopped agent continue.
    pub fn cont_agent(&self) {
        self.shell_ok("agent_cont");
    }

    /// Kills the agent; returns when the next one, which the guest's supervisor starts, has opened the port.
    pub fn kill_agent(&self) {
        self.shell_ok("agent_kill");
    }

    /// Kills the agent for good; returns when it has gone.
    pub fn agent_down(&self) {
        self.shell_ok("agent_down");
    }

    /// Starts the agent after [`Inside::agent_down`]; returns when it has opened the port.
    pub fn agent_up(&self) {
        self.shell_ok("agent_up");
    }

    /// Restarts the agent with a hook, a line of shell that it runs with `freeze` in `$1` before each freeze and `thaw`
    /// after each thaw, and that makes a freeze slow or makes it fail.
    pub fn freeze_hook(&self, line: &str) {
        assert!(!line.contains('\''), "the hook goes in single quotes");
        self.shell_ok(&format!("freeze_hook '{line}'"));
    }

    /// Restarts the agent without the hook.
    pub fn no_freeze_hook(&self) {
        self.shell_ok(": >/run/agent.args; agent_kill");
    }
}
