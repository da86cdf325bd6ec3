//! `backup-forget`: which bitmaps of backups there are, and which of them go.

use std::path::Path;

use harness::{Folder, RawQmp};
use serde_json::{Value, json};

use super::backup::back_up;
use super::backup_folder::{backups, machine, on, rows};
use super::eval;

#[test]
fn the_bitmaps_of_a_folder_that_is_given_up_can_be_removed() {
    let (folder, qemu) = (Folder::new(), machine("web01"));
    let (old, new) = (folder.join("old"), folder.join("new"));
    let before = backups(&qemu, &old, &["full"]).remove(0);
    let after = backups(&qemu, &new, &["full"]).remove(0);
    std::fs::remove_dir_all(&old).unwrap();
    let forget = |options: &[&str]| on("backup-forget", &qemu.qmp(), options);
    // The points whose bitmaps the disk has, past qmpsh.
    let left = || -> Vec<String> {
        let nodes = RawQmp::connect(qemu.qmp()).call("query-named-block-nodes", &Value::Null);
        let on_disk = nodes
            .as_array()
            .unwrap()
            .iter()
            .find(|node| node["node-name"] == "a");
        let bitmaps = on_disk.unwrap()["dirty-bitmaps"].as_array().cloned();
        let mut points: Vec<String> = bitmaps
            .unwrap_or_default()
            .iter()
            // A job's own has none.
            .filter_map(|bitmap| bitmap["name"].as_str())
            // Each with its witness.
            .filter(|name| !name.ends_with("-end"))
            .map(|name| name.split('-').skip(3).collect::<Vec<_>>())
            .map(|parts| parts[..parts.len() - 1].join("-"))
            .collect();
        points.sort();
        points
    };
    assert_eq!(left(), [before.clone(), after.clone()]);
    // Without being told, it removes none.
    let listed = rows(&forget(&[]).expect_code(0));
    let points = listed[0]["bitmaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["point"]);
    let mut points: Vec<&str> = points.map(|point| point.as_str().unwrap()).collect();
    points.sort_unstable();
    assert_eq!(points, [&before, &after]);
    let keep = new.to_str().unwrap();
    let outcome = forget(&["--all", "--keep", keep]).expect_code(1);
    assert!(outcome.stderr.contains("give one of them"), "{outcome:#?}");
    // A folder without this VM's backups may be one that is not mounted.
    let outcome = forget(&["--keep", keep, "--keep", old.to_str().unwrap()]).expect_code(1);
    assert!(
        outcome.stdout.contains("no bitmap was removed"),
        "{outcome:#?}"
    );
    assert_eq!(left(), [before.clone(), after.clone()]);

    forget(&["--keep", keep]).expect_code(0);
    assert_eq!(left(), [after]);
    let [next] = backups(&qemu, &new, &["inc"]).try_into().unwrap();
    // A backup that is at work needs its own.
    let set = std::fs::read_to_string(new.join("web01/set.json")).unwrap();
    let mark = serde_json::from_str::<Value>(&set).unwrap()["mark"].clone();
    let mut monitor = RawQmp::connect(qemu.qmp());
    let sink = json!({ "driver": "null-co", "node-name": "sink", "size": 1 << 20 });
    monitor.call("blockdev-add", &sink);
    let id = format!("qmpsh-bk-{}-0", mark.as_str().unwrap());
    monitor.call(
        "blockdev-backup",
        &json!({ "job-id": id, "device": "a", "target": "sink", "sync": "none" }),
    );
    drop(monitor);
    let outcome = forget(&["--all"]).expect_code(1);
    assert!(
        outcome.stdout.contains("a backup is at work"),
        "{outcome:#?}"
    );
    assert_eq!(left(), [next]);
    RawQmp::connect(qemu.qmp()).call("block-job-cancel", &json!({ "device": id }));
    eval(
        qemu.qmp().to_str().unwrap(),
        &format!("while v.job(\"{id}\").status != () {{ sleep(\"10ms\"); }}"),
    );
    forget(&["--all"]).expect_code(0);
    assert!(left().is_empty());
    let row = &rows(&forget(&["--all", "--jobs", "1"]).expect_code(0))[0];
    assert_eq!(row["result"], "no backup has left a bitmap");

    // One below a snapshot cannot be written to.
    backups(&qemu, &new, &["full"]);
    let target = qemu.qmp().to_str().unwrap().to_owned();
    super::commit::snapshot(&target, &["--quiesce", "no"]);
    let outcome = forget(&["--all"]).expect_code(1);
    let row = &rows(&outcome)[0];
    assert_eq!((&row["failed"], left().len()), (&json!(true), 1), "{row}");
    assert!(row.to_string().contains("commit that first"), "{row}");
}

#[test]
fn bitmaps_are_listed_disk_by_disk_and_those_below_overlays_by_their_files() {
    let (folder, qemu) = (Folder::new(), super::machine());
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let (first, second) = (folder.join("first"), folder.join("second"));
    for to in [&first, &second] {
        back_up(&target, to, &["--quiesce", "no"]);
    }
    // The image has no node of a name once it is below another.
    super::commit::snapshot(&target, &["--quiesce", "no", "--disk", "disk-a"]);
    let mut monitor = RawQmp::connect(qemu.qmp());
    monitor.call("stop", &Value::Null);
    drop(monitor);
    back_up(&target, &second, &["--quiesce", "no"]);
    let listed = rows(&on("backup-forget", &qemu.qmp(), &[]).expect_code(0));
    let told: Vec<(&str, &str)> = listed[0]["bitmaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["disk"].as_str().unwrap(), one["set"].as_str().unwrap()))
        .collect();
    let mark = |to: &Path| {
        let set = std::fs::read_dir(to)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let set = std::fs::read_to_string(set.join("set.json")).unwrap();
        let set: Value = serde_json::from_str(&set).unwrap();
        set["mark"].as_str().unwrap().to_owned()
    };
    let (old, new) = (mark(&first), mark(&second));
    assert_eq!(
        told,
        [
            ("disk-a", &*new),
            ("a.qcow2", &*old),
            ("a.qcow2", &*new),
            ("disk-b", &*old),
            ("disk-b", &*new),
        ]
    );
}
