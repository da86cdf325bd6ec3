//! Bad input, through the built program as a user meets it: the exit code, the words on standard error, nothing on
//! standard output, and an end in bounded time and memory.

mod agents;
mod clumsy;
mod connecting;
mod files;
mod fleet;
mod guest;
mod interrupts;
mod messages;
mod numbers;
mod scripts;
mod secrets;
mod streams;
mod terminal;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use harness::{Outcome, Qmpsh, fails, is_fit_for_people, prints};

/// The built program.
const QMPSH: &str = env!("CARGO_BIN_EXE_qmpsh");

/// The longest that any of these may take. It is far above what they take, and far below a default deadline of a
/// command plus its connection where those must not be waited for.
const BOUND: Duration = Duration::from_secs(30);

/// What a run may take beside what `sleep` takes, whatever it is sent.
const MEMORY: u64 = 64 << 20;

/// The most memory of a run that asks nobody anything.
static AT_REST: LazyLock<u64> = LazyLock::new(|| {
    // Long enough to be looked at.
    let rest = eval("sleep(\"100ms\")").peak_memory;
    assert!(rest > 0, "it was not seen");
    rest
});

fn qmpsh() -> Qmpsh {
    Qmpsh::new(QMPSH).deadline(BOUND)
}

fn eval(script: &str) -> Outcome {
    qmpsh().args(["eval", script]).run()
}

/// A run of `script`, which finds the target in `args[0]`, with a deadline for each call.
fn ask_within(timeout: &str, target: impl AsRef<OsStr>, script: &str) -> Outcome {
    asking(timeout, target, script).run()
}

/// The same, to be run.
fn asking(timeout: &str, target: impl AsRef<OsStr>, script: &str) -> Qmpsh {
    let line = ["--timeout", timeout, "eval", script, "--"];
    qmpsh().args(line).arg(target)
}

/// A run with the deadlines that everybody has.
fn ask(target: impl AsRef<OsStr>, script: &str) -> Outcome {
    let line = ["eval", script, "--"];
    qmpsh().args(line).arg(target).run()
}

/// A target by its agent's socket alone.
fn agent_at(socket: &Path) -> String {
    format!("agent={}", socket.display())
}

/// Checks that a run took no more memory than it may.
#[track_caller]
fn is_modest(outcome: &Outcome) {
    let above = outcome.peak_memory.saturating_sub(*AT_REST);
    assert!(above < MEMORY, "{} MiB above rest", above >> 20);
}
