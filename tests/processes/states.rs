//! How a VM is, or why that cannot be told: one word in the list, and a note.

use std::fs;
use std::os::unix::net::UnixListener;

use harness::{FakePeer, Folder, Qemu, RawQmp, fill_queue};
use serde_json::{Value, json};

use super::{Host, columns};

#[test]
fn run_states_are_qemus_own_words() {
    let qemu = Qemu::bare().args("-S -name halted").start();
    let host = Host::of(&[qemu.pid()]);
    assert_eq!(host.one()["state"], "prelaunch");
    RawQmp::connect(qemu.qmp()).call("cont", &Value::Null);
    let vm = host.one();
    assert_eq!(vm["state"], "running", "{vm:#}");
    assert!(vm["version"].as_str().unwrap().contains('.'), "{vm:#}");
    assert_eq!(vm["agent"], "none", "{vm:#}");
    assert_eq!(vm["uuid"], Value::Null, "{vm:#}");
}

#[test]
fn a_busy_monitor_tells_who_holds_it() {
    let qemu = Qemu::bare().args("-name taken").start();
    let host = Host::of(&[qemu.pid()]);
    let _held = RawQmp::connect(qemu.qmp());
    let vm = host.one();
    assert_eq!(vm["state"], "busy", "{vm:#}");
    assert_eq!(vm["holder"]["pid"], std::process::id(), "{vm:#}");
    assert_eq!(vm["error"]["kind"], "busy", "{vm:#}");
    let outcome = host.ls().run().expect_code(0);
    let note = columns(&outcome)[0][6];
    let own = format!("(pid {})", std::process::id());
    assert!(
        note.starts_with("held by ") && note.ends_with(&own),
        "{note}"
    );
}

#[test]
fn a_stopped_qemu_is_silent() {
    let mut qemu = Qemu::bare().args("-name hung").start();
    let host = Host::of(&[qemu.pid()]);
    qemu.process().stop();
    let silent = || {
        let outcome = host.ls().args(["--timeout", "300ms"]).run().expect_code(0);
        let line = &columns(&outcome)[0];
        assert_eq!(line[..3], ["hung", "-", "silent"]);
        let stopped = format!("(pid {}) is stopped (SIGSTOP)", qemu.pid());
        assert!(line[6].contains(&stopped), "{line:?}");
    };
    silent();
    // Clients that wait are not served.
    let _waiting = fill_queue(qemu.qmp());
    silent();
    qemu.process().cont();
}

#[test]
fn a_socket_that_was_left_behind_is_stale_or_its_vm_is_gone() {
    let folder = Folder::new();
    let socket = folder.join("left");
    drop(UnixListener::bind(&socket).unwrap());
    let line = format!("-name left -qmp unix:{},server=on", socket.display());
    let host = Host::of(&[]);
    // A process that runs, and one that has ended since it was looked at.
    host.pretend(std::process::id(), &line);
    assert_eq!(host.one()["state"], "stale");
    let host = Host::of(&[]);
    host.pretend(u32::MAX / 2, &line);
    assert_eq!(host.one()["state"], "gone");
    fs::remove_file(&socket).unwrap();
    assert_eq!(host.one()["state"], "gone");
}

#[test]
fn a_process_that_ends_during_the_scan_hides_no_other() {
    let qemu = Qemu::bare().args("-name stays").start();
    let mut ended = Qemu::bare().args("-name ends").start();
    let host = Host::of(&[qemu.pid(), ended.pid()]);
    // Its folder leads nowhere once it has been reaped.
    ended.process().kill();
    fs::remove_file(host.pretend(u32::MAX / 2, "").join("cmdline")).unwrap();
    assert_eq!(host.one()["name"], "stays");
}

#[test]
fn another_programs_socket_is_foreign() {
    let peer = FakePeer::builder()
        .send("SSH-2.0-\u{1b}[2J\r\n")
        .wait_for_hang_up()
        .start();
    let host = Host::of(&[]);
    let line = format!("-name odd -qmp unix:{},server=on", peer.socket().display());
    host.pretend(std::process::id(), &line);
    let outcome = host.ls().run().expect_code(0);
    let line = &columns(&outcome)[0];
    assert_eq!(line[2], "foreign", "{line:?}");
    assert!(line[6].contains("does not speak QMP"), "{line:?}");
    assert!(!outcome.stdout.contains('\u{1b}'), "{line:?}");
    peer.finish();
}

#[test]
fn another_vm_at_a_vms_socket_is_foreign() {
    let qemu = Qemu::bare().args("-name usurper").start();
    let host = Host::of(&[qemu.pid()]);
    let line = format!("-name first -qmp unix:{},server=on", qemu.qmp().display());
    host.pretend(std::process::id(), &line);
    let list = host.list();
    let states: Vec<_> = list.iter().map(|vm| (&vm["name"], &vm["state"])).collect();
    assert_eq!(
        states,
        [
            (&json!("first"), &json!("foreign")),
            (&json!("usurper"), &json!("running"))
        ]
    );
    let message = list[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("usurper"), "{message}");
}

#[test]
fn a_vm_without_a_monitor_says_so() {
    let host = Host::of(&[]);
    host.pretend(
        std::process::id(),
        "-name mute -monitor unix:/nowhere,server=on",
    );
    let vm = host.one();
    assert_eq!(vm["state"], "unreachable", "{vm:#}");
    assert_eq!(
        vm["error"]["message"], "it was started without a QMP monitor",
        "{vm:#}"
    );
}

#[test]
fn a_peer_that_leaves_in_the_midst_is_gone() {
    let peer = FakePeer::builder().greet().expect("query-status").start();
    let host = Host::of(&[]);
    let line = format!(
        "-name brief -qmp unix:{},server=on",
        peer.socket().display()
    );
    host.pretend(std::process::id(), &line);
    assert_eq!(host.one()["state"], "gone");
    peer.finish();
}
