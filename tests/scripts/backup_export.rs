//! `backup-export`: other programs read the disks as they were, while they are written to.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use harness::{Folder, Guest, Outcome, Qemu, Qmpsh, RawQmp, Running, Signal};
use serde_json::{Value, json};

use super::backup_faults::Mount;
use super::snapshot::succeeds;
use super::{nodes, qmpsh};

/// A machine with a disk that has data, and a monitor for others than qmpsh.
fn machine() -> Qemu {
    let qemu = Qemu::bare()
        .monitor("second")
        .image("a.qcow2", "8M")
        .args("-machine q35 -accel tcg -m 32 -S -name web01")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2")
        .args("-device virtio-blk-pci,id=disk-a,drive=a")
        .start();
    write(&qemu, "-P 1 0 4M");
    qemu
}

/// Writes something to the disk, as its guest would.
fn write(qemu: &Qemu, what: &str) {
    let line = format!("qemu-io -d /machine/peripheral/disk-a/virtio-backend \"write {what}\"");
    let arguments = json!({ "command-line": line });
    RawQmp::connect(qemu.monitor("second")).call("human-monitor-command", &arguments);
}

fn export(qemu: &Qemu, folder: &Folder, scratch: &Path) -> Running {
    let running = qmpsh(["run", "backup-export", "--quiesce", "no", "--listen"])
        .arg(format!("unix:{}", folder.join("nbd").display()))
        .arg("--scratch")
        .arg(scratch)
        .arg(qemu.qmp())
        .spawn();
    running.wait_for_stdout("nbd+unix:///disk-a?socket=");
    running
}

/// Whether a program that reads the export finds these bytes, as `qemu-io` takes them.
fn reads(folder: &Folder, what: &str) {
    let uri = format!("nbd+unix:///disk-a?socket={}", folder.join("nbd").display());
    let said = succeeds(
        "qemu-io",
        &["-r", "-f", "raw", "-c", &format!("read {what}"), &uri],
    );
    assert!(!said.contains("failed"), "{what}: {said}");
}

/// Asserts that nothing is left of an export.
#[track_caller]
fn nothing_is_left(qemu: &Qemu, scratch: &Path) {
    assert_eq!(nodes(&qemu.monitor("second")).len(), 2);
    let mut monitor = RawQmp::connect(qemu.monitor("second"));
    for query in ["query-jobs", "query-block-exports"] {
        assert_eq!(monitor.call(query, &Value::Null), json!([]), "{query}");
    }
    // It refuses to stop what does not run.
    monitor
        .try_call("nbd-server-stop", &Value::Null)
        .unwrap_err();
    let left = super::files(scratch, "");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_export_shows_what_was_while_the_disk_is_written_to() {
    let (qemu, folder) = (machine(), Folder::new());
    let scratch = folder.join("scratch");
    let running = export(&qemu, &folder, &scratch);
    write(&qemu, "-P 2 1M 4M");
    reads(&folder, "-P 1 0 4M");
    reads(&folder, "-P 0 4M 4M");
    running.signal(Signal::INT);
    running.wait().expect_code(130);
    nothing_is_left(&qemu, &scratch);

    // One that is killed leaves it all; the next one takes it away, and shows what is now.
    let running = export(&qemu, &folder, &scratch);
    running.signal(Signal::KILL);
    running.wait();
    let running = export(&qemu, &folder, &scratch);
    reads(&folder, "-P 2 1M 4M");
    running.signal(Signal::TERM);
    running.wait().expect_code(143);
    nothing_is_left(&qemu, &scratch);
}

#[test]
fn an_address_that_cannot_be_had_is_told_before_the_guest_is_frozen() {
    let (qemu, folder) = (machine(), Folder::new());
    let scratch = folder.join("scratch");
    // It has no agent, so a freeze would be the first that fails.
    let outcome = qmpsh([
        "run",
        "backup-export",
        "--listen",
        "unix:/no/such/folder/nbd",
    ])
    .arg("--scratch")
    .arg(&scratch)
    .arg(qemu.qmp())
    .run()
    .expect_code(4);
    assert!(
        outcome.stderr.contains("/no/such/folder/nbd"),
        "{outcome:#?}"
    );
    nothing_is_left(&qemu, &scratch);
}

#[test]
fn a_guest_that_finds_no_room_for_what_it_overwrites_goes_on_when_the_export_has_ended() {
    let folder = Folder::new();
    let small = Mount::of(&folder.join("small"), "3M");
    let guest = Guest::boot();
    guest.shell_ok("head -c 12000000 /dev/urandom >/data/w; sync");
    let running = qmpsh(["run", "backup-export", "--listen"])
        .arg(format!("unix:{}", folder.join("nbd").display()))
        .arg("--scratch")
        .arg(small.path())
        .arg(guest.target())
        .spawn();
    running.wait_for_stdout("nbd+unix:///virtio-disk0?socket=");
    // It comes to its end only when the guest can write again.
    guest.shell_ok("dd if=/dev/urandom of=/data/w bs=1M count=10 conv=notrunc,fsync");
    let outcome = running.wait().expect_code(4);
    assert!(
        outcome.stderr.contains("the guest could not write"),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("it goes on now"), "{outcome:#?}");
    assert_eq!(
        guest.raw_qmp().call("query-status", &Value::Null)["status"],
        "running"
    );
}

/// An export of no time at all.
fn at(qemu: &Qemu, folder: &Folder, listen: &str) -> Outcome {
    qmpsh(["run", "backup-export", "--quiesce", "no", "--time", "1ms"])
        .args(["--listen", listen, "--scratch"])
        .arg(folder.join("scratch"))
        .arg(qemu.qmp())
        .current_dir(folder.path())
        .run()
}

#[test]
fn what_is_at_the_address_and_is_no_dead_socket_stays() {
    let (qemu, folder) = (machine(), Folder::new());
    let file = folder.join("file");
    std::fs::write(&file, "precious").unwrap();
    let link = folder.join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for path in [&file, &link, &folder.path().to_owned()] {
        let outcome = at(&qemu, &folder, &format!("unix:{}", path.display())).expect_code(1);
        assert!(
            outcome
                .stderr
                .contains("something is there that is no socket"),
            "{outcome:#?}"
        );
    }
    assert_eq!(std::fs::read_to_string(&link).unwrap(), "precious");

    let socket = folder.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let outcome = at(&qemu, &folder, &format!("unix:{}", socket.display())).expect_code(1);
    assert!(
        outcome.stderr.contains("somebody listens there"),
        "{outcome:#?}"
    );
    assert!(socket.exists());
    nothing_is_left(&qemu, &folder.join("scratch"));
    // Its own monitor's too.
    let monitor = format!("unix:{}", qemu.qmp().display());
    at(&qemu, &folder, &monitor).expect_code(1);

    drop(listener);
    let outcome = at(&qemu, &folder, &format!("unix:{}", socket.display()));
    outcome.expect_code(0);
}

#[test]
fn an_address_is_what_it_says() {
    let (qemu, folder) = (machine(), Folder::new());
    for (listen, message) in [
        ("unix:", "names no socket"),
        ("127.0.0.1:99999", "no port from 1 to 65535"),
        ("127.0.0.1:0", "no port from 1 to 65535"),
        ("127.0.0.1:", "no port from 1 to 65535"),
        ("127.0.0.1:+80", "no port from 1 to 65535"),
        ("::1:10809", "is no address"),
        (":10809", "is no address"),
        ("[]:10809", "is no address"),
    ] {
        let outcome = at(&qemu, &folder, listen).expect_code(1);
        assert!(outcome.stderr.contains(message), "{listen}: {outcome:#?}");
    }
    assert!(!folder.join("scratch").exists());

    // The address that is printed leads there, from any folder.
    for (listen, uri) in [
        (
            "unix:a b&c?d#e%ü",
            format!(
                "nbd+unix:///disk-a?socket={}/a%20b%26c%3Fd%23e%25%C3%BC",
                folder.path().display()
            ),
        ),
        ("[::1]:10999", "nbd://[::1]:10999/disk-a".to_owned()),
    ] {
        let running = qmpsh([
            "run",
            "backup-export",
            "--quiesce",
            "no",
            "--listen",
            listen,
        ])
        .arg("--scratch")
        .arg(folder.join("scratch"))
        .arg(qemu.qmp())
        .current_dir(folder.path())
        .spawn();
        running.wait_for_stdout(&format!("disk-a: {uri}\n"));
        succeeds(
            "qemu-io",
            &["-r", "-f", "raw", "-c", "read -P 1 0 4M", &uri],
        );
        running.signal(Signal::INT);
        running.wait().expect_code(130);
    }
    nothing_is_left(&qemu, &folder.join("scratch"));
}

#[test]
fn a_second_export_leaves_the_first_alone_wherever_its_scratch_is() {
    let (qemu, folder) = (machine(), Folder::new());
    let home = Arc::new(Folder::new());
    let export = |monitor: &Path, name: &str| {
        Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &home)
            .args(["run", "backup-export", "--quiesce", "no", "--listen"])
            .arg(format!("unix:{}", folder.join(name).display()))
            .arg("--scratch")
            .arg(folder.join(format!("scratch-{name}")))
            .arg(monitor)
    };
    let first = export(&qemu.qmp(), "nbd").spawn();
    first.wait_for_stdout("nbd+unix:///disk-a?socket=");
    let outcome = export(&qemu.monitor("second"), "other").run();
    let outcome = outcome.expect_code(3);
    assert!(
        outcome.stderr.contains("an export of its disks runs"),
        "{outcome:#?}"
    );
    write(&qemu, "-P 2 1M 4M");
    reads(&folder, "-P 1 0 4M");

    // Once the first is dead, what it has left is taken away, from elsewhere too.
    first.signal(Signal::KILL);
    first.wait();
    let second = export(&qemu.monitor("second"), "other").spawn();
    second.wait_for_stdout("nbd+unix:///disk-a?socket=");
    second.signal(Signal::INT);
    let outcome = second.wait().expect_code(130);
    assert!(
        outcome.stderr.contains("ended what a run before had left"),
        "{outcome:#?}"
    );
    nothing_is_left(&qemu, &folder.join("scratch-other"));
}

#[test]
fn a_server_that_somebody_else_stopped_is_no_failure_of_the_clean_up() {
    let (qemu, folder) = (machine(), Folder::new());
    let scratch = folder.join("scratch");
    let running = export(&qemu, &folder, &scratch);
    RawQmp::connect(qemu.monitor("second")).call("nbd-server-stop", &Value::Null);
    running.signal(Signal::INT);
    let outcome = running.wait().expect_code(130);
    assert!(!outcome.stderr.contains("nbd-server-stop"), "{outcome:#?}");
    nothing_is_left(&qemu, &scratch);
}
