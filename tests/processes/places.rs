//! QEMUs that see the host otherwise than qmpsh does: another folder, another root, other mounts, another user; and
//! sockets that they were given.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use harness::{Folder, Qemu};
use rustix::io::{FdFlags, fcntl_setfd};

use super::{Host, QMPSH};

/// A QEMU that a test started by itself; killed when this is dropped.
struct Own(Child);

impl Own {
    /// Starts a command line of `sh`, which becomes QEMU. It dies with the thread that starts it.
    fn start(folder: &Folder, line: &str) -> Self {
        let qemu = "qemu-system-x86_64 -M none -nodefaults -display none";
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "sh", "-c"])
            .arg(line.replace("QEMU", qemu))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self(child)
    }

    /// The VM, once its monitor answers; panics when QEMU ends before.
    #[track_caller]
    fn running(&mut self) -> serde_json::Value {
        loop {
            assert_eq!(self.0.try_wait().unwrap(), None, "QEMU has ended");
            let list = Host::of(&[self.0.id()]).list();
            if list.first().is_some_and(|vm| vm["state"] == "running") {
                return list[0].clone();
            }
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_socket_that_qemu_was_given_is_found_by_its_descriptor() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.join("given")).unwrap();
    fcntl_setfd(&listener, FdFlags::empty()).unwrap();
    let number = listener.as_raw_fd();
    let line = format!(
        "exec QEMU -name given -chardev socket,id=c,fd={number},server=on,wait=off -mon c,mode=control"
    );
    let mut qemu = Own::start(&folder, &line);
    fcntl_setfd(&listener, FdFlags::CLOEXEC).unwrap();
    let vm = qemu.running();
    assert_eq!(vm["qmp"], folder.join("given").to_str().unwrap(), "{vm:#}");
}

#[test]
fn a_qemu_in_another_root_is_reached() {
    if !rustix::process::geteuid().is_root() {
        return; // Nobody else may change the root; the laid-out folders of the unit tests hold it too.
    }
    let folder = Folder::new();
    // Its sockets are bound before it changes its root.
    let mut qemu = Own::start(
        &folder,
        "exec QEMU -qmp unix:$PWD/q,server=on,wait=off -chroot $PWD",
    );
    let vm = qemu.running();
    assert_eq!(vm["qmp"], folder.join("q").to_str().unwrap(), "{vm:#}");
}

#[test]
fn a_qemu_with_mounts_of_its_own_is_reached_through_its_process() {
    if !rustix::process::geteuid().is_root() {
        return; // As above.
    }
    let folder = Folder::new();
    let line = "exec unshare -m sh -c 'mount -t tmpfs none \"$PWD\" && exec QEMU -qmp unix:$PWD/q,server=on,wait=off'";
    let mut qemu = Own::start(&folder, line);
    let vm = qemu.running();
    let through = format!("/proc/{}/root{}/q", qemu.0.id(), folder.path().display());
    assert!(
        vm["qmp"].as_str().unwrap().ends_with(&through[5..]),
        "{vm:#}"
    );
    assert!(!folder.join("q").exists());
}

#[test]
fn another_users_vm_is_told_with_the_user_who_is_needed() {
    if !rustix::process::geteuid().is_root() {
        return; // Nobody else can become another user.
    }
    let qemu = Qemu::bare().args("-name rooted").start();
    let host = Host::of(&[qemu.pid()]);
    let config = host.0.join("config.toml");
    std::fs::write(&config, host.config()).unwrap();
    let ls = |arguments: &[&str]| {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", QMPSH])
            .arg("--config")
            .arg(&config)
            .args(arguments)
            .env("QMPSH_STATE_DIR", "/nonexistent")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let line = ls(&["ls"]);
    let columns: Vec<&str> = line.trim_end().split('\t').collect();
    assert_eq!(
        columns,
        [
            "rooted",
            "-",
            "denied",
            "-",
            "-",
            "process",
            "needs the user root"
        ]
    );
    let json = ls(&["ls", "--json"]);
    assert!(json.contains("it belongs to the user `root`"), "{json}");
}
