//! `snapshot-commit` when all goes well: what the guest wrote is where it was, the chain is shorter, and the files of what was
//! merged are gone.

use std::path::{Path, PathBuf};

use harness::{Folder, Format, Guest};
use serde_json::{Value, json};

use super::snapshot::{boot_from, succeeds};
use super::{State, document, eval, files, image_info, machine, qmpsh, tops};

/// Takes a snapshot, and gives the overlays' files.
#[track_caller]
pub(super) fn snapshot(target: &str, options: &[&str]) -> Vec<PathBuf> {
    let outcome = qmpsh(["--json", "run", "freeze-snapshot-thaw", target])
        .args(options)
        .run()
        .expect_code(0);
    let disks = document(&outcome)["disks"].clone();
    let file = |disk: &Value| PathBuf::from(disk["file"].as_str().unwrap());
    disks.as_array().unwrap().iter().map(file).collect()
}

#[track_caller]
fn commit(target: &str, options: &[&str]) -> Value {
    let outcome = qmpsh(["--json", "run", "snapshot-commit", target])
        .args(options)
        .run()
        .expect_code(0);
    assert_eq!(eval(target, "v.qmp(\"query-jobs\")"), json!([]));
    document(&outcome)[0].clone()
}

/// Writes a file of 3 MiB that nobody can guess, and gives its checksum.
fn write(guest: &Guest, path: &str) -> String {
    guest.shell_ok(&format!(
        "head -c 3000000 /dev/urandom >{path}; sync; sha256sum {path}"
    ))
}

/// The checksums of files as the disk has them, not the guest's memory.
fn sums(guest: &Guest, paths: &str) -> String {
    guest.shell_ok(&format!(
        "sync; echo 3 >/proc/sys/vm/drop_caches; sha256sum {paths}"
    ))
}

#[track_caller]
fn assert_whole(image: &Path) {
    succeeds("qemu-img", &["check", "-q", image.to_str().unwrap()]);
}

#[test]
fn the_overlays_on_top_are_merged_and_removed() {
    let folder = Folder::new();
    let third = folder.join("third.qcow2");
    let name = third.to_str().unwrap();
    succeeds("qemu-img", &["create", "-q", "-f", "qcow2", name, "16M"]);
    let mut guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .disk(Format::Raw, "64M")
        .arg("-object")
        .arg("iothread,id=io0")
        .arg("-blockdev")
        .arg(format!(
            "qcow2,node-name=third,file.driver=file,file.filename={name}"
        ))
        .arg("-device")
        .arg("virtio-blk-pci,id=third,drive=third,iothread=io0")
        .boot();
    let target = guest.target();
    let before = State::of_guest(&guest);
    let overlays = snapshot(&target, &[]);
    assert_eq!(overlays.len(), 3);
    let one = write(&guest, "/data/one");
    let two = write(&guest, "/data2/two");
    let three = guest.shell_ok("head -c 3000000 /dev/urandom >/tmp/x; dd if=/tmp/x of=/dev/vdc bs=1M 2>&1; sync; head -c 3000000 /dev/vdc | sha256sum");
    let sum = three.lines().last().unwrap();

    let done = commit(&target, &[]);
    assert_eq!(State::of_guest(&guest), before, "{done}");
    assert!(!overlays.iter().any(|overlay| overlay.exists()), "{done}");
    let disks = done["disks"].as_array().unwrap();
    assert_eq!(disks.len(), 3);
    for (disk, overlay) in disks.iter().zip(&overlays) {
        assert_eq!(disk["merged"], json!([overlay]));
        assert_eq!(disk["files"], json!([{ "file": overlay, "removed": true }]));
    }
    assert_eq!(sums(&guest, "/data/one"), one);
    assert_eq!(sums(&guest, "/data2/two"), two);
    assert_eq!(guest.shell_ok("head -c 3000000 /dev/vdc | sha256sum"), sum);
    let later = write(&guest, "/data/later");

    guest.process().kill();
    assert_whole(guest.disk(0));
    assert_whole(&third);
    let again = boot_from(&[guest.disk(0)]);
    assert_eq!(sums(&again, "/data/one"), one);
    assert_eq!(sums(&again, "/data/later"), later);
}

#[test]
fn images_in_the_middle_are_merged_while_the_guest_writes_to_the_top() {
    let mut guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    let base = guest.disk(0).to_owned();
    let mut overlays = Vec::new();
    let mut written = String::new();
    for name in ["a", "b", "c", "d"] {
        overlays.extend(snapshot(&target, &[]));
        written.push_str(&write(&guest, &format!("/data/{name}")));
        written.push('\n');
        // The second snapshot of a second has a number, and this is about names with none too.
    }
    let [a, b, c, d] = overlays.as_slice() else {
        panic!("{overlays:?}");
    };
    let top = tops(&guest.qmp());

    let done = commit(&target, &["--top", c.to_str().unwrap()]);
    assert_eq!(done["disks"][0]["base"], json!(b));
    assert!(!c.exists() && b.exists());
    assert_eq!(image_info(d)["full-backing-filename"], json!(b));
    let done = commit(
        &target,
        &[
            "--top",
            b.to_str().unwrap(),
            "--base",
            base.to_str().unwrap(),
        ],
    );
    assert_eq!(done["disks"][0]["merged"], json!([b, a]));
    assert!(!a.exists() && !b.exists() && d.exists());
    assert_eq!(image_info(d)["full-backing-filename"], json!(base));
    assert_eq!(tops(&guest.qmp()), top, "the guest writes to the same one");
    let files_of = "/data/a /data/b /data/c /data/d";
    assert_eq!(sums(&guest, files_of), written.trim_end());

    guest.process().kill();
    assert_whole(d);
    assert_whole(&base);
    let guest = boot_from(&[d]);
    assert_eq!(sums(&guest, files_of), written.trim_end());

    // In a new QEMU the nodes have names of its own, which no one can close.
    commit(&guest.target(), &["--all"]);
    assert!(!d.exists());
    assert_eq!(sums(&guest, files_of), written.trim_end());
    drop(guest);
    assert_whole(&base);
    assert_eq!(sums(&boot_from(&[&base]), files_of), written.trim_end());
}

#[test]
fn files_can_be_kept_and_only_chosen_disks_merged() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let unfrozen = ["--quiesce", "no"];
    let first = snapshot(&target, &unfrozen);
    let second = snapshot(&target, &unfrozen);
    let third = snapshot(&target, &unfrozen);
    let done = commit(&target, &["--disk", "disk-b", "--keep"]);
    assert_eq!(done["disks"].as_array().unwrap().len(), 1);
    assert_eq!(
        done["disks"][0]["files"][0],
        json!({ "file": third[1], "removed": false, "why": "it was to be kept" })
    );
    assert!(third[1].exists());
    // What was kept stands on the image that would change now.
    let outcome = qmpsh(["run", "snapshot-commit", &target, "--disk", "disk-b"])
        .run()
        .expect_code(1);
    assert!(
        outcome.stdout.contains("on top of it needs too"),
        "{outcome:#?}"
    );
    assert!(second[1].exists());
    std::fs::remove_file(&third[1]).unwrap();
    let done = commit(&target, &["--all"]);
    assert_eq!(
        done["disks"][0]["merged"],
        json!([third[0], second[0], first[0]])
    );
    assert_eq!(done["disks"][1]["merged"], json!([second[1], first[1]]));
    let left = files(qemu.folder().path(), ".qcow2");
    assert_eq!(left, [qemu.folder().join("a.qcow2")]);
    assert_eq!(
        tops(&qemu.qmp())
            .iter()
            .map(|(_, node)| node.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn a_backup_after_a_commit_holds_all_that_was_written() {
    let mut guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let (target, folder) = (guest.target(), Folder::new());
    let back_up = || {
        let outcome = qmpsh(["--json", "run", "backup", &target, "--to"])
            .arg(folder.path())
            .run()
            .expect_code(0);
        document(&outcome)[0]["disks"][0].clone()
    };
    back_up();
    let one = write(&guest, "/data/one");
    snapshot(&target, &[]);
    let two = write(&guest, "/data/two");
    commit(&target, &[]);
    // Its bitmap stayed with the image below, and noted what was merged into it.
    let entry = back_up();
    assert_eq!(entry["level"], "inc", "{entry}");

    snapshot(&target, &[]);
    assert_eq!(back_up()["level"], "full");
    let outcome = qmpsh(["run", "snapshot-commit", &target])
        .run()
        .expect_code(0);
    assert!(
        outcome
            .stderr
            .contains("the next of virtio-disk0 is a full one"),
        "{outcome:#?}"
    );
    let entry = back_up();
    assert_eq!(entry["level"], "full", "{entry}");

    guest.process().kill();
    let [of_vm] = files(folder.path(), "").try_into().unwrap();
    let points = qmpsh(["--json", "run", "backup-list", of_vm.to_str().unwrap()]).run();
    let points = document(&points.expect_code(0));
    let point = points[1]["point"].as_str().unwrap();
    let restored = folder.join("restored");
    qmpsh([
        "run",
        "backup-restore",
        of_vm.to_str().unwrap(),
        "--until",
        point,
        "--to",
    ])
    .arg(&restored)
    .run()
    .expect_code(0);
    let [image] = files(&restored, ".qcow2").try_into().unwrap();
    let again = boot_from(&[&image]);
    assert_eq!(sums(&again, "/data/one"), one);
    assert_eq!(sums(&again, "/data/two"), two);
}
