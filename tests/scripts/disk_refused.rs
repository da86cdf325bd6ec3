//! `disk-throttle`, and what `disk-add` is refused: images that others have locked, and limits that no disk can have.

use harness::Qemu;
use serde_json::{Value, json};

use super::device::run;
use super::{document, eval, machine, nodes, tops};

#[test]
fn a_disk_is_held_back_and_let_go_while_it_runs() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let throttle = |words: &[&str], code| {
        let outcome = run(&[&["disk-throttle", target.as_str()], words].concat(), code);
        (document(&outcome)["result"].clone(), outcome)
    };
    let limits = || {
        let script = "v.qmp(\"query-block\").find(|one| one.qdev.contains(\"disk-a\")).inserted";
        let inserted = eval(&target, script);
        let keys = [
            "iops",
            "iops_rd",
            "iops_rd_max",
            "iops_size",
            "bps",
            "bps_wr",
            "group",
        ];
        keys.map(|key| inserted[key].clone())
    };
    assert_eq!(
        throttle(&["disk-a", "--iops", "500"], 0).0,
        "disk-a may do 500 requests a second"
    );
    // What is not given stays.
    assert_eq!(
        throttle(&["a.qcow2", "--bps", "1M"], 0).0,
        "disk-a may do 500 requests, 1 MiB a second"
    );
    assert_eq!(
        limits()[..6],
        [
            json!(500),
            json!(0),
            Value::Null,
            Value::Null,
            json!(1 << 20),
            json!(0)
        ]
    );

    // Of limits that somebody else has set, those of the other sort stay, with group and size.
    eval(
        &target,
        "v.qmp(\"block_set_io_throttle\", #{ id: \"/machine/peripheral/disk-a/virtio-backend\", group: \"both\", iops: 0, iops_wr: 0, iops_rd: 5, iops_rd_max: 50, \
            iops_size: 4096, bps: 0, bps_rd: 0, bps_wr: 1000 })",
    );
    assert_eq!(
        throttle(&["a", "--iops", "7"], 0).0,
        "disk-a may do 7 requests, 1000 B written a second"
    );
    let both = json!("both");
    assert_eq!(
        limits(),
        [
            json!(7),
            json!(0),
            Value::Null,
            json!(4096),
            json!(0),
            json!(1000),
            both.clone()
        ]
    );
    let outcome = run(&["--read-only", "disk-throttle", &target], 0);
    let rows: Vec<Value> = document(&outcome).as_array().unwrap().clone();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (&row["disk"], &row["iops"], &row["group"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("disk-a"), &json!(7), &both),
            (&json!("disk-b"), &json!(0), &Value::Null)
        ]
    );

    assert_eq!(
        throttle(&["disk-a", "--iops", "0", "--bps", "0"], 0).0,
        "disk-a has no limits"
    );
    assert_eq!(limits()[0], 0);
    for (words, code, message) in [
        (
            &["disk-c", "--iops", "5"][..],
            1,
            "there are disk-a, disk-b",
        ),
        (&["--iops", "5"], 1, "say which disk"),
        (
            &["disk-a", "--iops=-5"],
            1,
            "iops is -5, and must be from 0, no limit, to",
        ),
        (
            &["disk-a", "--bps", "1P"],
            1,
            "bps is 1125899906842624, and must be from 0",
        ),
    ] {
        let outcome = run(&[&["disk-throttle", target.as_str()], words].concat(), code);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
    }
}

#[test]
fn limits_that_qemu_would_refuse_last_are_refused_before_anything_is_done() {
    let qemu = machine();
    let (target, path) = (qemu.qmp(), qemu.folder().join("c.qcow2"));
    super::device::image(&path);
    let (target, path) = (target.to_str().unwrap(), path.to_str().unwrap());
    for (words, message) in [
        (&["--iops=-1"][..], "iops is -1, and must be from 0"),
        (&["--iops", "-1"], "iops is -1, and must be from 0"),
        (
            &["--bps", "1P"],
            "bps is 1125899906842624, and must be from 0",
        ),
    ] {
        let outcome = run(&[&["disk-add", target, path, "-v"], words].concat(), 1);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
        assert!(!outcome.stderr.contains("blockdev-add"), "{outcome:#?}");
    }
}

#[test]
fn who_has_an_image_locked_is_told_with_its_name() {
    let one = machine();
    let two = Qemu::bare()
        .image("a.qcow2", "1M")
        .args("-machine pc -accel tcg -m 32 -S")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2")
        .args("-device virtio-blk-pci,drive=a")
        .start();
    let target = two.qmp();
    let target = target.to_str().unwrap();
    let holder = format!("(pid {})", one.pid());
    let (qcow2, raw) = (one.folder().join("a.qcow2"), one.folder().join("b.raw"));
    let (qcow2, raw) = (qcow2.to_str().unwrap(), raw.to_str().unwrap());
    // An overlay on it is not locked itself.
    let top = two.folder().join("top.qcow2");
    super::snapshot::succeeds(
        "qemu-img",
        &[
            "create",
            "-q",
            "-f",
            "qcow2",
            "-b",
            qcow2,
            "-F",
            "qcow2",
            top.to_str().unwrap(),
        ],
    );
    let own = two.folder().join("a.qcow2");
    let own = own.to_str().unwrap();
    let before = (nodes(&two.qmp()), tops(&two.qmp()));
    for (words, file, told) in [
        (&[qcow2][..], qcow2, &*holder),
        // QEMU wants the lock of a raw one not before the disk is plugged in.
        (&[raw, "--format", "raw"], raw, &holder),
        (&[top.to_str().unwrap()], qcow2, &holder),
        (&[own], own, "this VM's own QEMU"),
    ] {
        let outcome = run(&[&["disk-add", target], words].concat(), 4);
        let error: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        for part in [" lock", told, &format!("{file} is open in")] {
            assert!(message.contains(part), "{words:?}: {message}");
        }
        assert_eq!((nodes(&two.qmp()), tops(&two.qmp())), before, "{words:?}");
    }
    // The same of a node alone.
    let file = format!("file.filename={qcow2}");
    let outcome = run(
        &[
            "blockdev-add",
            target,
            "driver=qcow2",
            "node-name=n",
            "file.driver=file",
            &file,
        ],
        4,
    );
    assert!(outcome.stderr.contains(&holder), "{outcome:#?}");
}
