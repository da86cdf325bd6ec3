//! `media-change`, `media-eject` and `media-list`: drives of every sort, by every name, on QEMUs with and without the
//! newer commands.

use harness::{FakePeer, FakePeerBuilder, Outcome, Qemu, RawQmp};
use serde_json::{Value, json};

use super::{document, qmpsh};

/// A machine with an old-style CD drive that holds `a.raw`, an empty modern one, one on SCSI that holds `b.raw`, and a disk.
fn machine() -> Qemu {
    Qemu::bare()
        .image("a.raw", "1M")
        .image("b.raw", "1M")
        .image("c.qcow2", "1M")
        .image("disk.qcow2", "1M")
        .args("-machine pc -accel tcg -m 32 -S")
        .args("-drive if=ide,index=2,media=cdrom,file=a.raw,format=raw -device ide-cd,id=cd1,bus=ide.1,unit=1")
        .args("-blockdev raw,read-only=on,node-name=iso,file.driver=file,file.filename=b.raw")
        .args("-device virtio-scsi-pci -device scsi-cd,id=scd,drive=iso")
        .args("-blockdev qcow2,node-name=disk,file.driver=file,file.filename=disk.qcow2")
        .args("-device virtio-blk-pci,id=vd0,drive=disk")
        .start()
}

fn run(script: &str, target: &str, words: &[&str]) -> Outcome {
    qmpsh(["--json", "run", script, target]).args(words).run()
}

/// What is in each drive, seen past qmpsh.
fn media(qemu: &Qemu) -> Vec<Option<String>> {
    let drives = RawQmp::connect(qemu.qmp()).call("query-block", &Value::Null);
    let file = |drive: &Value| drive["inserted"]["file"].as_str().map(str::to_owned);
    drives.as_array().unwrap().iter().map(file).collect()
}

#[test]
fn a_medium_is_changed_and_ejected_by_any_name_of_its_drive() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let path = |name: &str| qemu.folder().join(name).to_str().unwrap().to_owned();
    let (a, b) = (path("a.raw"), path("b.raw"));

    let done = document(&run("media-change", &target, &["ide1-cd0", &b]).expect_code(0));
    assert_eq!(
        done["result"],
        format!("{b} is in ide1-cd0 instead of a.raw")
    );
    let done = document(&run("media-change", &target, &["cd1", &a]).expect_code(0));
    assert_eq!(done["result"], format!("{a} is in cd1"));
    let held: Vec<Option<String>> = [b.as_str(), a.as_str(), "b.raw", "disk.qcow2"]
        .iter()
        .map(|file| Some((*file).to_owned()))
        .collect();
    let mut found = media(&qemu);
    found.sort();
    let mut expected = held;
    expected.sort();
    assert_eq!(found, expected);

    for (name, file, device) in [
        ("iso", "b.raw", "scd"),
        ("cd1", a.as_str(), "cd1"),
        ("ide1-cd0", b.as_str(), "ide1-cd0"),
    ] {
        let done = document(&run("media-eject", &target, &[name]).expect_code(0));
        assert_eq!(done["result"], format!("{file} was taken out of {device}"));
    }
    assert_eq!(media(&qemu).iter().flatten().count(), 1);
    let done = document(&run("media-eject", &target, &["cd1", "--force"]).expect_code(0));
    assert_eq!(done["result"], "cd1 is empty already");
}

#[test]
fn what_cannot_be_changed_stays_as_it_is() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let before = media(&qemu);
    for (words, code, message) in [
        (["ide1-cd0", "/no/such.iso"], 4, "No such file or directory"),
        (["ide1-cd0", "b.raw"], 1, "b.raw is a relative path"),
        (
            ["vd0", "/b.raw"],
            1,
            "vd0 is no removable drive; there are ide1-cd0, cd1, scd",
        ),
        (
            ["cd9", "/b.raw"],
            1,
            "no drive is called cd9; there are ide1-cd0, cd1, scd",
        ),
    ] {
        let outcome = run("media-change", &target, &words).expect_code(code);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
    }
    assert_eq!(media(&qemu), before);
}

#[test]
fn a_medium_is_what_it_was_said_to_be_and_not_what_it_says_it_is() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    // A file that says it is qcow2 could name any file of the host as its backing file.
    let image = qemu.folder().join("c.qcow2");
    let image = image.to_str().unwrap();
    for (words, format) in [
        (vec!["cd1", image], "raw"),
        (vec!["cd1", image, "--format", "qcow2"], "qcow2"),
    ] {
        run("media-change", &target, &words).expect_code(0);
        let drives = RawQmp::connect(qemu.qmp()).call("query-block", &Value::Null);
        let inserted = &drives[1]["inserted"];
        assert_eq!(
            (&inserted["drv"], &inserted["ro"]),
            (&json!(format), &json!(true))
        );
    }
}

#[test]
fn a_list_tells_of_all_drives_of_all_vms() {
    let (qemu, none) = (machine(), Qemu::bare().start());
    let targets = [qemu.qmp(), none.qmp()].map(|path| path.to_str().unwrap().to_owned());
    let outcome = qmpsh(["run", "media-list"])
        .args(&targets)
        .run()
        .expect_code(0);
    let lines: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "VM", "DEVICE", "MEDIUM", "FORMAT", "TRAY", "LOCKED", "RESULT"
        ]
    );
    assert_eq!(
        lines[1],
        [&targets[0], "ide1-cd0", "a.raw", "raw", "closed", "false"]
    );
    assert_eq!(lines[2], [&targets[0], "cd1", "closed", "false"]);
    assert_eq!(
        lines[3],
        [&targets[0], "scd", "b.raw", "raw", "closed", "false"]
    );
    assert_eq!(
        lines[4].join(" "),
        format!("{} has no removable drive", targets[1])
    );
    let rows = document(&qmpsh(["--json", "run", "media-list"]).args(&targets).run());
    assert_eq!(
        rows[0]["drives"][1],
        json!({ "device": "cd1", "tray": "closed", "locked": false })
    );
    assert_eq!(
        (&rows[0]["result"], &rows[1]["drives"]),
        (&Value::Null, &json!([]))
    );
}

/// A drive as a QEMU before 2.10 tells of it.
fn old_drive() -> Value {
    json!({
        "device": "ide1-cd0", "removable": true, "locked": false, "type": "unknown", "tray_open": false,
        "inserted": { "file": "/a.iso", "drv": "raw", "ro": true, "backing_file_depth": 0 },
    })
}

/// A QEMU that has this drive, and is asked for it first.
fn with_drive(drive: Value) -> FakePeerBuilder {
    FakePeer::builder()
        .greet()
        .expect("query-block")
        .reply(json!([drive]))
}

#[test]
fn an_old_qemu_is_told_by_the_commands_that_it_has() {
    let peer = with_drive(old_drive())
        .expect("query-commands")
        .reply(json!([{ "name": "change" }, { "name": "eject" }]))
        .expect("change")
        .reply(json!({}))
        .start();
    run(
        "media-change",
        peer.socket().to_str().unwrap(),
        &["ide1-cd0", "/b.iso"],
    )
    .expect_code(0);
    assert_eq!(
        peer.finish().last().unwrap()["arguments"],
        json!({ "device": "ide1-cd0", "target": "/b.iso", "arg": "raw" })
    );
    let peer = with_drive(old_drive())
        .expect("eject")
        .reply(json!({}))
        .start();
    run(
        "media-eject",
        peer.socket().to_str().unwrap(),
        &["ide1-cd0", "--force"],
    )
    .expect_code(0);
    assert_eq!(
        peer.finish().last().unwrap()["arguments"],
        json!({ "device": "ide1-cd0", "force": true })
    );
}

/// A QEMU whose guest has locked the medium in `cd0`; the guest is asked to let it go.
fn locked() -> FakePeer {
    let mut drive = old_drive();
    drive["qdev"] = json!("cd0");
    drive["locked"] = json!(true);
    let moved = json!({
        "event": "DEVICE_TRAY_MOVED", "timestamp": { "seconds": 1, "microseconds": 0 },
        "data": { "device": "", "id": "cd0", "tray-open": true },
    });
    with_drive(drive)
        .expect("eject")
        .reply_error(
            "GenericError",
            "Device 'cd0' is locked and force was not specified",
        )
        .send_message(&moved)
        .expect("eject")
        .reply(json!({}))
        .start()
}

#[test]
fn a_guest_that_has_locked_its_medium_is_asked_and_waited_for() {
    let peer = locked();
    let outcome = run("media-eject", peer.socket().to_str().unwrap(), &["cd0"]).expect_code(0);
    assert_eq!(
        document(&outcome)["result"],
        "/a.iso was taken out of ide1-cd0"
    );
    assert_eq!(
        peer.finish().last().unwrap()["arguments"],
        json!({ "id": "cd0" })
    );
}

#[test]
fn a_guest_that_does_not_let_go_keeps_its_medium_without_force() {
    let mut drive = old_drive();
    drive["locked"] = json!(true);
    let peer = with_drive(drive)
        .expect("eject")
        .reply_error(
            "GenericError",
            "Device 'ide1-cd0' is locked and force was not specified",
        )
        .wait_for_hang_up()
        .start();
    let outcome = run(
        "media-eject",
        peer.socket().to_str().unwrap(),
        &["ide1-cd0", "--wait", "50ms"],
    )
    .expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("does not let it go; unmount it there, or use force"),
        "{outcome:#?}"
    );
    peer.finish();
}

#[test]
fn a_medium_that_the_guest_holds_is_replaced_by_force() {
    let mut drive = old_drive();
    drive["locked"] = json!(true);
    let peer = with_drive(drive)
        .expect("eject")
        .reply(json!({}))
        .expect("query-commands")
        .reply(json!([{ "name": "blockdev-change-medium" }]))
        .expect("blockdev-change-medium")
        .reply(json!({}))
        .start();
    let socket = peer.socket();
    run(
        "media-change",
        socket.to_str().unwrap(),
        &["ide1-cd0", "/b.iso", "--force"],
    )
    .expect_code(0);
    let requests = peer.finish();
    assert_eq!(
        requests[2]["arguments"],
        json!({ "device": "ide1-cd0", "force": true })
    );
    assert_eq!(
        requests[4]["arguments"],
        json!({ "device": "ide1-cd0", "filename": "/b.iso", "format": "raw" })
    );
}
