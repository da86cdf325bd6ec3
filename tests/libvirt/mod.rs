//! VMs that libvirt holds, on a real libvirt with a real guest: what works over a socket works over it too.

mod agent;
mod commands;
mod freeze;
mod inventory;
mod remote;
mod troubles;
mod workflows;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Folder, Libvirt, Qmpsh};

/// A qmpsh that evaluates `expression`, in which `v` is the VM that `target` names.
fn eval(target: &str, expression: &str) -> Qmpsh {
    eval_at(&Arc::new(Folder::new()), target, expression)
}

fn eval_at(home: &Arc<Folder>, target: &str, expression: &str) -> Qmpsh {
    let target = serde_json::Value::from(target);
    Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), home)
        .arg("eval")
        .arg(format!("let v = vm({target});\n{expression}"))
}

/// The virsh processes that talk to this libvirt, but for those that only wait to be reaped.
fn virsh_processes(libvirt: &Libvirt) -> Vec<u32> {
    let uri = libvirt.uri();
    let processes = fs::read_dir("/proc").unwrap();
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| {
            // One that has ended has no command line any more.
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("virsh") && line.contains(&uri)
        })
        .collect()
}

/// Waits until no virsh talks to this libvirt.
#[track_caller]
fn assert_no_virsh(libvirt: &Libvirt) {
    until("a virsh is left", || virsh_processes(libvirt).is_empty());
}

/// Waits for what must come, far longer than it takes.
#[track_caller]
fn until(failed: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{failed}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
