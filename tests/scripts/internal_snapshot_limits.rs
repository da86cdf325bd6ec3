//! Where `snapshot-save` and `snapshot-load` end early: a guest that is not there or sleeps, memory that is not there or does
//! not fit, and a time that is over.

use harness::{Folder, Format, Guest, Qemu};
use serde_json::json;

use super::backup_faults::Mount;
use super::internal_snapshot::{assert_runs_on, is_refused, run, snapshots};
use super::relay::Relay;
use super::snapshot::succeeds;
use super::{document, eval, qmpsh};

/// A machine without a guest that runs, with two qcow2 images, and what else QEMU is told.
fn two_disks(more: &str) -> Qemu {
    let disk = |name: &str| {
        format!(
            " -blockdev qcow2,node-name={name},file.driver=file,file.filename={name}.qcow2
              -device virtio-blk-pci,id=disk-{name},drive={name}"
        )
    };
    Qemu::bare()
        .image("a.qcow2", "16M")
        .image("b.qcow2", "16M")
        .args("-machine q35 -accel tcg -m 32")
        .args(&disk("a"))
        .args(&disk("b"))
        .args(more)
        .start()
}

#[test]
fn a_snapshot_without_memory_is_refused_while_the_guest_goes_on() {
    if is_refused() {
        return;
    }
    let qemu = two_disks("");
    let target = qemu.qmp().to_str().unwrap().to_owned();
    run("snapshot-save", &target, &["--name=one"]).expect_code(0);
    // In whatever order they are named, the one with the memory is known.
    let both = ["--name=one", "--discard", "--disk=disk-b", "--disk=disk-a"];
    run("snapshot-load", &target, &both).expect_code(0);
    assert_runs_on(&target);
    let part = ["--name=one", "--discard", "--disk=disk-b"];
    for is_gone in [false, true] {
        if is_gone {
            run("snapshot-delete", &target, &["--name=one", "--disk=disk-a"]).expect_code(0);
        }
        let outcome = run("snapshot-load", &target, &part).expect_code(1);
        let message = "one has no memory of the VM on disk-b, so no running VM can go back to it";
        assert!(outcome.stdout.contains(message), "{outcome:#?}");
        assert_runs_on(&target);
    }
    // What it was is nobody's business that has it to be deleted.
    run("snapshot-delete", &target, &["--name=one"]).expect_code(0);
}

#[test]
fn a_guest_that_sleeps_is_neither_saved_nor_taken_back() {
    if is_refused() {
        return;
    }
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    run("snapshot-save", &target, &["--name=awake"]).expect_code(0);
    run("suspend", &target, &[]).expect_code(0);
    for (script, words) in [
        ("snapshot-save", vec!["--name=sleeping"]),
        ("snapshot-load", vec!["--name=awake", "--discard"]),
    ] {
        let row = document(&run(script, &target, &words).expect_code(1))[0].clone();
        let error = &row["error"];
        let monitor = guest.qmp();
        let hint = format!("wake it first: qmpsh run wake-up {}", monitor.display());
        assert_eq!(error["hint"], hint, "{row}");
        assert!(
            error["message"].as_str().unwrap().contains("sleeps"),
            "{row}"
        );
    }
    assert_eq!(eval(&target, "v.status"), "suspended");
    run("wake-up", &target, &[]).expect_code(0);
    run("snapshot-load", &target, &["--name=awake", "--discard"]).expect_code(0);
    assert_eq!(guest.shell_ok("echo there"), "there");
}

#[test]
fn nothing_is_done_to_the_disks_of_a_guest_that_is_elsewhere() {
    if is_refused() {
        return;
    }
    let qemu = two_disks("-incoming defer");
    let target = qemu.qmp().to_str().unwrap().to_owned();
    for (script, more) in [
        ("snapshot-save", None),
        ("snapshot-load", Some("--discard")),
        ("snapshot-delete", None),
    ] {
        let words: Vec<&str> = ["--name=one"].into_iter().chain(more).collect();
        let outcome = run(script, &target, &words).expect_code(1);
        let message = "it is in inmigrate: it waits for its guest";
        assert!(outcome.stdout.contains(message), "{outcome:#?}");
    }
    assert_eq!(eval(&target, "v.status"), "inmigrate");
}

#[test]
fn a_save_ends_by_its_wait_and_by_no_calls_deadline() {
    if is_refused() {
        return;
    }
    let qemu = two_disks("");
    let monitor = qemu.qmp();
    let target = monitor.to_str().unwrap();
    let row = document(&run("snapshot-save", target, &["--name=one", "--wait=0s"]).expect_code(5))
        [0]
    .clone();
    let message = row["error"]["message"].as_str().unwrap();
    assert!(
        message.ends_with("snapshot-save: it took longer than 0 ms"),
        "{row}"
    );
    assert_eq!(snapshots(target), json!([]));
    assert_runs_on(target);

    // QEMU answers when it has saved all. Here it has the command late, which is the same from outside.
    let relay = Relay::holding(&monitor, "\"snapshot-save\"");
    let words = [
        "-v",
        "--timeout",
        "1s",
        "run",
        "snapshot-save",
        "--name=two",
    ];
    let running = qmpsh(words).arg(relay.socket()).spawn();
    relay.wait();
    running.wait_for_stderr("\"query-jobs\"");
    relay.release();
    running.wait().expect_code(0);
    drop(relay);
    assert_eq!(
        snapshots(target),
        json!([["two", ["disk-a", "disk-b"], true]])
    );
    assert_runs_on(target);
}

#[test]
fn a_full_file_system_is_told_of_before_and_after() {
    if is_refused() {
        return;
    }
    let folder = Folder::new();
    let small = Mount::of(&folder.join("small"), "320k");
    let image = small.path().join("a.qcow2");
    let file = image.to_str().unwrap();
    succeeds("qemu-img", &["create", "-q", "-f", "qcow2", file, "16M"]);
    let qemu = Qemu::bare()
        .args("-machine q35 -accel tcg -m 32")
        .args(&format!(
            "-blockdev qcow2,node-name=a,file.driver=file,file.filename={file}
             -device virtio-blk-pci,id=disk-a,drive=a"
        ))
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let outcome = run("snapshot-save", &target, &["--name=one"]).expect_code(4);
    let before = format!("KiB are free where {file} lies: what does not fit fails");
    assert!(
        outcome.stderr.contains("it has 32 MiB of memory, and ")
            && outcome.stderr.contains(&before),
        "{outcome:#?}"
    );
    let hint = document(&outcome)[0]["error"]["hint"].clone();
    let after = format!(" are free where {file} lies; if it needs more, make room there");
    assert!(hint.as_str().unwrap().contains(&after), "{hint}");
    assert_runs_on(&target);

    // What was written is used again, and a save that has room is told nothing.
    small.resize(64 << 20);
    let outcome = run("snapshot-save", &target, &["--name=one"]).expect_code(0);
    assert_eq!(outcome.stderr, "");
    assert_eq!(snapshots(&target), json!([["one", ["disk-a"], true]]));
    drop(qemu);
}
