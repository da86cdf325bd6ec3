//! The ground of a case: a guest behind proxies, the step at which something is to happen, and what must hold afterwards.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Folder, Guest, Hold, Proxy, Qmpsh};
use qmpsh::vm::{Arguments, Error, FreezeOptions, Settings, Vm};
use serde_json::json;

/// How soon a guest is to be thawed once its agent can answer.
const PROMISE: Duration = Duration::from_secs(10);

/// The dirty bitmap that the transaction of a case clears: a transaction that can be repeated and leaves nothing.
const BITMAP: &str = "proof";

/// A script that does what [`snapshot`] does; its arguments are the VM and the freeze's `max`.
pub(super) const SCRIPT: &str = r#"
let v = vm(args[0]);
with v.agent.fsfreeze(#{ max: args[1] }) as f {
    v.transaction([#{ type: "block-dirty-bitmap-clear", data: #{ node: "disk0", name: "proof" } }]);
}
"#;

/// How far a freeze has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The record is on disk, the freeze has left qmpsh and not reached the agent.
    RecordWritten,
    /// The agent has frozen the guest, and qmpsh does not know.
    FreezeSent,
    /// The freeze was answered; the transaction has not reached QEMU.
    FreezeAnswered,
    /// QEMU has done the transaction, and qmpsh does not know.
    InTransaction,
    /// The thaw has left qmpsh and not reached the agent.
    BeforeThaw,
    /// The agent has thawed the guest, and qmpsh does not know.
    ThawSent,
}

impl Step {
    pub(super) const ALL: [Self; 6] = [
        Self::RecordWritten,
        Self::FreezeSent,
        Self::FreezeAnswered,
        Self::InTransaction,
        Self::BeforeThaw,
        Self::ThawSent,
    ];

    /// Whether the guest is frozen while the step's message is held.
    pub(super) fn is_frozen(self) -> bool {
        !matches!(self, Self::RecordWritten | Self::ThawSent)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RecordWritten => "record written",
            Self::FreezeSent => "freeze sent",
            Self::FreezeAnswered => "freeze answered",
            Self::InTransaction => "in the transaction",
            Self::BeforeThaw => "before the thaw",
            Self::ThawSent => "thaw sent",
        })
    }
}

/// What becomes of the held message after the cause struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives late.
    Late,
    /// It never arrives, as when the agent dies that has read it.
    Lost,
}

impl Fate {
    pub(super) fn befall(self, hold: Hold) {
        match self {
            Self::Late => hold.forward(),
            Self::Lost => hold.discard(),
        }
    }
}

/// A guest behind proxies, and a home with the records. For one case after another.
pub(super) struct Stage {
    pub(super) guest: Guest,
    pub(super) agent: Proxy,
    monitor: Proxy,
    pub(super) home: Arc<Folder>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let guest = Guest::boot();
        guest.raw_qmp().call(
            "block-dirty-bitmap-add",
            &json!({ "node": "disk0", "name": BITMAP }),
        );
        Self {
            agent: Proxy::before(guest.agent()),
            monitor: Proxy::before(guest.qmp()),
            guest,
            home: Arc::new(Folder::new()),
        }
    }

    /// Both proxies, as qmpsh takes them.
    pub(super) fn target(&self) -> String {
        format!(
            "qmp={},agent={}",
            self.monitor.socket().display(),
            self.agent.socket().display()
        )
    }

    /// A qmpsh that runs [`SCRIPT`].
    pub(super) fn shell(&self, max: &str) -> Qmpsh {
        self.script(SCRIPT).args([&*self.target(), max])
    }

    /// The same, with a redirection as in a shell.
    pub(super) fn shell_behind(&self, redirection: &str) -> Qmpsh {
        let script = self.home.join("script.rhai");
        fs::write(&script, SCRIPT).unwrap();
        Qmpsh::at_home("/bin/sh", &self.home)
            .args(["-c", &format!("exec \"$0\" \"$@\" {redirection}")])
            .args([env!("CARGO_BIN_EXE_qmpsh"), "run"])
            .arg(script)
            .args([&*self.target(), "60s"])
    }

    /// A qmpsh that runs a script of the test's own, to be given arguments.
    pub(super) fn script(&self, text: &str) -> Qmpsh {
        let script = self.home.join("script.rhai");
        fs::write(&script, text).unwrap();
        self.qmpsh().arg("run").arg(script)
    }

    /// A qmpsh in this stage's home.
    pub(super) fn qmpsh(&self) -> Qmpsh {
        Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &self.home)
    }

    /// Settings with the state folder that qmpsh has in this stage's home.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.home.join("state"));
        settings.guardian = env!("CARGO_BIN_EXE_qmpsh").into();
        settings
    }

    /// The guest's VM, for a case within the test's process.
    pub(super) fn vm(&self, settings: Settings) -> Vm {
        Vm::new(self.target().parse().unwrap(), Arc::new(settings))
    }

    /// Holds the message that makes the step.
    pub(super) fn hold(&self, step: Step) -> Hold {
        match step {
            Step::RecordWritten => self.agent.hold_request("guest-fsfreeze-freeze"),
            Step::FreezeSent => self.agent.hold_reply("guest-fsfreeze-freeze"),
            Step::FreezeAnswered => self.monitor.hold_request("transaction"),
            Step::InTransaction => self.monitor.hold_reply("transaction"),
            Step::BeforeThaw => self.agent.hold_request("guest-fsfreeze-thaw"),
            Step::ThawSent => self.agent.hold_reply("guest-fsfreeze-thaw"),
        }
    }

    /// Waits until the step is reached, and makes sure that the guest is as it is then.
    #[track_caller]
    pub(super) fn reach(&self, step: Step, hold: &Hold) {
        hold.wait();
        assert_eq!(self.guest.is_frozen(), step.is_frozen(), "at: {step}");
    }

    /// Whether the guest is thawed within the time that is promised, counted from now.
    pub(super) fn thaws(&self) -> bool {
        let end = Instant::now() + PROMISE;
        while self.guest.is_frozen() {
            if Instant::now() >= end {
                return false;
            }
        }
        true
    }

    /// Waits until no guardian is left, and makes sure that no record is.
    #[track_caller]
    pub(super) fn assert_clean(&self) {
        let end = Instant::now() + PROMISE;
        while let [first, ..] = self.guardians()[..] {
            assert!(Instant::now() < end, "guardian {first} still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(self.records(), 0, "a record was left");
    }

    /// The number of records in the state folder.
    pub(super) fn records(&self) -> usize {
        fs::read_dir(self.home.join("state/frozen")).map_or(0, Iterator::count)
    }

    /// The guardians of this stage's freezes, by what their command lines name.
    pub(super) fn guardians(&self) -> Vec<u32> {
        let state = self.home.join("state");
        let state = state.to_str().unwrap().as_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            let pid = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            // One that ends meanwhile is none.
            let line = fs::read(path.join("cmdline")).unwrap_or_default();
            if let Some(pid) = pid
                && line.split(|&byte| byte == 0).any(|word| word == b"--guard")
                && line.windows(state.len()).any(|part| part == state)
            {
                found.push(pid);
            }
        }
        found
    }
}

/// What a script does in a freeze window, called from Rust: freeze, one transaction, thaw.
pub(super) async fn snapshot(vm: &Vm, max: Duration) -> Result<(), Error> {
    let options = FreezeOptions {
        max,
        ..FreezeOptions::default()
    };
    let freeze = vm
        .agent()
        .fsfreeze(&options, std::future::pending())
        .await?;
    let clear =
        json!({ "type": "block-dirty-bitmap-clear", "data": { "node": "disk0", "name": BITMAP } });
    let done = vm.transaction(vec![clear], Arguments::new()).await;
    freeze.release().await?;
    done
}
