//! `snapshot-save`, `snapshot-load`, `snapshot-delete` and `snapshot-list`: a guest goes back to what it was, and what
//! cannot be done is refused before the guest stands still for it.

use harness::{Folder, Format, Guest, Outcome, Qemu};
use serde_json::{Value, json};

use super::{document, eval, machine, qmpsh};

pub(super) fn run(script: &str, target: &str, words: &[&str]) -> Outcome {
    qmpsh(["--json", "run", script, target]).args(words).run()
}

/// The names of the internal snapshots, each with the disks that have it.
pub(super) fn snapshots(target: &str) -> Value {
    let listed = document(&run("snapshot-list", target, &[]).expect_code(0));
    let snapshots = listed[0]["snapshots"].as_array();
    let pair = |one: &Value| json!([one["name"], one["disks"], one["everywhere"]]);
    snapshots.into_iter().flatten().map(pair).collect()
}

/// What a guest with work to do must not lose: that it runs, with no job left.
#[track_caller]
pub(super) fn assert_runs_on(target: &str) {
    let now = eval(target, "[v.status, v.qmp(\"query-jobs\")]");
    assert_eq!(now, json!(["running", []]));
}

/// Whether this QEMU cannot do it (before 6.0); then it was refused at once, on a guest that runs on.
#[track_caller]
pub(super) fn is_refused() -> bool {
    if Qemu::version() >= (6, 0) {
        return false;
    }
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    eval(&target, "v.qmp(\"cont\")");
    for (script, more) in [
        ("snapshot-save", None),
        ("snapshot-load", Some("--discard")),
        ("snapshot-delete", None),
    ] {
        let words: Vec<&str> = ["--name", "one"].into_iter().chain(more).collect();
        let row = document(&run(script, &target, &words).expect_code(4))[0].clone();
        let message = row["error"]["message"].as_str().unwrap();
        let (major, minor) = Qemu::version();
        let told = format!("it runs QEMU {major}.{minor}.");
        assert!(message.contains(&told), "{message}");
        let needs = format!(", and {script} needs 6.0 or newer");
        assert!(message.ends_with(&needs), "{message}");
        assert_runs_on(&target);
    }
    assert_eq!(snapshots(&target), json!([]));
    true
}

#[test]
fn a_guest_goes_back_to_what_was_saved() {
    if is_refused() {
        return;
    }
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .disk(Format::Qcow2, "64M")
        .boot();
    let target = guest.target();
    guest.shell_ok("echo before > /data/note; echo in memory > /tmp/note; sync");
    let saved = run("snapshot-save", &target, &["--name", "clean"]).expect_code(0);
    assert_eq!(document(&saved)[0]["result"], "clean was saved on 2 disks");
    assert_runs_on(&target);

    guest.shell_ok("echo after > /data/note; echo gone > /tmp/note; echo more > /data2/more; sync");
    let refused = run("snapshot-load", &target, &["--name", "clean"]).expect_code(1);
    assert!(
        refused.stdout.contains("loses all that the guest wrote"),
        "{refused:#?}"
    );
    assert_eq!(guest.shell_ok("cat /data/note"), "after");
    run("snapshot-load", &target, &["--name", "clean", "--discard"]).expect_code(0);
    assert_runs_on(&target);
    assert_eq!(
        guest.shell_ok("cat /data/note /tmp/note; ls /data2/more 2>&1 | grep -c 'No such'"),
        "before\nin memory\n1"
    );

    let disks = json!(["virtio-disk0", "virtio-disk1"]);
    assert_eq!(snapshots(&target), json!([["clean", disks, true]]));
    run("snapshot-delete", &target, &["--name", "clean"]).expect_code(0);
    assert_eq!(snapshots(&target), json!([]));
}

#[test]
fn what_cannot_be_done_stops_no_guest() {
    if is_refused() {
        return;
    }
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    eval(&target, "v.qmp(\"cont\")");
    run(
        "snapshot-save",
        &target,
        &["--name", "one", "--disk", "disk-a"],
    )
    .expect_code(0);
    for (script, words, message) in [
        (
            "snapshot-save",
            ["--name", "two", "--disk", "disk-b"],
            "the image of disk-b is raw, and only qcow2",
        ),
        (
            "snapshot-save",
            ["--name", "two\tthree", "--disk", "disk-a"],
            "has a control character in it",
        ),
        (
            "snapshot-save",
            ["--name", &"n".repeat(256), "--disk", "disk-a"],
            "has at most 255 bytes, and not 256",
        ),
        (
            "snapshot-save",
            ["--name", "one", "--disk", "disk-a"],
            "there is an internal snapshot one already",
        ),
        (
            "snapshot-load",
            ["--discard", "--name=on", "--disk", "disk-a"],
            "there is no internal snapshot on; there are one",
        ),
        (
            "snapshot-delete",
            ["--name", "one", "--disk", "disk-b"],
            "disk-b has no internal snapshot one",
        ),
        (
            "snapshot-delete",
            ["--name", "on", "--disk", "disk-a"],
            "there is no internal snapshot on; there are one",
        ),
    ] {
        let outcome = run(script, &target, &words).expect_code(1);
        assert!(outcome.stdout.contains(message), "{outcome:#?}");
        assert_runs_on(&target);
    }
    let bitmap = "v.qmp(\"block-dirty-bitmap-add\", #{ node: \"a\", name: \"b0\" })";
    eval(&target, bitmap);
    let outcome = run(
        "snapshot-load",
        &target,
        &["--discard", "--name=one", "--disk", "disk-a"],
    )
    .expect_code(1);
    let message = "disk-a has bitmaps (b0), with which QEMU loads no snapshot";
    let hint = |outcome: &Outcome| document(outcome)[0]["error"]["hint"].clone();
    assert!(outcome.stdout.contains(message), "{outcome:#?}");
    let others = format!(
        "qmpsh qmp {target} block-dirty-bitmap-remove node=a name=b0 removes b0, if whoever made it needs it no more"
    );
    assert_eq!(hint(&outcome), others);
    assert_runs_on(&target);
    // Those of qmpsh's own go by a script, all at once: what is told does it.
    let backups = Folder::new();
    super::backup::back_up(
        &target,
        backups.path(),
        &["--quiesce", "no", "--disk", "disk-a"],
    );
    let load = ["--discard", "--name=one", "--disk", "disk-a"];
    let ours = format!(
        "qmpsh run backup-forget {target} --all removes those of qmpsh's backups, and the next backup is a full one then"
    );
    let told = hint(&run("snapshot-load", &target, &load).expect_code(1));
    assert_eq!(told, format!("{ours}; {others}"));
    run("backup-forget", &target, &["--all"]).expect_code(0);
    let words = [
        "qmp",
        &target,
        "block-dirty-bitmap-remove",
        "node=a",
        "name=b0",
    ];
    qmpsh(words).run().expect_code(0);
    run("snapshot-load", &target, &load).expect_code(0);
    assert_runs_on(&target);
    // On one disk of two: it does not load as a whole.
    assert_eq!(snapshots(&target), json!([["one", ["disk-a"], false]]));
}

#[test]
fn a_vm_that_is_paused_stays_so() {
    if is_refused() {
        return;
    }
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    for (script, words) in [
        ("snapshot-save", vec!["--name=a", "--disk=disk-a"]),
        (
            "snapshot-load",
            vec!["--name=a", "--disk=disk-a", "--discard"],
        ),
    ] {
        run(script, &target, &words).expect_code(0);
        assert_eq!(
            eval(&target, "v.qmp(\"query-status\").running"),
            json!(false)
        );
    }
}

#[test]
fn an_interrupted_save_leaves_neither_job_nor_snapshot() {
    if is_refused() {
        return;
    }
    let qemu = Qemu::bare()
        .image("a.qcow2", "16M")
        .args("-machine q35 -accel tcg -m 32")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2")
        .args("-device virtio-blk-pci,id=disk-a,drive=a")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    // The end comes when the job is seen to have begun, at whatever step it is then.
    let left = eval(
        &target,
        "import \"std/internal_snapshot\" as internal;
         let begun = v.watch(\"JOB_STATUS_CHANGE\");
         let stopped = false;
         try {
             parallel([true, false], #{ fail_fast: true }, |saves| {
                 if saves { internal::save(v, \"half\", #{}) } else { begun.wait(\"30s\"); fail(\"stop\") }
             });
         } catch { stopped = true }
         [stopped, internal::list(v).len(), v.qmp(\"query-jobs\").len()]",
    );
    assert_eq!(left, json!([true, 0, 0]));
    assert_runs_on(&target);
}
