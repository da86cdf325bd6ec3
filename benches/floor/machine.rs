//! What the figures were measured on, in a line.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// The processors, the kernel, the load, and the versions of QEMU and of the agent.
pub(crate) fn line() -> String {
    let cpus = available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |model| {
            model.trim_start_matches([' ', '\t', ':'])
        });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cpus} x {model}; Linux {}; load {}; {}; {}",
        kernel.trim(),
        load.split(' ').next().unwrap_or("unknown"),
        version("qemu-system-x86_64"),
        version("/usr/sbin/qemu-ga"),
    )
}

fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or("unknown").to_owned()
}
