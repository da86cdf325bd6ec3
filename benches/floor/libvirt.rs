//! A libvirt that serves this bench only: the daemons of a user's session, in a folder of their own, with one domain.

use std::fs;
use std::os::unix::fs::chown;
use std::process::{Command, Stdio};

use harness::Folder;

use crate::processes::whole;
use crate::rounds::Contender;

const DOMAIN: &str = "<domain type='qemu'><name>bench</name><memory unit='MiB'>32</memory>\
    <os><type arch='x86_64'>hvm</type></os></domain>";

/// `nobody`: root has no session in libvirt.
const NOBODY: u32 = 65534;

/// `virsh` asking its domain's monitor for the status, if libvirt is here and works.
pub(crate) fn virsh() -> Option<Contender<'static>> {
    let domain = Domain::start()?;
    let query = "{\"execute\":\"query-status\"}";
    Some(Box::new(move || {
        whole(
            domain
                .virsh()
                .args(["qemu-monitor-command", "bench", query]),
        )
    }))
}

struct Domain {
    home: Folder,
}

impl Domain {
    fn start() -> Option<Self> {
        // Says also whether it is here.
        Command::new("virsh")
            .arg("-v")
            .stdout(Stdio::null())
            .status()
            .ok()?;
        let domain = Self {
            home: Folder::new(),
        };
        let xml = domain.home.join("bench.xml");
        fs::write(&xml, DOMAIN).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(domain.home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            chown(&xml, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let created = domain.virsh().arg("create").arg(&xml).status().unwrap();
        created.success().then_some(domain)
    }

    fn virsh(&self) -> Command {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "virsh"]);
            command
        } else {
            Command::new("virsh")
        };
        command.env("HOME", self.home.path());
        for name in ["CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"] {
            command.env(format!("XDG_{name}"), self.home.path());
        }
        command.args(["-q", "-c", "qemu:///session"]);
        command.stdout(Stdio::null());
        command
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // It is there no more where something has failed.
        let _ = self
            .virsh()
            .args(["destroy", "bench"])
            .stderr(Stdio::null())
            .status();
        for daemon in ["libvirtd", "virtqemud", "virtlogd"] {
            let file = self.home.join(format!("libvirt/{daemon}.pid"));
            if let Ok(pid) = fs::read_to_string(file) {
                let _ = Command::new("kill").arg(pid.trim()).status();
            }
        }
    }
}
