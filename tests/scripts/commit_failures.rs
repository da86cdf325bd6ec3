//! `snapshot-commit` when it must not, or cannot: no file is removed that anybody needs, and a commit that is cut off leaves
//! the chain that was.

use std::path::{Path, PathBuf};

use harness::{Format, Guest, Proxy, Qemu, Running, Signal};
use serde_json::json;

use super::backup_faults::Mount;
use super::commit::snapshot;
use super::snapshot::{boot_from, succeeds};
use super::{State, eval, files, machine, nodes, qmpsh};

/// Starts a commit that takes minutes, and waits until it is under way.
pub(super) fn start(target: &str) -> Running {
    let running = qmpsh(["-v", "run", "snapshot-commit", target, "--speed", "64K"]).spawn();
    running.wait_for_stderr("\"type\":\"commit\"");
    running
}

/// A guest with a disk, an overlay on it, and a file of some megabytes in that; and the file's checksum.
pub(super) fn guest() -> (Guest, PathBuf, String) {
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let [overlay] = snapshot(&guest.target(), &[]).try_into().unwrap();
    let sum = guest.shell_ok("head -c 9000000 /dev/urandom >/data/a; sync; sha256sum /data/a");
    (guest, overlay, sum)
}

pub(super) const READ_AGAIN: &str = "echo 3 >/proc/sys/vm/drop_caches; sha256sum /data/a";

#[test]
fn an_interrupted_commit_leaves_the_chain_that_was() {
    let (guest, _, sum) = guest();
    let target = guest.target();
    let before = State::of_guest(&guest);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = start(&target);
        running.signal(signal);
        let outcome = running.wait().expect_code(code);
        assert!(!outcome.stderr.contains("left behind"), "{outcome:#?}");
        assert_eq!(State::of_guest(&guest), before);
        assert_eq!(eval(&target, "v.qmp(\"query-jobs\")"), json!([]));
        assert_eq!(guest.shell_ok(READ_AGAIN), sum);
    }
    qmpsh(["run", "snapshot-commit", &target])
        .run()
        .expect_code(0);
    assert_eq!(guest.shell_ok(READ_AGAIN), sum);
}

#[test]
fn a_vm_killed_in_mid_commit_keeps_all_its_images() {
    let (mut guest, overlay, sum) = guest();
    let before = State::of_guest(&guest);
    let running = start(&guest.target());
    guest.process().kill();
    let outcome = running.wait().expect_code(3);
    assert!(!outcome.stderr.contains("left behind"), "{outcome:#?}");
    assert!(before.files.iter().all(|file| file.exists()));
    let again = boot_from(&[&overlay]);
    assert_eq!(again.shell_ok(READ_AGAIN), sum);
    qmpsh(["run", "snapshot-commit", &again.target()])
        .run()
        .expect_code(0);
    assert!(!overlay.exists());
    assert_eq!(again.shell_ok(READ_AGAIN), sum);
}

#[test]
fn what_a_cut_off_commit_leaves_is_marked_and_no_revert_stands_on_it() {
    let (mut guest, overlay, sum) = guest();
    let target = guest.target();
    let base = guest.disk(0).to_owned();
    let mark = guest.folder().join("disk0.qcow2.qmpsh-merging");
    assert_eq!(mark.parent(), base.parent());
    let revert = || qmpsh(["run", "snapshot-revert", overlay.to_str().unwrap()]).run();
    let running = start(&target);
    assert!(mark.exists(), "before the job");
    running.signal(Signal::INT);
    let outcome = running.wait().expect_code(130);
    for part in ["nothing is lost as long as", base.to_str().unwrap()] {
        assert!(outcome.stderr.contains(part), "{outcome:#?}");
    }
    guest.process().kill();
    let outcome = revert().expect_code(1);
    for part in [
        base.to_str().unwrap(),
        "is no state of its own",
        "run snapshot-commit again",
    ] {
        assert!(outcome.stderr.contains(part), "{outcome:#?}");
    }
    let again = boot_from(&[&overlay]);
    qmpsh(["run", "snapshot-commit", &again.target(), "--keep"])
        .run()
        .expect_code(0);
    assert!(!mark.exists());
    assert_eq!(again.shell_ok(READ_AGAIN), sum);
    drop(again);
    revert().expect_code(0);
    assert_eq!(boot_from(&[&overlay]).shell_ok(READ_AGAIN), sum);
}

/// Fails with these words, and leaves all as it was.
#[track_caller]
pub(super) fn refuses(qemu: &Qemu, options: &[&str], words: &[&str]) {
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    let outcome = qmpsh(["run", "snapshot-commit", qemu.qmp().to_str().unwrap()])
        .args(options)
        .run();
    assert!(matches!(outcome.code, Some(1 | 4)), "{outcome:#?}");
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    for word in words {
        assert!(told.contains(word), "{word}: {outcome:#?}");
    }
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
}

pub(super) fn create(image: &Path, below: &Path) {
    let (image, below) = (image.to_str().unwrap(), below.to_str().unwrap());
    let words = [
        "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", below, image,
    ];
    succeeds("qemu-img", &words);
}

/// A QEMU of which this image is the disk.
pub(super) fn other(image: &Path) -> Qemu {
    Qemu::bare()
        .args("-machine q35 -accel tcg -m 32 -S")
        .args(&format!(
            "-blockdev qcow2,node-name=o,file.driver=file,file.filename={} -device virtio-blk-pci,drive=o",
            image.display()
        ))
        .start()
}

#[test]
fn an_image_that_others_use_is_not_changed() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let base = qemu.folder().join("a.qcow2");
    refuses(&qemu, &[], &["no disk has an overlay of a snapshot on top"]);
    refuses(&qemu, &["--disk", "disk-a"], &["nothing lies below"]);
    snapshot(&target, &["--quiesce", "no", "--disk", "disk-a"]);

    // A node of the same VM.
    let script = "with v.targets(\"qmpsh-work\", [#{ file: args[1] + \"/o.qcow2\", size: 16777216, over: \"a\" }]) as targets {
        v.qmp.blockdev_add(#{ driver: \"throttle\", \"node-name\": \"t\", file: \"a\", \"throttle-group\": \"g\" });
    }";
    eval(
        &target,
        "v.qmp(\"object-add\", #{ \"qom-type\": \"throttle-group\", id: \"g\" })",
    );
    let made = qmpsh(["eval", &format!("let v = vm(args[0]); {script}"), &target])
        .arg(qemu.folder().path())
        .run()
        .expect_code(0);
    refuses(
        &qemu,
        &[],
        &[
            "which the throttle on top of it (node `t`) needs too",
            "nothing was changed",
        ],
    );
    eval(
        &target,
        "v.qmp(\"blockdev-del\", #{ \"node-name\": \"t\" })",
    );
    drop(made);

    // A job of somebody else's, for which QEMU makes up nodes.
    for (command, kind) in [("blockdev-backup", "backup"), ("blockdev-mirror", "mirror")] {
        let begin = format!(
            "let top = v.disks().find(|disk| disk.qdev.contains(\"disk-a\")).node;
            v.qmp(\"blockdev-add\", #{{ driver: \"null-co\", \"node-name\": \"nowhere\", size: 16777216 }});
            v.qmp(\"{command}\", #{{ \"job-id\": \"nightly\", device: top, target: \"nowhere\", sync: \"full\", speed: 1 }});"
        );
        eval(&target, &begin);
        let words = [
            &format!("the job `nightly` ({kind}) needs too") as &str,
            ".qcow2`",
        ];
        for options in [&[][..], &["--disk", "disk-a"]] {
            refuses(&qemu, options, &words);
        }
        eval(
            &target,
            "v.qmp(\"block-job-cancel\", #{ device: \"nightly\", force: true });
            while v.qmp(\"query-jobs\").len() > 0 { sleep(\"20ms\"); }
            v.qmp(\"blockdev-del\", #{ \"node-name\": \"nowhere\" })",
        );
    }

    // A VM that is shut off, then one that runs.
    let over = qemu.folder().join("clone.qcow2");
    create(&over, &base);
    refuses(&qemu, &[], &["clone.qcow2", "on top of it needs too"]);
    let elsewhere = harness::Folder::new();
    let moved = elsewhere.join("clone.qcow2");
    std::fs::remove_file(&over).unwrap();
    create(&moved, &base);
    let running = other(&moved);
    let process = format!("process {} (", running.pid());
    refuses(&qemu, &[], &[&process, "nothing was changed"]);
    drop(running);
    qmpsh(["run", "snapshot-commit", &target])
        .run()
        .expect_code(0);
    assert!(
        nodes(&qemu.qmp())
            .iter()
            .all(|node| !node.starts_with("qmpsh"))
    );
}

#[test]
fn an_overlay_in_a_folder_that_cannot_be_written_to_is_not_merged() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let overlays = harness::Folder::new();
    let dir = overlays.path().to_str().unwrap();
    let options = ["--quiesce", "no", "--disk", "disk-a", "--dir", dir];
    snapshot(&target, &options);
    let read_only = Mount::read_only(overlays.path());
    let words = [
        "could not be removed after a commit",
        &format!("`{dir}`: Read-only file system"),
        "nothing was changed",
    ];
    refuses(&qemu, &[], &words);
    assert_eq!(files(overlays.path(), "").len(), 1);
    assert_eq!(files(qemu.folder().path(), ".qmpsh-merging").len(), 0);
    drop(read_only);
    // Nor is one whose base can get no mark.
    let read_only = Mount::read_only(qemu.folder().path());
    refuses(&qemu, &[], &["cannot be marked", "Read-only file system"]);
    drop(read_only);
    qmpsh(["run", "snapshot-commit", &target])
        .run()
        .expect_code(0);
    assert_eq!(files(overlays.path(), "").len(), 0);
}

#[test]
fn an_image_that_no_snapshot_made_is_merged_only_into_one_that_is_named() {
    let folder = harness::Folder::new();
    let (template, disk) = (folder.join("template.qcow2"), folder.join("web01.qcow2"));
    succeeds(
        "qemu-img",
        &[
            "create",
            "-q",
            "-f",
            "qcow2",
            template.to_str().unwrap(),
            "8M",
        ],
    );
    create(&disk, &template);
    let qemu = other(&disk);
    let target = qemu.qmp().to_str().unwrap().to_owned();
    for options in [&[][..], &["--all"], &["--disk", "o"]] {
        refuses(
            &qemu,
            options,
            &["name the image that it is merged into with base"],
        );
    }
    refuses(
        &qemu,
        &["--base", "nowhere"],
        &["no disk has nowhere in its chain"],
    );
    assert!(disk.exists());
    qmpsh([
        "run",
        "snapshot-commit",
        &target,
        "--base",
        "template.qcow2",
    ])
    .run()
    .expect_code(0);
    assert!(!disk.exists() && template.exists());
}

#[test]
fn a_file_that_somebody_opens_in_the_meantime_is_left() {
    let (guest, overlay, _) = guest();
    let open = std::fs::File::open(&overlay).unwrap();
    let outcome = qmpsh(["run", "snapshot-commit", &guest.target()]).run();
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(
        outcome
            .stdout
            .contains(&format!("process {} (", std::process::id())),
        "{outcome:#?}"
    );
    drop(open);
    let script = "let rest = (); with v.commit(#{ node: v.disks()[0].node, top: v.disks()[0].node, base: \"disk0\" }) as commit {
            commit.wait();
            host.write_text(args[1] + \".copy\", \"\");
            host.rename(args[1] + \".copy\", args[1]);
            rest = commit.remove();
        } rest";
    let outcome = qmpsh([
        "--json",
        "eval",
        "--allow-write",
        guest.folder().path().to_str().unwrap(),
    ])
    .arg(format!("let v = vm(args[0]); {script}"))
    .arg(guest.target())
    .arg(&overlay)
    .run()
    .expect_code(0);
    assert!(
        outcome.stdout.contains("another file has its name now"),
        "{outcome:#?}"
    );
    assert!(overlay.exists());
}

#[test]
fn a_commit_cut_off_at_its_last_step_is_seen_to_its_end() {
    let (guest, overlay, sum) = guest();
    let proxy = Proxy::before(guest.qmp());
    let target = proxy.socket().to_str().unwrap().to_owned();
    // Behind another program's socket, no QEMU is seen that has the files.
    let outcome = qmpsh(["run", "snapshot-commit", &target])
        .run()
        .expect_code(1);
    for part in ["could not be removed after a commit", "nothing was changed"] {
        assert!(outcome.stdout.contains(part), "{outcome:#?}");
    }
    assert!(outcome.stderr.contains("with `keep`"), "{outcome:#?}");

    let hold = proxy.hold_reply("job-complete");
    let running = qmpsh(["-v", "run", "snapshot-commit", &target, "--keep"]).spawn();
    hold.wait();
    running.wait_for_stderr("disk0.qcow2 gets no mark while others are merged into it");
    running.signal(Signal::INT);
    running.wait_for_stderr("\"execute\":\"job-cancel\"");
    hold.forward();
    let outcome = running.wait().expect_code(130);
    assert!(!outcome.stderr.contains("left behind"), "{outcome:#?}");
    let mark = guest.folder().join("disk0.qcow2.qmpsh-merging");
    assert!(!mark.exists());
    drop(proxy);
    assert_eq!(nodes(&guest.qmp()), ["disk0", "disk0-file"]);
    assert_eq!(eval(&guest.target(), "v.qmp(\"query-jobs\")"), json!([]));
    assert!(overlay.exists());
    assert_eq!(guest.shell_ok(READ_AGAIN), sum);
}
