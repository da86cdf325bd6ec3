//! What keeps a disk busy is told before the guest is frozen for a snapshot, a backup or an export, with what to do about it.

use std::path::Path;

use harness::{Folder, Outcome};
use serde_json::json;

use super::backup::back_up;
use super::backup_faults::machine_with;
use super::commit::snapshot;
use super::commit_failures::guest;
use super::commit_killed::kill;
use super::snapshot::boot_from;
use super::{State, eval, files, qmpsh};

/// What freezes a guest, and nothing but the guest's own work is between it and what is refused.
fn works(target: &str, to: &Path) -> [harness::Qmpsh; 3] {
    let to = to.to_str().unwrap();
    let listen = format!("unix:{to}/nbd");
    [
        qmpsh(["-v", "run", "freeze-snapshot-thaw", target]),
        qmpsh(["-v", "run", "backup", target, "--to", to]),
        qmpsh(["-v", "run", "backup-export", target, "--time", "1s"]).args([
            "--scratch",
            to,
            "--listen",
            &listen,
        ]),
    ]
}

/// Fails with these words, before anything was begun.
#[track_caller]
fn refused(words: harness::Qmpsh, parts: &[&str]) -> Outcome {
    let outcome = words.run().expect_code(1);
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    for part in parts {
        assert!(told.contains(part), "{part}: {outcome:#?}");
    }
    for sent in [
        "guest-fsfreeze",
        "blockdev-create",
        "blockdev-add",
        "transaction",
    ] {
        let sent = format!("\"execute\":\"{sent}");
        assert!(!outcome.stderr.contains(&sent), "{outcome:#?}");
    }
    outcome
}

#[test]
fn a_commit_that_was_killed_is_told_before_the_freeze() {
    let (mut guest, overlay, _) = guest();
    let target = guest.target();
    let base = guest.disk(0).to_owned();
    let folder = Folder::new();
    kill(&target, &[]);
    let before = State::of_guest(&guest);
    let words = [
        "the job qmpsh-commit-",
        "works on the disk virtio-disk0",
        "wait until the snapshot-commit has ended that began it; if that was killed, run it again",
    ];
    for work in works(&target, folder.path()) {
        refused(work, &words);
    }
    for work in works(&target, folder.path()) {
        refused(work.arg("--dry-run"), &words);
    }
    assert_eq!(State::of_guest(&guest), before);
    assert_eq!(files(folder.path(), ""), [] as [&Path; 0]);

    // Of its job nothing is left: what the guest reads is whole, and a snapshot would be one to which none can go back.
    let end = "let id = v.qmp(\"query-jobs\")[0].id;
        v.qmp(\"job-cancel\", #{ id: id });
        while v.job(id).status.status != \"concluded\" { sleep(\"20ms\"); }
        v.qmp(\"job-dismiss\", #{ id: id });";
    eval(&target, end);
    let before = State::of_guest(&guest);
    let half = format!("{} of the disk virtio-disk0 holds a part", base.display());
    let words = [
        &half as &str,
        "`qmpsh run snapshot-commit",
        ".qmpsh-merging is its mark",
    ];
    let [snapshot_of, ..] = works(&target, folder.path());
    refused(snapshot_of, &words);
    assert_eq!(State::of_guest(&guest), before);
    back_up(&target, folder.path(), &[]);

    // Nothing of what was merged in part is the guest's, when it is started from that.
    guest.process().kill();
    let wrong = boot_from(&[&base]);
    for work in works(&wrong.target(), &folder.join("to")) {
        refused(work, &["holds a part of what a commit was merging into it"]);
    }
    drop(wrong);
    let right = boot_from(&[&overlay]);
    qmpsh(["run", "snapshot-commit", &right.target()])
        .run()
        .expect_code(0);
    snapshot(&right.target(), &[]);
}

#[test]
fn whatever_job_works_on_a_disk_is_told_with_what_ends_it() {
    let folder = Folder::new();
    let options = "-blockdev null-co,node-name=b,size=1048576,read-zeroes=on -device virtio-blk-pci,id=disk-b,drive=b";
    let qemu = machine_with(folder.path(), options);
    let target = qemu.qmp().to_str().unwrap().to_owned();
    snapshot(&target, &["--quiesce", "no", "--disk", "disk-a"]);
    let open = "v.qmp(\"blockdev-add\", #{ driver: \"null-co\", \"node-name\": \"sink\", size: 8388608 });";
    let to_sink = "target: \"sink\", sync: \"full\"";
    let to_below = "\"base-node\": \"a\"";
    let other = "or end it with the program that began it; `qmpsh qmp";
    for (command, with, id, kind, hint) in [
        ("blockdev-mirror", to_sink, "nightly", "mirror", other),
        (
            "blockdev-backup",
            to_sink,
            "qmpsh-bk-1-0",
            "backup",
            "again into the same folder",
        ),
        (
            "block-commit",
            to_below,
            "libvirt-1",
            "commit",
            "job-cancel id=libvirt-1`",
        ),
        ("block-stream", "", "vda", "stream", other),
    ] {
        let begin = format!(
            "{open} let top = v.disks().find(|disk| disk.qdev.contains(\"disk-a\")).node;
            v.qmp(\"{command}\", #{{ \"job-id\": \"{id}\", device: top, speed: 1, {with} }});"
        );
        eval(&target, &begin);
        let before = State::of(&qemu.qmp(), qemu.folder().path());
        let job = format!("the job {id} ({kind}, ");
        let parts = [&job as &str, "works on the disk disk-a", hint];
        for work in works(&target, &folder.join(id)) {
            refused(work.args(["--quiesce", "no"]), &parts);
        }
        assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
        // So into a folder that has a backup, and one of the other disk is taken.
        let alone = ["--quiesce", "no", "--disk", "disk-b"];
        back_up(&target, &folder.join("b"), &alone);
        let [_, again, _] = works(&target, &folder.join("b"));
        refused(again.args(["--quiesce", "no"]), &parts);
        // One that has ended, and whose result nobody has looked at, is in nobody's way.
        let end = format!(
            "v.qmp(\"block-job-cancel\", #{{ device: \"{id}\", force: true }});
            while v.job(\"{id}\").status != () {{ sleep(\"20ms\"); }}
            v.qmp(\"blockdev-del\", #{{ \"node-name\": \"sink\" }});"
        );
        eval(&target, &end);
    }
    let concluded = format!(
        "{open} v.qmp(\"blockdev-mirror\", #{{ \"job-id\": \"over\", device: v.disks()[0].node, {to_sink}, \"auto-dismiss\": false }});
        v.qmp(\"block-job-cancel\", #{{ device: \"over\", force: true }});
        while v.job(\"over\").status.status != \"concluded\" {{ sleep(\"20ms\"); }}"
    );
    eval(&target, &concluded);
    back_up(&target, &folder.join("to"), &["--quiesce", "no"]);
    snapshot(&target, &["--quiesce", "no", "--disk", "disk-a"]);
    let jobs = eval(&target, "v.qmp(\"query-jobs\").map(|job| job.id)");
    assert_eq!(jobs, json!(["over"]));
}
