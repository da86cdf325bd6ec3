//! Which backups `backup-prune` keeps for which disk, and what it does where it cannot.

use std::path::Path;

use harness::Outcome;
use serde_json::Value;

use super::backup_levels::{A, B, Machine, is};
use super::{document, files, qmpsh};

fn prune(folders: &[&Path], options: &[&str]) -> Outcome {
    qmpsh(["--json", "run", "backup-prune"])
        .args(folders)
        .args(options)
        .run()
}

fn results(outcome: &Outcome) -> Vec<String> {
    let rows = document(outcome);
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["result"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_last_backup_of_each_disk_stays() {
    let machine = Machine::new();
    let of_vm = machine.to().join("web01");
    machine.write("disk-b", "-P 1 0 1M");
    machine.back_up(&[], &[is(A, "the first"), is(B, "the first")]);
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);
    let asked = is(A, "asked for");
    let first = machine.back_up(&["--disk", "a", "--level", "full"], &[asked]);
    machine.back_up(&["--disk", "a", "--level", "full"], &[asked]);
    let pruned = prune(&[&of_vm], &["--last", "1"]).expect_code(0);
    assert_eq!(
        results(&pruned),
        [
            "kept",
            "removed",
            "kept for disk-b",
            "kept: others stand on it"
        ]
    );
    assert!(!Path::new(first["folder"].as_str().unwrap()).exists());
    let verify = qmpsh(["run", "backup-verify"]).arg(&of_vm).run();
    verify.expect_code(0);
    machine.write("disk-b", "-P 2 1M 1M");
    let last = machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);

    // Of a disk that no backup has any more, nobody knows whether one had it.
    for point in files(&of_vm, "") {
        let is_last = last["folder"] == point.to_str().unwrap();
        if point.is_dir() && !is_last {
            std::fs::remove_dir_all(point).unwrap();
        }
    }
    let file = Path::new(last["folder"].as_str().unwrap()).join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    manifest["disks"].as_array_mut().unwrap().pop();
    std::fs::write(&file, manifest.to_string()).unwrap();
    machine.back_up(
        &[],
        &[is(A, "which is gone"), is(B, "or its backups were removed")],
    );
}

#[test]
fn a_folder_that_cannot_be_pruned_holds_up_no_other_and_is_told() {
    let machine = Machine::new();
    let of_vm = machine.to().join("web01");
    machine.back_up(&[], &[is(A, "the first"), is(B, "the first")]);
    machine.back_up(&["--level", "full"], &[is(A, "asked for"), is(B, "asked")]);
    let (other, wrong) = (machine.image("other"), machine.image("wrong"));
    std::fs::create_dir(&other).unwrap();
    std::fs::create_dir(&wrong).unwrap();
    std::fs::write(other.join("set.json"), "{}").unwrap();
    let point = other.join("20260301T021500Z");
    std::fs::create_dir(&point).unwrap();
    std::fs::write(point.join("manifest.json"), "{").unwrap();
    std::fs::create_dir(other.join("20260302T021500Z")).unwrap();

    // A dry run names each file once.
    let pretended = qmpsh(["--dry-run", "run", "backup-prune", "--last", "1"])
        .arg(&of_vm)
        .run()
        .expect_code(0);
    assert_eq!(
        pretended.stderr.matches("manifest.json").count(),
        1,
        "{pretended:#?}"
    );

    let outcome = prune(&[&of_vm, &other, &wrong], &["--last", "1"]).expect_code(1);
    let results = results(&outcome);
    assert_eq!(results[..2], ["kept", "removed"], "{results:?}");
    assert!(
        results[2].contains("cannot be understood, so none is removed"),
        "{results:?}"
    );
    assert!(results[3].contains("has no set.json"), "{results:?}");
    assert!(outcome.stderr.contains("2 of 3 folders failed"));
    assert_eq!(files(&other, "").len(), 3);
    assert_eq!(files(&wrong, ""), Vec::<std::path::PathBuf>::new());
}
