//! `disk-add`, `disk-remove`, `nic-add` and `nic-remove`: what the guest sees, and that nothing is left of what failed.

use std::path::Path;
use std::process::Command;

use harness::{FakePeer, Format, Guest, Outcome, Qemu};
use serde_json::{Value, json};

use super::{document, eval, files, nodes, qmpsh, tops};

/// A guest whose machine has two free root ports to plug into, and two empty images beside its disk.
///
/// Under a QEMU before 6.1 the ports are `PCIe`'s own, and the kernel is at work on each for some seconds of its start: it switches
/// off what it finds empty, and with it what is plugged in meanwhile. Only then can it be told to try again, and is through when
/// it has.
fn guest() -> Guest {
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .arg("-device")
        .arg("pcie-root-port,id=port0,chassis=1,slot=1")
        .arg("-device")
        .arg("pcie-root-port,id=port1,chassis=2,slot=2")
        .boot();
    for name in ["one.qcow2", "two.qcow2"] {
        image(&guest.folder().join(name));
    }
    if Qemu::version() < (6, 1) {
        let slots = "for slot in /sys/bus/pci/slots/*/power; do";
        let tried = "until echo 1 2>&1 >$slot | grep -q 'not permitted'; do usleep 20000; done";
        guest.shell_ok(&format!("{slots} ({tried}) & done; wait"));
    }
    guest
}

/// Makes an image that can be plugged in.
pub(super) fn image(path: &Path) {
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(path)
        .arg("8M")
        .status();
    assert!(made.unwrap().success());
}

#[track_caller]
pub(super) fn run(words: &[&str], code: i32) -> Outcome {
    qmpsh(["--json", "run"]).args(words).run().expect_code(code)
}

/// Waits until a line of shell succeeds in the guest, which takes its time to see what was plugged in.
pub(super) fn comes_true(guest: &Guest, line: &str) {
    guest.shell_ok(&format!("until {line}; do usleep 20000; done"));
}

#[test]
fn a_disk_is_plugged_in_written_to_and_unplugged() {
    let guest = guest();
    let target = guest.target();
    let before = (nodes(&guest.qmp()), tops(&guest.qmp()));
    let path = guest.folder().join("one.qcow2");
    let path = path.to_str().unwrap();
    let done = document(&run(
        &[
            "disk-add", &target, path, "--serial", "data", "--iops", "500", "--bps", "1M",
        ],
        0,
    ));
    assert_eq!(
        done["result"],
        format!("{path} is plugged in as hot0 on port0")
    );
    comes_true(&guest, "grep -qx data /sys/block/vdb/serial");
    guest.shell_ok("echo precious | dd of=/dev/vdb bs=512 conv=sync,fsync");
    let limits = eval(
        &target,
        "v.qmp(\"query-block\").find(|d| d.inserted?[\"node-name\"] == \"hot0\").inserted",
    );
    assert_eq!(
        (&limits["iops"], &limits["bps"]),
        (&json!(500), &json!(1_048_576))
    );

    // It is found by its file too, and its port is free again.
    let done = document(&run(&["disk-remove", &target, path], 0));
    assert_eq!(done["result"], format!("{path} was unplugged"));
    comes_true(&guest, "! test -e /sys/block/vdb");
    assert_eq!((nodes(&guest.qmp()), tops(&guest.qmp())), before);

    // A guest that may not write cannot, and reads what was written.
    let done = document(&run(
        &["disk-add", &target, path, "--id", "data", "--protect"],
        0,
    ));
    assert_eq!(
        (&done["id"], &done["bus"]),
        (&json!("data"), &json!("port0"))
    );
    comes_true(&guest, "test -e /sys/block/vdb/ro");
    assert_eq!(
        guest.shell_ok("cat /sys/block/vdb/ro; head -c 8 /dev/vdb"),
        "1\nprecious"
    );

    run(&["disk-remove", &target, "data"], 0);

    // An overlay that came later goes with its disk, and so does what lies below.
    run(&["disk-add", &target, path, "--id", "data"], 0);
    run(
        &[
            "freeze-snapshot-thaw",
            &target,
            "--disk",
            "data",
            "--quiesce",
            "no",
        ],
        0,
    );
    assert_eq!(files(guest.folder().path(), "Z.qcow2").len(), 1);
    run(&["disk-remove", &target, "data"], 0);
    assert_eq!((nodes(&guest.qmp()), tops(&guest.qmp())), before);
}

#[test]
fn a_card_is_plugged_in_and_unplugged_with_its_back_end() {
    let guest = guest();
    let target = guest.target();
    let done = document(&run(
        &[
            "nic-add",
            &target,
            "user",
            "--set",
            "restrict=on",
            "--mac",
            "52:54:00:00:00:07",
        ],
        0,
    ));
    assert_eq!(done["result"], "a card is plugged in as hot0 on port0");
    comes_true(&guest, "grep -q 0x1041 /sys/bus/pci/devices/*/device");
    let mac = eval(
        &target,
        "v.qmp(\"qom-get\", #{ path: \"/machine/peripheral/hot0\", property: \"mac\" })",
    );
    assert_eq!(mac, "52:54:00:00:00:07");
    let outcome = run(&["nic-remove", &target, "virtio-disk0"], 1);
    assert!(
        outcome.stderr.contains("virtio-disk0 is no network card"),
        "{outcome:#?}"
    );
    run(&["nic-remove", &target, "hot0"], 0);
    comes_true(&guest, "! grep -q 0x1041 /sys/bus/pci/devices/*/device");
    // The back end's name is free again.
    run(&["nic-add", &target, "user"], 0);
    run(&["nic-remove", &target, "hot0"], 0);
}

#[test]
fn a_card_that_is_let_go_of_late_leaves_its_back_end_until_it_is_removed_again() {
    let guest = guest();
    let target = guest.target();
    run(&["nic-add", &target, "user"], 0);
    comes_true(&guest, "grep -q 0x1041 /sys/bus/pci/devices/*/device");
    run(&["pause", &target], 0);
    let outcome = run(&["nic-remove", &target, "hot0", "--wait", "100ms"], 1);
    assert!(
        outcome.stderr.contains("remove it again then"),
        "{outcome:#?}"
    );
    let mut monitor = guest.raw_qmp();
    monitor.call("cont", &Value::Null);
    while monitor.event("DEVICE_DELETED")["data"]["device"] != "hot0" {}
    drop(monitor);
    let done = document(&run(&["nic-remove", &target, "hot0"], 0));
    assert_eq!(
        done["result"],
        "hot0 was unplugged before, and its back end is taken away now"
    );
    let network = eval(&target, "v.hmp(\"info network\")");
    assert!(!network.as_str().unwrap().contains("hot0"), "{network}");
    let outcome = run(&["nic-remove", &target, "hot0"], 1);
    assert!(
        outcome.stderr.contains("no device has the id hot0"),
        "{outcome:#?}"
    );
    run(&["nic-add", &target, "user", "--id", "hot0"], 0);
}

#[test]
fn a_back_end_that_another_card_uses_is_left_and_one_of_another_name_is_told() {
    let qemu = Qemu::bare()
        .args("-machine pc -accel tcg -m 32 -S -netdev user,id=hot0-net -device virtio-net-pci,id=card,netdev=hot0-net")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let network = || eval(&target, "v.hmp(\"info network\")");
    let before = network();
    let outcome = run(&["nic-remove", &target, "hot0"], 1);
    assert!(
        outcome.stderr.contains("no device has the id hot0"),
        "{outcome:#?}"
    );
    let outcome = run(&["nic-remove", &target, "card", "--wait", "100ms"], 1);
    assert!(
        outcome.stderr.contains("netdev_del id=hot0-net"),
        "{outcome:#?}"
    );
    assert_eq!(network(), before);
}

#[test]
fn a_step_that_fails_undoes_those_before_it() {
    let guest = guest();
    let target = guest.target();
    let before = (nodes(&guest.qmp()), tops(&guest.qmp()));
    let path = guest.folder().join("one.qcow2");
    let path = path.to_str().unwrap();
    for (words, code, message) in [
        // The image cannot be opened; there is no such bus.
        (&["/no/such"][..], 4, "No such file"),
        (&[path, "--bus", "nowhere"], 4, "Bus 'nowhere' not found"),
        (
            &[path, "--bus", "pcie.0"],
            4,
            "give the VM free PCIe root ports",
        ),
        (&[path, "--id", "disk0"], 1, "called disk0 already"),
        (&["one.qcow2"], 1, "is a relative path"),
        (
            &[path, "--serial", "123456789012345678901"],
            1,
            "has 21 bytes, and the guest of a virtio-blk-pci sees 20 of them",
        ),
    ] {
        let outcome = run(&[&["disk-add", target.as_str()], words].concat(), code);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
        assert!(
            !outcome.stderr.contains("and then"),
            "{words:?}: {outcome:#?}"
        );
        assert_eq!(
            (nodes(&guest.qmp()), tops(&guest.qmp())),
            before,
            "{words:?}"
        );
    }
    for (words, code, message) in [
        (&["nope"][..], 1, "nope"),
        (
            &["user", "--set", "restrit=on"],
            1,
            "did you mean `restrict`?",
        ),
        (&["user", "--driver", "no-such-card"], 4, "no-such-card"),
    ] {
        let outcome = run(&[&["nic-add", target.as_str()], words].concat(), code);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
    }
    // Neither took its name; with both ports taken, the next is told so.
    let two = guest.folder().join("two.qcow2");
    run(&["nic-add", &target, "user", "--id", "hot0"], 0);
    run(&["disk-add", &target, two.to_str().unwrap()], 0);
    let outcome = run(&["disk-add", &target, path], 1);
    assert!(
        outcome
            .stderr
            .contains("all PCIe root ports are taken: port0, port1"),
        "{outcome:#?}"
    );
}

#[test]
fn a_guest_that_does_not_let_go_keeps_its_disk() {
    // There is nobody in it to let go.
    let qemu = Qemu::bare()
        .image("a.qcow2", "1M")
        .args("-machine pc -accel tcg -m 32 -S")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let path = qemu.folder().join("a.qcow2");
    let done = document(&run(&["disk-add", &target, path.to_str().unwrap()], 0));
    assert_eq!((&done["id"], &done["bus"]), (&json!("hot0"), &Value::Null));
    for _ in 0..2 {
        let outcome = run(&["disk-remove", &target, "hot0", "--wait", "100ms"], 1);
        assert!(
            outcome
                .stderr
                .contains("the guest did not let go of hot0 in time"),
            "{outcome:#?}"
        );
        assert_eq!(nodes(&qemu.qmp())[1], "hot0");
    }
}

#[test]
fn an_old_qemu_is_told_in_its_own_way() {
    let schema = json!([
        { "meta-type": "command", "name": "blockdev-add", "arg-type": "1", "ret-type": "2" },
        { "meta-type": "object", "name": "1", "members": [{ "name": "options", "type": "3" }] },
    ]);
    let peer = FakePeer::builder()
        .greet()
        .expect("qom-list")
        .reply(json!([]))
        .expect("query-qmp-schema")
        .reply(schema.clone())
        .expect("query-named-block-nodes")
        .reply(json!([]))
        .expect("qom-list")
        .reply(json!([]))
        .expect("query-qmp-schema")
        .reply(schema.clone())
        .expect("blockdev-add")
        .reply(json!({}))
        .expect("device_add")
        .reply_error("GenericError", "no")
        .expect("query-qmp-schema")
        .reply(schema)
        .expect("query-named-block-nodes")
        .reply(json!([{ "node-name": "hot0" }]))
        .expect("query-commands")
        .reply(json!([{ "name": "x-blockdev-del" }]))
        .expect("x-blockdev-del")
        .reply(json!({}))
        .start();
    run(
        &["disk-add", peer.socket().to_str().unwrap(), "/a.qcow2"],
        4,
    );
    let requests = peer.finish();
    let arguments = |command: &str| {
        let request = requests
            .iter()
            .find(|request| request["execute"] == command);
        request.unwrap()["arguments"].clone()
    };
    assert_eq!(arguments("blockdev-add")["options"]["node-name"], "hot0");
    assert_eq!(arguments("query-named-block-nodes"), Value::Null);
    assert_eq!(arguments("x-blockdev-del"), json!({ "node-name": "hot0" }));
}
