//! What is done with backups that are there, without any VM: list, verify, restore, prune. And fleets that make them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use harness::{Folder, Outcome, Qemu};
use serde_json::{Value, json};

use super::backup::{back_up, restore};
use super::{document, files, qmpsh};

/// A machine with a small disk and a name.
pub(super) fn machine(name: &str) -> Qemu {
    Qemu::bare()
        .image("a.qcow2", "1M")
        .args("-machine q35 -accel tcg -m 32 -S -name")
        .arg(name)
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2")
        .args("-device virtio-blk-pci,id=disk-a,drive=a")
        .start()
}

/// Backups of these levels; their names.
pub(super) fn backups(qemu: &Qemu, to: &Path, levels: &[&str]) -> Vec<String> {
    let target = qemu.qmp().to_str().unwrap().to_owned();
    levels
        .iter()
        .map(|level| back_up(&target, to, &["--quiesce", "no", "--level", level]))
        .map(|row| row["point"].as_str().unwrap().to_owned())
        .collect()
}

/// A script on a folder of backups.
pub(super) fn on(script: &str, folder: &Path, options: &[&str]) -> Outcome {
    qmpsh(["--json", "run", script])
        .arg(folder)
        .args(options)
        .run()
}

pub(super) fn rows(outcome: &Outcome) -> Vec<Value> {
    document(outcome).as_array().unwrap().clone()
}

/// The points that are there.
fn there(of_vm: &Path) -> Vec<String> {
    let list = rows(&on("backup-list", of_vm, &[]).expect_code(0));
    list.iter()
        .map(|row| row["point"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pruning_keeps_what_the_rules_keep_and_all_that_it_stands_on() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let of_vm = folder.join("web01");
    let names = backups(
        &qemu,
        folder.path(),
        &["full", "inc", "inc", "full", "inc", "inc"],
    );
    // Several within a second have names of their own, in order.
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, names);
    assert_eq!(there(folder.path()), names);

    let outcome = on("backup-prune", &of_vm, &[]).expect_code(1);
    assert!(outcome.stderr.contains("no rule says"), "{outcome:#?}");
    let half = of_vm.join("20200101T000000Z");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("disk-a.qcow2"), "half").unwrap();
    on("backup-prune", &of_vm, &["--last", "4"]).expect_code(0);
    assert_eq!(there(&of_vm), names, "the third stands on the first two");
    assert!(!half.exists());
    let pruned = rows(&on("backup-prune", &of_vm, &["--last", "2"]).expect_code(0));
    let removed = pruned.iter().filter(|row| row["result"] == "removed");
    assert_eq!(removed.count(), 3);
    assert_eq!(there(&of_vm), names[3..]);
    on("backup-verify", &of_vm, &[]).expect_code(0);

    // Nobody knows what a manifest says that cannot be read.
    std::fs::write(of_vm.join(&names[5]).join("manifest.json"), "{").unwrap();
    let outcome = on("backup-prune", &of_vm, &["--last", "1"]).expect_code(1);
    assert!(
        outcome.stderr.contains("cannot be understood"),
        "{outcome:#?}"
    );
    assert_eq!(there(&of_vm), names[3..5]);
}

#[test]
fn rules_keep_the_last_of_each_period() {
    let days = [
        "20251228T230000Z",
        "20251229T010000Z",
        "20251231T010000Z",
        "20260101T010000Z",
        "20260101T020000Z",
        "20260104T230000Z",
        "20260105T000000Z",
    ];
    let kept = |rules: &str| -> Vec<usize> {
        let script = format!(
            "import \"std/retention\" as retention; retention::kept(args.map(|name| #{{ point: name, disks: [] }}), {rules}).keys()"
        );
        let outcome = qmpsh(["--json", "eval", &script]).args(days).run();
        let kept = rows(&outcome.expect_code(0));
        let number = |name: &Value| days.iter().position(|day| day == name).unwrap();
        kept.iter().map(number).collect()
    };
    assert_eq!(kept("#{}"), [6], "the newest always");
    assert_eq!(kept("#{ last: 2 }"), [5, 6]);
    assert_eq!(kept("#{ daily: 3 }"), [4, 5, 6]);
    // Weeks begin on Monday: the 29th of December 2025, and the 5th of January 2026.
    assert_eq!(kept("#{ weekly: 9 }"), [0, 5, 6]);
    assert_eq!(kept("#{ monthly: 9 }"), [2, 6]);
    assert_eq!(kept("#{ yearly: 9, last: 2 }"), [2, 5, 6]);
}

#[test]
fn verifying_finds_what_is_not_as_it_was_written() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let of_vm = folder.join("web01");
    let names = backups(&qemu, folder.path(), &["full", "inc"]);
    let image = |number: usize| of_vm.join(&names[number]).join("disk-a.qcow2");
    let verified = |part: &str| {
        let outcome = on("backup-verify", &of_vm, &[]).expect_code(1);
        let rows = rows(&outcome);
        let bad = rows.iter().filter(|row| row["failed"] == true);
        let told: Vec<&str> = bad.map(|row| row["result"].as_str().unwrap()).collect();
        assert!(
            told.iter().any(|told| told.contains(part)),
            "{part}: {told:?}"
        );
    };
    let good = std::fs::read(image(0)).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    std::fs::write(image(0), &bad).unwrap();
    verified("the checksum differs");
    std::fs::write(image(0), &good[1..]).unwrap();
    verified("and was written with");
    std::fs::rename(image(0), folder.join("away")).unwrap();
    verified("is gone");
    let outcome = restore(&of_vm, &folder.join("out"), &[]).expect_code(1);
    assert!(outcome.stderr.contains("is gone"), "{outcome:#?}");
    assert!(!folder.join("out").exists());
    std::fs::rename(folder.join("away"), image(0)).unwrap();
    std::fs::write(image(0), &good).unwrap();
    on("backup-verify", &of_vm, &[]).expect_code(0);

    // A manifest and its image agree on what the image stands on.
    let manifest = of_vm.join(&names[1]).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let parent = format!("\"parent\":\"{}\"", names[0]);
    assert!(text.contains(&parent));
    std::fs::write(&manifest, text.replace(&parent, "\"parent\":null")).unwrap();
    verified("by its manifest on nothing");

    // The last point is not passed over for the one before it, unless that is named.
    std::fs::write(&manifest, "{").unwrap();
    verified("its manifest cannot be understood");
    let outcome = restore(&of_vm, &folder.join("out"), &[]).expect_code(1);
    assert!(
        outcome.stderr.contains("cannot be understood"),
        "{outcome:#?}"
    );
    restore(&of_vm, &folder.join("out"), &["--until", &names[0]]).expect_code(0);
}

#[test]
fn restoring_writes_over_nothing_unless_it_is_told_to() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let of_vm = folder.join("web01");
    let names = backups(&qemu, folder.path(), &["full", "inc"]);
    let to = folder.join("out");
    restore(&of_vm, &to, &[]).expect_code(0);
    let data = to.join("disk-a.qcow2").metadata().unwrap();
    assert_eq!(data.mode() & 0o777, 0o600);
    std::fs::write(to.join("disk-a.qcow2"), "mine").unwrap();
    let outcome = restore(&of_vm, &to, &[]).expect_code(1);
    assert!(outcome.stderr.contains("is there already"), "{outcome:#?}");
    assert_eq!(std::fs::read(to.join("disk-a.qcow2")).unwrap(), b"mine");
    let user = std::fs::File::open(to.join("disk-a.qcow2")).unwrap();
    let outcome = restore(&of_vm, &to, &["--force"]).expect_code(1);
    assert!(outcome.stderr.contains("is in use by"), "{outcome:#?}");
    assert_eq!(std::fs::read(to.join("disk-a.qcow2")).unwrap(), b"mine");
    drop(user);
    restore(&of_vm, &to, &["--force"]).expect_code(0);
    assert_ne!(std::fs::read(to.join("disk-a.qcow2")).unwrap(), b"mine");

    // What others call so is neither written over nor removed, whether it ends well or not.
    let others = to.join("disk-a.qcow2.unfinished");
    std::fs::write(&others, "mine").unwrap();
    restore(&of_vm, &to, &["--force"]).expect_code(0);
    let broken = of_vm.join(&names[0]).join("disk-a.qcow2");
    let whole = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, vec![0; whole.len()]).unwrap();
    let before = files(&to, "");
    restore(&of_vm, &to, &["--force"]).expect_code(1);
    std::fs::write(&broken, whole).unwrap();
    assert_eq!(files(&to, ""), before);
    assert_eq!(std::fs::read(&others).unwrap(), b"mine");

    let day = format!(
        "{}-{}-{}",
        &names[0][0..4],
        &names[0][4..6],
        &names[0][6..8]
    );
    let list: PathBuf = folder.join("day");
    for time in [day.clone(), format!("{day} 23:59"), format!("{day}T23")] {
        let outcome = restore(&of_vm, &list, &["--until", &time, "--force"]).expect_code(0);
        assert!(outcome.stdout.contains(&names[1]), "{time}: {outcome:#?}");
    }
    for (time, part) in [
        ("1999-01-01", "there is no backup up to"),
        ("yesterday", "is no time in UTC"),
    ] {
        let outcome = restore(&of_vm, &list, &["--until", time]).expect_code(1);
        assert!(outcome.stderr.contains(part), "{outcome:#?}");
    }
    let outcome = restore(&of_vm, &list, &["--disk", "b"]).expect_code(1);
    assert!(
        outcome.stderr.contains("has no disk b; it has disk-a"),
        "{outcome:#?}"
    );
    let outcome = restore(folder.path(), &list, &[]).expect_code(1);
    assert!(
        outcome.stderr.contains("no folder of a VM's backups"),
        "{outcome:#?}"
    );
}

#[test]
fn who_names_another_folder_than_the_one_that_is_meant_is_told_which_that_is() {
    let folder = Folder::new();
    let (one, two) = (machine("web01"), machine("web02"));
    let name = backups(&one, folder.path(), &["full"]).remove(0);
    backups(&two, folder.path(), &["full"]);
    let (dir, of_vm) = (folder.path(), folder.join("web01"));
    let point = of_vm.join(&name);
    let all = format!(
        "{0} holds the backups of web01, web02; name one of them, as in {0}/web01",
        dir.display()
    );
    let one_of_all = format!(
        "is one backup; name the VM's folder, {}; one backup in it is --until {name}",
        of_vm.display()
    );
    let to = folder.join("out");
    let to = to.to_str().unwrap();
    for (script, options) in [
        ("backup-verify", &[][..]),
        ("backup-restore", &["--to", to]),
        ("backup-prune", &["--last", "1"]),
        ("backup-list", &[]),
    ] {
        for (named, hint) in [(dir, &all), (&point, &one_of_all)] {
            if script == "backup-list" && named == dir {
                continue;
            }
            let outcome = on(script, named, options).expect_code(1);
            assert!(outcome.stderr.contains(hint), "{script}: {outcome:#?}");
        }
    }
    assert!(!folder.join("out").exists());
    // What is wrong is told before the long work on what is right.
    let both = [&*of_vm.to_string_lossy(), &*dir.to_string_lossy()].map(str::to_owned);
    let outcome = qmpsh(["run", "backup-verify"])
        .args(both)
        .run()
        .expect_code(1);
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    let nowhere = folder.join("nowhere");
    let outcome = on("backup-verify", &nowhere, &[]).expect_code(1);
    assert!(
        outcome.stderr.contains("there is none of this name"),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains("help"), "{outcome:#?}");

    // The other way round: the folder of one VM, where that of all is meant.
    let keep = of_vm.to_str().unwrap();
    let outcome = on("backup-forget", &one.qmp(), &["--keep", keep]).expect_code(1);
    let hint = format!(
        "{keep} is one VM's folder of backups itself; name the one that it is in, {}",
        dir.display()
    );
    let row = &rows(&outcome)[0];
    assert_eq!(row["error"]["hint"], hint, "{row}");
    let bitmaps = &rows(&on("backup-forget", &one.qmp(), &[]).expect_code(0))[0]["bitmaps"];
    assert_eq!(bitmaps.as_array().unwrap().len(), 1);
}

#[test]
fn work_on_backups_leaves_nothing_but_them() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let of_vm = folder.join("to/web01");
    let names = backups(&qemu, &folder.join("to"), &["full", "full"]);
    let (restored, copies) = (folder.join("restored"), folder.join("copies"));
    restore(&of_vm, &restored, &[]).expect_code(0);
    // A folder that is not there may be one where nothing is mounted.
    let verify = |code| {
        let copy = copies.to_str().unwrap();
        on("backup-verify", &of_vm, &["--copy", copy]).expect_code(code)
    };
    let told = verify(1).stderr;
    assert!(told.contains("there is no folder"), "{told}");
    assert!(!copies.exists());
    std::fs::create_dir(&copies).unwrap();
    verify(0);
    on("backup-prune", &of_vm, &["--last", "1"]).expect_code(0);
    let point = of_vm.join(&names[1]);
    for (place, expected) in [
        (folder.path(), &["copies", "restored", "to"][..]),
        (&folder.join("to"), &["web01"]),
        (&of_vm, &[&names[1], "set.json"]),
        (&point, &["disk-a.qcow2", "manifest.json"]),
        (&restored, &["disk-a.qcow2"]),
        (&copies, &[]),
    ] {
        let expected: Vec<PathBuf> = expected.iter().map(|name| place.join(name)).collect();
        assert_eq!(files(place, ""), expected);
    }
}

#[test]
fn a_folder_that_was_moved_is_as_good() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    backups(&qemu, &folder.join("old"), &["full", "inc"]);
    std::fs::rename(folder.join("old"), folder.join("new")).unwrap();
    let of_vm = folder.join("new/web01");
    on(
        "backup-verify",
        &of_vm,
        &["--copy", folder.path().to_str().unwrap()],
    )
    .expect_code(0);
    let names = backups(&qemu, &folder.join("new"), &["inc"]);
    assert_eq!(there(&of_vm)[2], names[0]);
    on("backup-verify", &of_vm, &[]).expect_code(0);
}

#[test]
fn a_fleet_is_backed_up_side_by_side_and_the_dead_hold_up_nobody() {
    let folder = Folder::new();
    let (one, mut dead, two) = (machine("web01"), machine("web02"), machine("web03"));
    dead.process().kill();
    let outcome = qmpsh(["--json", "run", "backup", "--quiesce", "no", "--to"])
        .arg(folder.path())
        .args([one.qmp(), dead.qmp(), two.qmp()])
        .run()
        .expect_code(3);
    let rows = rows(&outcome);
    assert_eq!(
        [
            &rows[0]["level"],
            &rows[1]["error"]["kind"],
            &rows[2]["level"]
        ],
        [&json!("full"), &json!("gone"), &json!("full")]
    );
    let list = document(&on("backup-list", folder.path(), &[]).expect_code(0));
    let vms: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["vm"])
        .collect();
    assert_eq!(vms, ["web01", "web03"]);
}
