//! The VM layer on a real guest: what scripts call, called from Rust.

mod exec;
mod files;
mod freeze;
mod jobs;
mod machine;
mod overlays;

use std::future::pending;
use std::sync::Arc;

use harness::{Folder, Guest};
use qmpsh::vm::{Error, Freeze, FreezeOptions, Settings, Vm};

/// Settings with a state folder of the test's own, and the built qmpsh as the guardian.
fn settings(folder: &Folder) -> Settings {
    let mut settings = Settings::new(folder.join("state"));
    settings.guardian = env!("CARGO_BIN_EXE_qmpsh").into();
    settings
}

/// A VM by its target, with a state folder that is kept for as long as the test needs it.
fn vm(target: &str, folder: &Folder) -> Vm {
    let target = target.parse().expect("a target");
    Vm::new(target, Arc::new(settings(folder)))
}

/// The guest's VM.
fn vm_of(guest: &Guest) -> Vm {
    vm(&guest.target(), guest.folder())
}

/// Freezes with nothing that would stop it.
async fn freeze(vm: &Vm, options: &FreezeOptions) -> Result<Freeze, Error> {
    vm.agent().fsfreeze(options, pending()).await
}
