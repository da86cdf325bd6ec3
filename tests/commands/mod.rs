//! The one-shot commands, through the built program.

mod agent;
mod cache;
mod completions;
mod events;
mod help;
mod man;
mod output;
mod qmpadm;
mod refused;
mod told;
mod typed;

use std::path::Path;
use std::time::Duration;

use harness::{Outcome, Qemu, QemuBuilder, Qmpsh, fails};
use serde_json::Value;

/// The built program.
const QMPSH: &str = env!("CARGO_BIN_EXE_qmpsh");

/// The longest that any of these may take, far above what they take.
const BOUND: Duration = Duration::from_secs(60);

fn qmpsh() -> Qmpsh {
    Qmpsh::new(QMPSH).deadline(BOUND)
}

/// `qmpsh qmp` for the monitor at `socket`.
fn qmp(socket: &Path, words: &[&str]) -> Outcome {
    qmpsh().arg("qmp").arg(socket).args(words).run()
}

/// What it printed, which must be JSON, where it must succeed.
fn reply(outcome: Outcome) -> Value {
    let outcome = outcome.expect_code(0);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
}

/// A machine that does not run, with a CD drive `cd0` that holds `one.raw`; `two.raw` is there to be put in.
fn with_cdrom() -> QemuBuilder {
    Qemu::bare()
        .image("one.raw", "1M")
        .image("two.raw", "1M")
        .args("-M q35 -accel tcg -S -m 32")
        .args("-blockdev driver=raw,node-name=medium,read-only=on,file.driver=file,file.filename=one.raw")
        .args("-device ide-cd,id=cd0,drive=medium")
}
