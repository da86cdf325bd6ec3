//! Proxmox: a folder with the sockets of each VM, called by the VM's number: `104.qmp`, `104.qga`, `104.pid`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{names, socket};
use crate::inventory::found::Found;
use crate::inventory::scan::Provider;

/// Looks into that folder.
pub(in crate::inventory) struct Proxmox {
    pub(in crate::inventory) root: PathBuf,
    pub(in crate::inventory) may_be_missing: bool,
}

impl Proxmox {
    /// Where Proxmox has it.
    pub(in crate::inventory) const ROOT: &'static str = "/var/run/qemu-server";

    fn file(&self, id: &str, ending: &str) -> PathBuf {
        self.root.join(format!("{id}.{ending}"))
    }
}

impl Provider for Proxmox {
    fn name(&self) -> &'static str {
        "proxmox"
    }

    fn find(&self) -> Result<Vec<Found>, String> {
        let files = names(&self.root, self.may_be_missing)?;
        let ids = files.iter().filter_map(|file| {
            let id = file.strip_suffix(".qmp")?;
            id.bytes().all(|byte| byte.is_ascii_digit()).then_some(id)
        });
        let vms = ids.filter_map(|id| {
            let qmp = socket(self.file(id, "qmp"))?;
            let process = process(&self.file(id, "pid"), &format!("{id}.qmp"));
            let (pid, name) = process.unzip();
            let name = name.flatten();
            Some(Found {
                qmp: Some(qmp),
                agent: socket(self.file(id, "qga")),
                pid,
                given_name: name.clone(),
                name,
                id: Some(id.to_owned()),
                ..Found::new("proxmox")
            })
        });
        Ok(vms.collect())
    }
}

/// The VM's process and its name, if it runs: a number that was left in the file may be another process's by now, which
/// then does not speak of the VM's monitor.
fn process(file: &Path, monitor: &str) -> Option<(u32, Option<String>)> {
    let pid: u32 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let words: Vec<&str> = line.split('\0').collect();
    if !words.iter().any(|word| word.contains(monitor)) {
        return None;
    }
    let at = words.iter().position(|word| *word == "-name");
    let name = at
        .and_then(|at| words.get(at + 1))
        .and_then(|word| name(word));
    Some((pid, name))
}

/// The name in the value of `-name`, as Proxmox writes it: `web01,debug-threads=on`.
fn name(value: &str) -> Option<String> {
    let first = value.split(',').next()?;
    (!first.is_empty() && !first.contains('=')).then(|| first.to_owned())
}
