//! Which VM a name means: real QEMUs whose sockets lie as platforms lay them out, named in every way, and configured.

mod config_errors;
mod config_files;
mod config_shown;
mod identity;
mod names;
mod platforms;
mod scripts;
mod search;

use harness::{Qemu, QemuBuilder, Qmpsh, fails};
use serde_json::Value;

/// A UUID of the tests' own, told apart by its last digits.
fn uuid(last: u8) -> String {
    format!("5a0e3c6d-7b1f-4c2e-9d4a-0000000000{last:02x}")
}

/// A QEMU of that name and UUID, to be started.
fn named(name: &str, uuid: &str) -> QemuBuilder {
    Qemu::bare().arg("-name").arg(name).arg("-uuid").arg(uuid)
}

/// qmpsh with that configuration of the user's, which alone says where VMs are.
fn qmpsh(config: &str) -> Qmpsh {
    Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).config(config)
}

/// The UUID of the VM that a name means.
#[track_caller]
fn uuid_of(name: &str, config: &str) -> String {
    let outcome = qmpsh(config)
        .args(["eval", "vm(args[0]).uuid", "--", name])
        .run();
    outcome.expect_code(0).stdout.trim_end().to_owned()
}

/// A script's value.
#[track_caller]
fn eval(config: &str, script: &str) -> Value {
    let outcome = qmpsh(config).args(["--json", "eval", script]).run();
    serde_json::from_str(&outcome.expect_code(0).stdout).unwrap()
}

/// `[[discover]]` of sockets in that folder, called by their files.
fn glob(folder: &std::path::Path) -> String {
    let folder = folder.display();
    format!(
        "[[discover]]\ntype = \"glob\"\nqmp = \"{folder}/{{name}}.qmp\"\nagent = \"{folder}/{{name}}.qga\"\n"
    )
}
