//! `v.disks()` and `v.overlays(...)`.

use harness::Qemu;
use serde_json::{Value, json};

use super::lent::lent;
use super::{State, assert_error, caught, eval, files, machine};

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

#[test]
fn disks_are_told_as_an_operator_thinks_of_them() {
    let qemu = Qemu::bare()
        .image("a.qcow2", "16M")
        .image("ro.raw", "1M")
        .args("-machine q35 -accel tcg -m 32 -S")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2 -device virtio-blk-pci,id=disk-a,drive=a")
        .args("-drive file=ro.raw,format=raw,if=none,id=drive-ro,readonly=on -device virtio-blk-pci,drive=drive-ro")
        .args("-device ide-cd,id=cd")
        .start();
    let script =
        "v.qmp.block_dirty_bitmap_add(#{ node: \"a\", name: \"b0\", persistent: true }); v.disks()";
    let disks = eval(&monitor(&qemu), script);
    let find = |key: &str, value: &str| {
        let all = disks.as_array().unwrap();
        all.iter()
            .find(|disk| disk[key].as_str().is_some_and(|text| text.contains(value)))
            .unwrap()
    };
    let a = find("qdev", "disk-a");
    for (key, expected) in [
        ("device", json!("")),
        ("qdev", json!("/machine/peripheral/disk-a/virtio-backend")),
        ("node", json!("a")),
        ("file", json!("a.qcow2")),
        ("path", json!(qemu.folder().join("a.qcow2"))),
        ("format", json!("qcow2")),
        ("virtual_size", json!(16 << 20)),
        ("backing_depth", json!(0)),
        ("writable", json!(true)),
        ("removable", json!(false)),
    ] {
        assert_eq!(a[key], expected, "{key}: {a}");
    }
    assert!(a["actual_size"].as_u64().unwrap() > 0);
    assert_eq!(
        a["bitmaps"],
        json!([{ "name": "b0", "count": 0, "granularity": 65536, "recording": true, "persistent": true, "inconsistent": false }])
    );
    let ro = find("device", "drive-ro");
    assert_eq!(
        (&ro["writable"], &ro["format"]),
        (&json!(false), &json!("raw"))
    );
    // The README's table has something of each disk that it shows, and shows no empty drive.
    let readme = include_str!("../../README.md");
    let typed = readme.lines().find_map(|line| {
        let line = line.strip_prefix("web01> ")?;
        line.starts_with("v.disks()").then_some(line)
    });
    let shown = eval(&monitor(&qemu), typed.unwrap());
    assert_eq!(
        shown,
        json!([{ "node": "a", "file": "a.qcow2", "size": 16 << 20 }])
    );
    let cd = find("qdev", "cd");
    for (key, expected) in [
        ("node", json!(null)),
        ("removable", json!(true)),
        ("writable", json!(false)),
        ("tray_open", json!(false)),
    ] {
        assert_eq!(cd[key], expected, "{key}: {cd}");
    }
}

/// The overlays of both disks of `machine`, with what is done in their block.
fn with_overlays(qemu: &Qemu, block: &str) -> String {
    let folder = qemu.folder().path().display();
    format!(
        "with v.overlays([#{{ node: \"a\", file: \"{folder}/oa.qcow2\" }}, #{{ node: \"b\", file: \"{folder}/ob.qcow2\" }}]) as o {{ {block} }}"
    )
}

#[test]
fn overlays_stay_when_they_are_kept_and_vanish_when_not() {
    let qemu = machine();
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    for block in [
        "1",
        "v.transaction(o.actions)",
        "v.transaction(o.actions); fail(\"no\")",
        "return",
    ] {
        eval(
            &monitor(&qemu),
            &format!("try {{ {} }} catch {{ }}", with_overlays(&qemu, block)),
        );
        assert_eq!(
            State::of(&qemu.qmp(), qemu.folder().path()),
            before,
            "{block}"
        );
    }
    let kept = with_overlays(&qemu, "v.transaction(o.actions); o.keep(); o.list");
    let list = eval(&monitor(&qemu), &kept);
    assert_eq!(files(qemu.folder().path(), ".qcow2").len(), 3);
    let tops = eval(
        &monitor(&qemu),
        "v.disks().map(|disk| [disk.node, disk.path, disk.backing_depth])",
    );
    for one in list.as_array().unwrap() {
        let top = json!([one["overlay"], one["file"], 1]);
        assert!(tops.as_array().unwrap().contains(&top), "{tops}: {one}");
    }
}

#[test]
fn overlays_that_are_left_bare_vanish_with_the_run() {
    let qemu = machine();
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    let file = qemu.folder().join("bare.qcow2");
    let script = format!(
        "v.overlays([#{{ node: \"a\", file: \"{}\" }}]).list.len()",
        file.display()
    );
    assert_eq!(eval(&monitor(&qemu), &script), 1);
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
}

#[test]
fn a_plan_that_cannot_be_is_refused() {
    let qemu = machine();
    let target = monitor(&qemu);
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    for (plan, message) in [
        ("[#{ node: \"a\" }]", "missing field `file`"),
        (
            "[#{ node: \"a\", file: \"/x\", size: 1 }]",
            "unknown field `size`",
        ),
        (
            "[#{ node: \"nope\", file: \"/x\" }]",
            "no disk has the node `nope` at its top",
        ),
        ("[#{ node: \"a\", file: \"x\" }]", "give an absolute path"),
    ] {
        let error = caught(&target, &format!("v.overlays({plan})"));
        assert_error(&error, &json!({ "kind": "usage", "message": message }));
    }
    let error = caught(
        &target,
        "v.overlays([#{ node: \"a\", file: \"/no/such/x\" }])",
    );
    assert_error(
        &error,
        &json!({ "kind": "qmp", "message": "No such file or directory" }),
    );
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
}

#[test]
fn the_guests_own_disks_are_those() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "[v.disks().map(|disk| disk.virtual_size), v.agent.disks().map(|disk| disk.name)]",
    );
    assert_eq!(value[0], json!([64 << 20, 64 << 20]));
    let names: Vec<&Value> = value[1].as_array().unwrap().iter().collect();
    assert!(
        names.contains(&&json!("/dev/vda")) && names.contains(&&json!("/dev/vdb")),
        "{names:?}"
    );
}
