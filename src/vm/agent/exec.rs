//! Programs in the guest: started, waited for, and what they wrote (`guest-exec`, QEMU 2.5).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::GuestAgent;
use crate::vm::error::{Error, ErrorKind, ExecEnd};
use crate::vm::machine::object;
use crate::wire::cut::tail;

/// The agent cannot tell when a program ends: it is asked, first at once, then ever more rarely.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const RAREST_LOOK: Duration = Duration::from_millis(250);

/// How much of a failed program's error stream its error shows.
const SHOWN_STDERR: usize = 400;

/// A program to run in the guest.
#[derive(Debug, Clone, Default)]
pub struct Exec {
    /// The program: a path, or a name on the agent's `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it reads on its standard input.
    pub input: Option<Vec<u8>>,
    /// Its whole environment, as `NAME=VALUE`; the agent's own when there is none.
    pub env: Option<Vec<String>>,
    /// How long it may take; without one, as long as it needs.
    pub timeout: Option<Duration>,
    /// Whether an end other than exit code 0 is an error.
    pub check: bool,
}

/// How a program ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    /// How it ended.
    pub end: ExecEnd,
    /// What it wrote on its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote on its error stream.
    pub stderr: Vec<u8>,
    /// Whether the agent cut the output off, at 16 MiB.
    pub stdout_truncated: bool,
    /// Whether the agent cut the error stream off, at 16 MiB.
    pub stderr_truncated: bool,
}

impl GuestAgent {
    /// Runs a program in the guest and waits for its end.
    ///
    /// A program that leaves a child behind which holds its output open counts as running. On a timeout or an
    /// interrupt the program goes on: the agent has no command to end it.
    pub async fn exec(&self, exec: &Exec) -> Result<ExecOutcome, Error> {
        let pid = self.start(exec).await?;
        let began = Instant::now();
        let mut pause = FIRST_LOOK;
        let outcome = loop {
            let arguments = object(json!({ "pid": pid }));
            let status = self.call("guest-exec-status", arguments).await?;
            match status["exited"].as_bool() {
                Some(true) => break self.outcome(&status)?,
                Some(false) => {}
                None => return Err(self.vm.reply_error("guest-exec-status", "`exited`")),
            }
            if let Some(timeout) = exec.timeout.filter(|timeout| self.is_late(began, *timeout)) {
                return Err(self.vm.error(ErrorKind::ExecTimeout {
                    program: exec.program.clone(),
                    pid,
                    after: timeout,
                }));
            }
            let left = exec
                .timeout
                .map(|timeout| timeout.saturating_sub(began.elapsed()));
            // In a replay the agent's next answer is here already.
            if !self.vm.settings().recording.is_replay() {
                sleep(left.map_or(pause, |left| left.min(pause))).await;
            }
            pause = (pause * 3 / 2).min(RAREST_LOOK);
        };
        if exec.check && outcome.end != ExecEnd::Code(0) {
            return Err(self.vm.error(ErrorKind::Exec {
                program: exec.program.clone(),
                end: outcome.end,
                stderr: last_words(&outcome.stderr),
            }));
        }
        Ok(outcome)
    }

    fn is_late(&self, began: Instant, timeout: Duration) -> bool {
        let passed = began.elapsed() >= timeout;
        let recording = &self.vm.settings().recording;
        let of = "the deadline of a program in the guest";
        recording.has_passed(self.vm.label(), of, passed)
    }

    /// Runs a line in the guest's shell: `/bin/sh -c`, or `cmd.exe /c` on Windows.
    pub async fn shell(&self, line: &str, options: &Exec) -> Result<ExecOutcome, Error> {
        let in_shell = |program: &str, flag: &str| Exec {
            program: program.to_owned(),
            arguments: vec![flag.to_owned(), line.to_owned()],
            ..options.clone()
        };
        match self.exec(&in_shell("/bin/sh", "-c")).await {
            // Asked only when there is no such shell, so that it costs nothing elsewhere.
            Err(error) if error.is_refusal() && self.is_windows().await => {
                self.exec(&in_shell("cmd.exe", "/c")).await
            }
            outcome => outcome,
        }
    }

    async fn is_windows(&self) -> bool {
        self.osinfo().await.is_ok_and(|os| os["id"] == "mswindows")
    }

    async fn start(&self, exec: &Exec) -> Result<i64, Error> {
        let mut arguments = Map::new();
        arguments.insert("path".into(), exec.program.clone().into());
        arguments.insert("arg".into(), exec.arguments.clone().into());
        // The agent's other modes of capture crash it, so this is only ever true.
        arguments.insert("capture-output".into(), true.into());
        if let Some(input) = &exec.input {
            arguments.insert("input-data".into(), STANDARD.encode(input).into());
        }
        if let Some(env) = &exec.env {
            arguments.insert("env".into(), env.clone().into());
        }
        let reply = self.call("guest-exec", arguments).await?;
        self.integer("guest-exec", &reply["pid"])
    }

    fn outcome(&self, status: &Value) -> Result<ExecOutcome, Error> {
        let stream = |name: &str| {
            STANDARD
                .decode(status[name].as_str().unwrap_or_default())
                .map_err(|_| self.vm.reply_error("guest-exec-status", "base64 data"))
        };
        let end = match (status["exitcode"].as_i64(), status["signal"].as_i64()) {
            (_, Some(signal)) => ExecEnd::Signal(signal),
            (Some(code), None) => ExecEnd::Code(code),
            (None, None) => ExecEnd::Unknown,
        };
        Ok(ExecOutcome {
            end,
            stdout: stream("out-data")?,
            stderr: stream("err-data")?,
            stdout_truncated: status["out-truncated"] == true,
            stderr_truncated: status["err-truncated"] == true,
        })
    }
}

/// The end of what a program wrote on its error stream, as one line of text.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    tail(text.trim(), SHOWN_STDERR).replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_end_of_what_the_program_said() {
        assert_eq!(last_words(b"no such\nfile\n"), "no such; file");
        assert_eq!(last_words(b""), "");
        let long = "ü".repeat(SHOWN_STDERR);
        assert_eq!(last_words(long.as_bytes()), "ü".repeat(SHOWN_STDERR / 2));
    }
}
