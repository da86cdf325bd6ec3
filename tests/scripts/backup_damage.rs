//! Backups that are damaged, lack something, or are not there: nothing bad is restored or called good, and nothing is
//! passed over without a word.

use std::path::{Path, PathBuf};

use harness::{Folder, Qemu};
use serde_json::{Value, json};

use super::backup::{assert_same, back_up, restore};
use super::backup_faults::Mount;
use super::backup_folder::{backups, machine, on, rows};
use super::{document, files, qmpsh};

/// Flips one bit in the middle of a file.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// What is told of the images, by their points.
fn told(rows: &[Value]) -> Vec<(&str, &str, bool)> {
    let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned).unwrap();
    let told = rows.iter().map(|row| {
        let [point, result] = ["point", "result"].map(|name| text(row, name).leak() as &str);
        (point, result, row["failed"] == true)
    });
    told.collect()
}

#[test]
fn a_byte_that_is_not_as_it_was_written_is_never_restored() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let (of_vm, out) = (folder.join("web01"), folder.join("out"));
    let names = backups(&qemu, folder.path(), &["full", "full", "inc"]);
    let below = of_vm.join(&names[1]).join("disk-a.qcow2");
    let whole = std::fs::read(&below).unwrap();
    flip(&below);
    for options in [&[][..], &["--until", &names[1]], &["--format", "raw"]] {
        let outcome = restore(&of_vm, &out, options).expect_code(1);
        for part in [
            below.to_str().unwrap(),
            "the checksum differs",
            "backup-verify",
        ] {
            assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
        }
        assert!(!out.exists());
    }
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("disk-a.qcow2"), "mine").unwrap();
    restore(&of_vm, &out, &["--force"]).expect_code(1);
    assert_eq!(std::fs::read(out.join("disk-a.qcow2")).unwrap(), b"mine");
    // What does not stand on it can be had.
    restore(&of_vm, &out, &["--force", "--until", &names[0]]).expect_code(0);

    // It is told for what it is, and so is what stands on it; no copy of either is called good.
    let copies = folder.join("copies");
    std::fs::create_dir(&copies).unwrap();
    let verify = on(
        "backup-verify",
        &of_vm,
        &["--copy", copies.to_str().unwrap()],
    );
    let rows = rows(&verify.expect_code(1));
    let told = told(&rows);
    assert_eq!(told[0], (&*names[0], "good", false));
    assert!(told[1].1.contains("the checksum differs"), "{told:?}");
    assert!(told[2].1.contains("which is not good"), "{told:?}");
    assert!(told[3].1.contains("no copy was made"), "{told:?}");
    assert!(told[1..].iter().all(|(_, _, failed)| *failed), "{told:?}");

    // Nor is what the image stands on by its own header, and by its manifest does not.
    std::fs::write(&below, whole).unwrap();
    let manifest = of_vm.join(&names[2]).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let parent = format!("\"parent\":\"{}\"", names[1]);
    std::fs::write(&manifest, text.replace(&parent, "\"parent\":null")).unwrap();
    let outcome = restore(&of_vm, &folder.join("other"), &[]).expect_code(1);
    assert!(
        outcome.stderr.contains("by its manifest on nothing"),
        "{outcome:#?}"
    );
}

#[test]
fn what_is_no_time_names_no_backup() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let of_vm = folder.join("web01");
    let [name] = backups(&qemu, folder.path(), &["full"]).try_into().unwrap();
    for time in [
        "",
        "T",
        "Z",
        "-",
        "2026-1-2",
        "99999999",
        "2999-13",
        "2999-02-29",
        "2999-01-00",
        "2999-01-01T24",
        "2999-01-01T01:60",
        "2999-01-01T01:01:60Z",
        "2999-01-01Z",
        "29990101T01:01",
        "2999-01-01T0101",
        "299",
        "2999-01-01 1",
        "29990101010101",
        "2999-01-01T01:01:01.5Z",
        "2999-01-01T01:01:01+02:00",
        "20260301T021500Z-02",
    ] {
        let outcome =
            restore(&of_vm, &folder.join("out"), &[&format!("--until={time}")]).expect_code(1);
        for part in [
            "is no time in UTC",
            "2026-03-01T02:15:00Z",
            "2026-03-01T02:15",
            "20260301T021500Z",
        ] {
            assert!(outcome.stderr.contains(part), "{time}: {outcome:#?}");
        }
    }
    assert!(!folder.join("out").exists());
    for time in [
        "2999",
        "2999-01",
        "2996-02-29",
        "2999-12-31T23",
        "2999-12-31T23Z",
        "2999-01-01 01:01",
        "2999-01-01T01:01:01",
        "2999-01-01T01:01:01Z",
        "299901",
        "29990101",
        "29990101T01",
        "29990101T010101Z",
        &name,
    ] {
        let outcome = on("backup-verify", &of_vm, &["--until", time]).expect_code(0);
        assert_eq!(rows(&outcome)[0]["point"], name, "{time}");
    }
}

#[test]
fn disks_that_are_not_of_that_moment_are_told() {
    let folder = Folder::new();
    let qemu = Qemu::bare()
        .image("a.qcow2", "1M")
        .image("b.qcow2", "1M")
        .args("-machine q35 -accel tcg -m 32 -S -name web01")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2 -device virtio-blk-pci,id=disk-a,drive=a")
        .args("-blockdev qcow2,node-name=b,file.driver=file,file.filename=b.qcow2 -device virtio-blk-pci,id=disk-b,drive=b")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let take = |disks: &[&str]| {
        let row = back_up(
            &target,
            folder.path(),
            &[&["--quiesce", "no"], disks].concat(),
        );
        row["point"].as_str().unwrap().to_owned()
    };
    let (first, both, last) = (take(&[]), take(&[]), take(&["--disk", "disk-a"]));
    let of_vm = folder.join("web01");
    let out = folder.join("out");
    let outcome = qmpsh(["--json", "run", "backup-restore", "--to"])
        .arg(&out)
        .arg(&of_vm)
        .run()
        .expect_code(0);
    let rows = document(&outcome);
    assert_eq!(rows[0]["point"], last);
    let other = json!({ "disk": "disk-b", "last": both, "result": format!("not in {last}; last in {both}") });
    assert_eq!(rows[1], other);
    let how = format!("--disk disk-b --until {both}");
    assert!(outcome.stderr.contains(&how), "{outcome:#?}");
    assert_eq!(files(&out, ""), [out.join("disk-a.qcow2")]);

    let missing = restore(&of_vm, &folder.join("b"), &["--disk", "disk-b"]).expect_code(1);
    let where_it_is = format!("disk-b was last in {both}");
    assert!(missing.stderr.contains(&where_it_is), "{missing:#?}");
    let how: Vec<&str> = how.split(' ').collect();
    let outcome = restore(&of_vm, &folder.join("b"), &how).expect_code(0);
    assert_eq!(outcome.stderr, "", "it was told which one is wanted");
    assert_same(
        &folder.join("b/disk-b.qcow2"),
        &of_vm.join(&both).join("disk-b.qcow2"),
    );
    let whole = restore(&of_vm, &folder.join("first"), &["--until", &first]).expect_code(0);
    assert_eq!(whole.stderr, "");
}

#[test]
fn what_lies_beside_backups_is_not_one_of_them() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    backups(&qemu, folder.path(), &["full"]);
    std::fs::write(folder.join("README"), "mine").unwrap();
    std::fs::create_dir(folder.join("lost+found")).unwrap();
    std::os::unix::fs::symlink("round", folder.join("round")).unwrap();
    let outcome = on("backup-list", folder.path(), &[]).expect_code(0);
    assert_eq!(rows(&outcome).len(), 1);
    // What cannot be seen might be one.
    let told = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("left out"));
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("round/set.json") && told[0].contains("left out"),
        "{told:?}"
    );
}

#[test]
fn a_copy_that_has_no_room_says_nothing_about_the_backup() {
    let folder = Folder::new();
    let small = Mount::of(&folder.join("small"), "64K");
    let qemu = machine("web01");
    let of_vm = folder.join("to/web01");
    let names = backups(&qemu, &folder.join("to"), &["full"]);
    let in_the_way = folder.join("file");
    std::fs::write(&in_the_way, "mine").unwrap();
    for copy in [small.path(), &in_the_way] {
        let outcome =
            on("backup-verify", &of_vm, &["--copy", copy.to_str().unwrap()]).expect_code(7);
        let rows = rows(&outcome);
        assert_eq!(told(&rows)[0], (&*names[0], "good", false));
        let result = rows[1]["result"].as_str().unwrap();
        assert!(result.starts_with("could not be checked: "), "{result}");
        assert_eq!(
            (&rows[1]["unchecked"], &rows[1]["failed"]),
            (&json!(true), &Value::Null)
        );
        assert!(
            outcome.stderr.contains("1 of 2 could not be checked"),
            "{outcome:#?}"
        );
    }
    assert!(files(small.path(), "").is_empty());
    // A bad one is worse than one that is not known.
    flip(&of_vm.join(&names[0]).join("disk-a.qcow2"));
    on(
        "backup-verify",
        &of_vm,
        &["--copy", small.path().to_str().unwrap()],
    )
    .expect_code(1);

    // A restore that has no room leaves nothing, not even of its own.
    flip(&of_vm.join(&names[0]).join("disk-a.qcow2"));
    restore(&of_vm, small.path(), &[]).expect_code(1);
    assert!(files(small.path(), "").is_empty());
}

#[test]
fn a_manifest_that_is_none_is_told_as_one() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let of_vm = folder.join("web01");
    let names = backups(&qemu, folder.path(), &["full", "inc"]);
    let file: PathBuf = of_vm.join(&names[1]).join("manifest.json");
    let good: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut second = good["disks"].clone();
    second
        .as_array_mut()
        .unwrap()
        .push(good["disks"][0].clone());
    for (at, value, why) in [
        ("/disks", json!([]), "it names no disks"),
        ("/disks", json!({}), "it names no disks"),
        ("/disks", json!([5]), "a disk without a name"),
        ("/disks", second, "twice"),
        ("/format", json!("qcow3"), "it says no format"),
        ("/format", json!(2), "a newer qmpsh"),
        ("/format", Value::Null, "it says no format"),
        (
            "/disks/0/file",
            Value::Null,
            "names no file of the disk disk-a",
        ),
        ("/disks/0/file", json!("a"), "as an image"),
        (
            "/disks/0/file",
            json!("../a.qcow2"),
            "outside of its folder",
        ),
        ("/disks/0/disk", json!(7), "a disk without a name"),
        ("/disks/0/bytes", json!("many"), "how large"),
        ("/disks/0/size", Value::Null, "how large"),
        ("/disks/0/sha256", json!([]), "no checksum"),
        ("/disks/0/parent", json!(3), "is no point"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(at).unwrap() = value;
        std::fs::write(&file, bad.to_string()).unwrap();
        let list = on("backup-list", &of_vm, &[]).expect_code(0);
        assert_eq!(rows(&list).len(), 1);
        assert_eq!(list.stderr.matches("left out").count(), 1, "{list:#?}");
        let verify = on("backup-verify", &of_vm, &[]).expect_code(1);
        let row = &rows(&verify)[0];
        assert_eq!(
            (&row["point"], &row["failed"]),
            (&json!(names[1]), &json!(true))
        );
        let to = folder.join("out");
        let restored = restore(&of_vm, &to, &[]).expect_code(1);
        for told in [&list.stderr, &row["result"].to_string(), &restored.stderr] {
            let is_told = told.contains("cannot be understood") && told.contains(why);
            assert!(is_told, "{why}: {told}");
        }
        assert!(!to.exists());
    }
    // A day that ends with it does not mean the one before.
    let day = &names[1][..8];
    let outcome = restore(&of_vm, &folder.join("out"), &["--until", day]).expect_code(1);
    assert!(
        outcome.stderr.contains("cannot be understood"),
        "{outcome:#?}"
    );
    restore(&of_vm, &folder.join("out"), &["--until", &names[0]]).expect_code(0);

    // With none left that is good, the bad are told all the same.
    std::fs::remove_dir_all(of_vm.join(&names[0])).unwrap();
    let verify = on("backup-verify", &of_vm, &[]).expect_code(1);
    assert_eq!(rows(&verify).len(), 1);
}
