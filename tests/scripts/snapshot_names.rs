//! `freeze-snapshot-thaw`: which disks it takes, how it calls the overlays, and which image names it trusts.

use std::path::Path;

use harness::{Daemons, Folder, Qemu, Qmpsh};
use serde_json::{Value, json};

use super::relay::Relay;
use super::{State, document, files, image_info, machine, qmpsh};

/// A snapshot of a machine without a guest.
fn take(qemu: &Qemu, options: &[&str]) -> Qmpsh {
    take_at(&qemu.qmp(), options)
}

fn take_at(monitor: &Path, options: &[&str]) -> Qmpsh {
    let arguments = [
        "--json",
        "run",
        "freeze-snapshot-thaw",
        monitor.to_str().unwrap(),
        "--quiesce",
        "no",
    ];
    qmpsh(arguments).args(options)
}

fn disks(document: &Value) -> Vec<&str> {
    document["disks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|disk| disk["disk"].as_str().unwrap())
        .collect()
}

#[test]
fn a_disk_is_named_by_its_node_its_device_its_file_or_its_path() {
    let qemu = machine();
    let path = qemu.folder().join("b.raw");
    for (name, taken) in [
        ("a", "disk-a"),
        ("disk-b", "disk-b"),
        ("/machine/peripheral/disk-a/virtio-backend", "disk-a"),
    ] {
        let outcome = take(&qemu, &["--disk", name]).run().expect_code(0);
        assert_eq!(disks(&document(&outcome)), [taken], "{name}");
    }
    let qemu_2 = machine();
    let outcome = take(
        &qemu_2,
        &["--disk", "b.raw", "--disk", "b", "--disk", "a.qcow2"],
    )
    .run()
    .expect_code(0);
    assert_eq!(disks(&document(&outcome)), ["disk-b", "disk-a"]);
    let qemu_3 = machine();
    let named = qemu_3.folder().join("b.raw");
    let outcome = take(&qemu_3, &["--disk", named.to_str().unwrap()])
        .run()
        .expect_code(0);
    assert_eq!(disks(&document(&outcome)), ["disk-b"]);
    assert!(path.exists());
}

#[test]
fn a_name_that_fits_no_disk_is_refused_with_those_there_are() {
    let qemu = Qemu::bare()
        .image("a.raw", "1M")
        .image("ro.raw", "1M")
        .args("-machine q35 -accel tcg -m 32 -S -blockdev raw,node-name=a,file.driver=file,file.filename=a.raw")
        .args("-blockdev raw,node-name=ro,read-only=on,file.driver=file,file.filename=ro.raw")
        .args("-device virtio-blk-pci,drive=a -device virtio-blk-pci,id=disk-ro,drive=ro -device ide-cd,id=cd")
        .start();
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    for (name, message) in [
        ("c", "no drive is called c; there are a, disk-ro"),
        (
            "virtio-backend",
            "no drive is called virtio-backend; there are a",
        ),
        ("disk-ro", "the guest cannot write to the disk disk-ro"),
    ] {
        let outcome = take(&qemu, &["--disk", name]).run().expect_code(1);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
    }
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
    // Without a name, what cannot be written to is passed over; a disk without an id goes by its node.
    assert_eq!(
        disks(&document(&take(&qemu, &[]).run().expect_code(0))),
        ["a"]
    );
}

#[test]
fn a_machine_with_nothing_to_snapshot_is_an_error() {
    let qemu = Qemu::bare().start();
    let outcome = take(&qemu, &[]).run().expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("has no disk that its guest can write to"),
        "{outcome:#?}"
    );
}

#[test]
fn two_images_of_one_name_get_two_overlays_in_one_folder() {
    let qemu = Qemu::bare()
        .image("one/root.qcow2", "1M")
        .image("two/root.qcow2", "1M")
        .args("-machine q35 -accel tcg -m 32 -S")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=one/root.qcow2 -device virtio-blk-pci,id=disk-a,drive=a")
        .args("-blockdev qcow2,node-name=b,file.driver=file,file.filename=two/root.qcow2 -device virtio-blk-pci,id=disk-b,drive=b")
        .start();
    let folder = Folder::new();
    let dir = format!("{}/", folder.path().display());
    // And once more at once: the second snapshot may fall into the same second.
    let taken = [0, 1].map(|_| document(&take(&qemu, &["--dir", &dir]).run().expect_code(0)));
    assert_eq!(files(folder.path(), ".qcow2").len(), 4);
    let file =
        |taken: &Value, number: usize| taken["disks"][number]["file"].as_str().unwrap().to_owned();
    let names = |number| {
        let path = file(&taken[0], number);
        path.strip_prefix(&dir).unwrap().to_owned()
    };
    let mut names = [names(0), names(1)];
    names.sort();
    let (plain, marked) = (names[0].split('.').count(), names[1].split('.').count());
    assert_eq!((plain.min(marked), plain.max(marked)), (3, 4), "{names:?}");
    assert!(
        names
            .iter()
            .any(|name| name.contains(".disk-a.") || name.contains(".disk-b.")),
        "{names:?}"
    );
    for number in [0, 1] {
        let disk = &taken[0]["disks"][number]["disk"];
        let upper = taken[1]["disks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|upper| upper["disk"] == *disk)
            .unwrap();
        let backing = &image_info(upper["file"].as_str().unwrap().as_ref())["backing-filename"];
        assert_eq!(*backing, json!(file(&taken[0], number)));
        let base = if disk == "disk-a" { "one" } else { "two" };
        let backing = &image_info(file(&taken[0], number).as_ref())["backing-filename"];
        assert_eq!(*backing, json!(qemu.folder().join(base).join("root.qcow2")));
    }
}

#[test]
fn overlays_are_named_after_their_image_and_never_like_another() {
    let outcome = qmpsh([
        "eval",
        r#"import "std/snapshot" as snapshot;
        fn disk(path, node) { #{ path: path, node: node, device: "" } }
        fn names(disks, dir) { snapshot::plan("vm", disks, dir).map(|one| one.file) }
        let same = disk("/srv/root.qcow2", "n");
        names([same, same, same, same], "/o") + names([
            disk("/srv/root.20260301T021500Z.qcow2", "n"), disk("/srv/x/root.20260301T021500Z-3.qcow2", "n"),
            disk("/srv/a.b.raw", "n"), disk("/srv/plain", "n"), disk("/dev/shm/s.raw", "n"), disk("/top.img", "n"),
        ], ()) + names([disk("/dev/vg/root", "n")], "/o/")"#,
    ])
    .run()
    .expect_code(0);
    let names: Vec<String> = serde_json::from_str(&outcome.stdout).unwrap();
    let stamp = |name: &str| {
        let digit = |at: usize| name.as_bytes()[at].is_ascii_digit();
        let start = name.find("20").unwrap();
        assert!(
            digit(start + 7)
                && &name[start + 8..=start + 8] == "T"
                && &name[start + 15..=start + 15] == "Z",
            "{name}"
        );
        format!("{}S{}", &name[..start], &name[start + 16..])
    };
    let names: Vec<String> = names.iter().map(|name| stamp(name)).collect();
    assert_eq!(
        names,
        [
            "/o/root.S.qcow2",
            "/o/root.n.S.qcow2",
            "/o/root.S-2.qcow2",
            "/o/root.S-3.qcow2",
            "/srv/root.S.qcow2",
            "/srv/x/root.S.qcow2",
            "/srv/a.b.S.qcow2",
            "/srv/plain.S.qcow2",
            "/dev/shm/s.S.qcow2",
            "/top.S.qcow2",
            "/o/root.S.qcow2",
        ]
    );
}

#[test]
fn an_image_that_is_a_device_needs_to_be_told_where_its_overlay_goes() {
    let outcome = qmpsh([
        "eval",
        r#"import "std/snapshot" as snapshot;
        snapshot::plan("vm", [#{ path: "/dev/vg/root", node: "n", device: "" }], ())"#,
    ])
    .run()
    .expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("say with dir where its overlay goes"),
        "{outcome:#?}"
    );
}

#[test]
fn relative_images_are_backing_files_by_their_absolute_paths_again_and_again() {
    let qemu = machine();
    let folder = qemu.folder().path();
    let mut below = ["a.qcow2", "b.raw"].map(|name| folder.join(name));
    for _ in 0..3 {
        let taken = document(&take(&qemu, &[]).run().expect_code(0));
        for disk in taken["disks"].as_array().unwrap() {
            let file = disk["file"].as_str().unwrap();
            let below = &mut below[usize::from(disk["disk"] == "disk-b")];
            assert_eq!(image_info(file.as_ref())["backing-filename"], json!(below));
            *below = file.into();
        }
    }
}

#[test]
fn a_daemons_relative_image_is_found_where_it_is_and_not_where_the_daemon_sits() {
    // Its folder is / by now; it still has the image open by its true path.
    let folder = Folder::new();
    let _ended = Daemons::of(folder.path());
    let run = |program: &str, line: &str| {
        let mut command = std::process::Command::new(program);
        command
            .args(line.split_ascii_whitespace())
            .current_dir(folder.path());
        assert!(command.status().unwrap().success(), "{program} {line}");
    };
    run("qemu-img", "create -q -f qcow2 daemon.qcow2 1M");
    run(
        "qemu-system-x86_64",
        &format!("-machine q35 -accel tcg -m 32 -nodefaults -display none -S -daemonize -pidfile {} -qmp unix:qmp,server=on,wait=off
         -blockdev qcow2,node-name=a,file.driver=file,file.filename=daemon.qcow2 -device virtio-blk-pci,drive=a", folder.join("pid").display()),
    );
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    let monitor = folder.join("qmp");
    let outcome = take_at(&monitor, &[]).run();
    assert_eq!(
        std::fs::read_link(format!("/proc/{}/cwd", pid.trim())).unwrap(),
        std::fs::read_link(format!("/proc/{}/root", pid.trim())).unwrap()
    );
    let taken = document(&outcome.expect_code(0));
    let overlay = taken["disks"][0]["file"].as_str().unwrap();
    assert_eq!(
        image_info(overlay.as_ref())["backing-filename"],
        json!(folder.join("daemon.qcow2"))
    );
}

#[test]
fn a_relative_image_of_a_qemu_that_cannot_be_seen_is_refused() {
    let qemu = machine();
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    let relay = Relay::holding(&qemu.qmp(), "nothing at all");
    let socket = relay.socket();
    let outcome = qmpsh([
        "run",
        "freeze-snapshot-thaw",
        socket.to_str().unwrap(),
        "--quiesce",
        "no",
    ])
    .run()
    .expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("whose absolute path cannot be told"),
        "{outcome:#?}"
    );
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
}

#[test]
fn a_relative_folder_is_refused_before_anything_is_done() {
    let qemu = machine();
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    let outcome = take(&qemu, &["--dir", "overlays"]).run().expect_code(1);
    assert!(
        outcome.stderr.contains("give an absolute path"),
        "{outcome:#?}"
    );
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
}
