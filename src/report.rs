//! How an error is told to people: one value, [`Report`], that the map in a script's `catch`, the terminal and the exit
//! code are all made from, so that they never disagree. It owns the kinds and the exit codes; it does not draw source
//! lines (that is `script::diagnostic`) and knows no script engine.

mod inventory;
mod presence;
mod schema;
mod vm;

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};

pub use presence::Presence;

/// What sort of thing went wrong: the `kind` that a script's `catch` sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// QEMU refused a command.
    Qmp,
    /// The guest agent refused a command.
    Agent,
    /// A deadline passed.
    Timeout,
    /// The VM cannot be reached, or it went away.
    Gone,
    /// Another client holds the monitor.
    Busy,
    /// The guest is frozen, or a freeze window ended before its work did.
    Frozen,
    /// Refused by policy: read-only, or a host access that the header does not declare; or by a socket's permissions.
    Denied,
    /// A value that a function, an option or a file cannot take; a name that means no VM, or several.
    Usage,
    /// The run was told to stop: a signal, or another worker's failure.
    Interrupted,
    /// Something on this host failed: a file, a program, an output.
    Host,
    /// A replay is not as it was recorded.
    Replay,
    /// The script's own error: `throw`, `fail`, or a mistake that the engine found.
    Script,
    /// A fault of qmpsh itself.
    Fault,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Qmp,
        Self::Agent,
        Self::Timeout,
        Self::Gone,
        Self::Busy,
        Self::Frozen,
        Self::Denied,
        Self::Usage,
        Self::Interrupted,
        Self::Host,
        Self::Replay,
        Self::Script,
        Self::Fault,
    ];

    /// The word that scripts compare with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qmp => "qmp",
            Self::Agent => "agent",
            Self::Timeout => "timeout",
            Self::Gone => "gone",
            Self::Busy => "busy",
            Self::Frozen => "frozen",
            Self::Denied => "denied",
            Self::Usage => "usage",
            Self::Interrupted => "interrupted",
            Self::Host => "host",
            Self::Replay => "replay",
            Self::Script => "script",
            Self::Fault => "fault",
        }
    }

    /// The kind that a script named; none if it made one up.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How the process ends when an error of this kind ends a run.
    pub fn exit(self) -> Exit {
        match self {
            Self::Qmp | Self::Agent | Self::Frozen => Exit::Refused,
            Self::Timeout => Exit::Deadline,
            Self::Gone | Self::Busy => Exit::Unreachable,
            Self::Denied => Exit::Denied,
            Self::Usage => Exit::Usage,
            Self::Interrupted | Self::Host | Self::Replay | Self::Script => Exit::Failed,
            Self::Fault => Exit::Fault,
        }
    }
}

/// How the process ends: the one place where exit codes are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the script failed: an uncaught error or `fail`.
    Failed,
    /// 2: wrong usage: arguments, a script that does not compile, a bad config file.
    Usage,
    /// 3: no such VM, or it cannot be reached, or another client holds its monitor.
    Unreachable,
    /// 4: the VM or its agent refused the command.
    Refused,
    /// 5: a deadline passed.
    Deadline,
    /// 6: refused by policy: read-only, or a host access that the header does not declare.
    Denied,
    /// 70: a fault of qmpsh itself.
    Fault,
    /// 128+n: ended by signal n, after clean-up.
    Signal(u8),
    /// What the script gave to `exit`.
    Script(u8),
}

impl Exit {
    /// The number that the parent process sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::Deadline => 5,
            Self::Denied => 6,
            Self::Fault => 70,
            Self::Signal(signal) => 128_u8.saturating_add(signal),
            Self::Script(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// One error, in words and in data. `message` is one plain sentence without a full stop; `hint` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What sort of error it is.
    pub kind: Kind,
    /// What happened, for people.
    pub message: String,
    /// QEMU's error class, such as `DeviceNotFound`.
    pub class: Option<String>,
    /// QEMU's or the agent's own words.
    pub desc: Option<String>,
    /// The command that failed.
    pub command: Option<String>,
    /// The VM that it was sent to, as the user named it.
    pub vm: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the process ends if nothing handles this.
    pub exit: Exit,
}

impl Report {
    /// A report of `kind`, with the exit code that belongs to it.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            class: None,
            desc: None,
            command: None,
            vm: None,
            hint: None,
            exit: kind.exit(),
        }
    }

    /// A report of wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The members that it has, for programs: those of the map in a script's `catch`, and the exit code.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "kind": self.kind.name(),
            "message": self.message,
            "exit": self.exit.code(),
        });
        for (key, member) in self.details() {
            if let Some(text) = member {
                value[key] = text.into();
            }
        }
        value
    }

    /// What [`Report::to_value`] was made of; none where that makes no sense.
    pub fn from_value(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = Kind::from_name(&text("kind")?)?;
        let code = u8::try_from(value.get("exit")?.as_u64()?).ok()?;
        let exits = Kind::ALL.into_iter().map(Kind::exit);
        let exit = exits.chain([Exit::Done]).find(|exit| exit.code() == code);
        Some(Self {
            kind,
            message: text("message")?,
            class: text("class"),
            desc: text("desc"),
            command: text("command"),
            vm: text("vm"),
            hint: text("hint"),
            exit: exit.unwrap_or(Exit::Script(code)),
        })
    }

    /// The members that may be missing, by the names that scripts and programs know.
    pub fn details(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("class", self.class.as_deref()),
            ("desc", self.desc.as_deref()),
            ("command", self.command.as_deref()),
            ("vm", self.vm.as_deref()),
            ("hint", self.hint.as_deref()),
        ]
    }

    /// The same, with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, ending the process in another way.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::{Exit, Kind, Report};

    #[test]
    fn every_kind_is_found_by_its_own_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("oops"), None);
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let mut report = Report::usage("two are called so").with_exit(Exit::Unreachable);
        assert_eq!(Report::from_value(&report.to_value()), Some(report.clone()));
        report = report.with_hint("name it otherwise");
        report.vm = Some("web01".to_owned());
        assert_eq!(Report::from_value(&report.to_value()), Some(report));
        assert_eq!(
            Report::from_value(&serde_json::json!({ "kind": "usage" })),
            None
        );
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let codes = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Unreachable, 3),
            (Exit::Refused, 4),
            (Exit::Deadline, 5),
            (Exit::Denied, 6),
            (Exit::Fault, 70),
            (Exit::Signal(2), 130),
            (Exit::Script(42), 42),
        ];
        for (exit, code) in codes {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
