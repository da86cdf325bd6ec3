//! `snapshot-revert`: a VM that was shut off goes back to a snapshot, and what it was is kept; and what it refuses.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use harness::{Folder, Guest, Signal};

use super::commit::snapshot;
use super::snapshot::{boot_from, succeeds};
use super::{document, eval, files, qmpsh};

#[track_caller]
fn revert(words: &[&str]) -> Vec<PathBuf> {
    let outcome = qmpsh(["--json", "run", "snapshot-revert"])
        .args(words.iter().copied())
        .run();
    let rows = document(&outcome.expect_code(0));
    let kept = rows.as_array().unwrap().iter();
    kept.map(|row| row["kept"].as_str().unwrap().into())
        .collect()
}

#[test]
fn a_vm_goes_back_to_a_snapshot_and_forward_again() {
    let mut guest = Guest::boot();
    let target = guest.target();
    guest.shell_ok("echo one >/data/note; echo one >/data2/note");
    snapshot(&target, &[]);
    guest.shell_ok("echo two >/data/note; echo two >/data2/note");
    let tops = snapshot(&target, &[]);
    guest.shell_ok("echo three >/data/note; echo three >/data2/note; sync");
    let notes = "cat /data/note /data2/note";

    // While it runs, and while it is paused, all is refused.
    let words: Vec<&str> = tops.iter().map(|top| top.to_str().unwrap()).collect();
    for state in ["running", "paused"] {
        if state == "paused" {
            eval(&target, "v.qmp(\"stop\")");
        }
        let before = files(guest.folder().path(), "");
        let outcome = qmpsh(["run", "snapshot-revert"])
            .args(words.iter().copied())
            .run();
        assert_eq!(outcome.code, Some(1), "{outcome:#?}");
        let process = format!("is used by process {} (", guest.pid());
        assert!(outcome.stderr.contains(&process), "{outcome:#?}");
        assert!(outcome.stderr.contains("shut the VM off"), "{outcome:#?}");
        assert_eq!(files(guest.folder().path(), ""), before);
    }
    guest.process().kill();

    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&tops[0], mode).unwrap();
    let kept = revert(&words);
    let data = std::fs::metadata(&tops[0]).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o640);
    let tops: Vec<_> = tops.iter().map(PathBuf::as_path).collect();
    let back = boot_from(&tops);
    assert_eq!(back.shell_ok(notes), "two\ntwo");
    back.shell_ok("echo four >/data/note; sync");
    drop(back);

    // Nothing was lost: the kept ones are what the disks were.
    let kept: Vec<_> = kept.iter().map(PathBuf::as_path).collect();
    for image in kept.iter().chain(&tops) {
        succeeds(
            "qemu-img",
            &["check", "-q", "-f", "qcow2", image.to_str().unwrap()],
        );
    }
    assert_eq!(boot_from(&kept).shell_ok(notes), "three\nthree");

    // Farther back, for one disk.
    let base = guest.disk(0).to_str().unwrap();
    revert(&[tops[0].to_str().unwrap(), "--to", base]);
    assert_eq!(boot_from(&tops).shell_ok(notes), "one\ntwo");
}

#[test]
fn what_would_spoil_an_image_is_refused() {
    let folder = Folder::new();
    let image = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (base, middle, top) = (image("base"), image("middle"), image("top"));
    succeeds("qemu-img", &["create", "-q", "-f", "raw", &base, "8M"]);
    for (image, format, below) in [(&middle, "raw", &base), (&top, "qcow2", &middle)] {
        let words = [
            "create", "-q", "-f", "qcow2", "-F", format, "-b", below, image,
        ];
        succeeds("qemu-img", &words);
    }
    let secret = image("secret");
    let options = "encrypt.format=aes,encrypt.key-secret=s";
    let words = [
        "create",
        "-q",
        "--object",
        "secret,id=s,data=x",
        "-f",
        "qcow2",
        "-o",
        options,
    ];
    let words = [&words[..], &["-F", "qcow2", "-b", &middle, &secret]].concat();
    succeeds("qemu-img", &words);
    let outcome = qmpsh(["run", "snapshot-revert", &secret])
        .run()
        .expect_code(1);
    assert!(outcome.stderr.contains("is encrypted"), "{outcome:#?}");
    std::fs::remove_file(&secret).unwrap();
    let link = image("link");
    std::os::unix::fs::symlink(&top, &link).unwrap();
    let elsewhere = Folder::new();
    let away = elsewhere.join("away").to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(&top, &away).unwrap();
    // What others call so is not ours.
    let mine = image("top.unfinished");
    std::fs::write(&mine, "mine").unwrap();
    let old = image("old.qed");
    let words = ["create", "-q", "-f", "qed", "-F", "raw", "-b", &base, &old];
    succeeds("qemu-img", &words);
    // What is no image, and what is none any more.
    let (empty, cut, pipe) = (image("empty"), image("cut"), image("pipe"));
    std::fs::write(&empty, "").unwrap();
    let header = std::fs::read(&top).unwrap();
    std::fs::write(&cut, &header[..104]).unwrap();
    succeeds("mkfifo", &[&pipe]);
    let alone = image("alone");
    succeeds("qemu-img", &["create", "-q", "-f", "qcow2", &alone, "8M"]);
    let before = files(folder.path(), "");
    for (words, message) in [
        (
            vec![&base],
            "is no qcow2 image, but raw or of another format",
        ),
        (vec![&base], "there is no snapshot below it to go back to"),
        (vec![&empty], "is no qcow2 image, but raw"),
        (vec![&alone], "alone stands on no other image"),
        (vec![&cut], "ends within its header"),
        (vec![&pipe], "it is no file and no disk"),
        (vec![&middle], "on top of it"),
        (vec![&top, &top], "is named twice"),
        (vec![&top, &link], "is named twice"),
        (vec![&away], "is a link to an image in another folder"),
        (vec![&away], &top),
        (vec![&old], "is no qcow2"),
        (vec![&top, &base], "stands on no other image"),
        (vec![&image("gone")], "No such file"),
    ] {
        let words = words.iter().map(|word| word.as_str());
        let outcome = qmpsh(["run", "snapshot-revert"]).args(words).run();
        assert_eq!(outcome.code, Some(1), "{outcome:#?}");
        assert!(outcome.stderr.contains(message), "{message}: {outcome:#?}");
        assert_eq!(files(folder.path(), ""), before);
    }
    let outcome = qmpsh(["run", "snapshot-revert", &top, "--to", "elsewhere"]).run();
    assert!(outcome.stderr.contains("does not stand on"), "{outcome:#?}");
    assert_eq!(files(folder.path(), ""), before);

    // Two names of one file, which have no other in common.
    let twin = image("twin");
    std::fs::hard_link(&top, &twin).unwrap();
    let outcome = qmpsh(["run", "snapshot-revert", &top, &twin]).run();
    assert!(
        outcome
            .stderr
            .contains(&format!("is named twice, as {top} too")),
        "{outcome:#?}"
    );
    std::fs::remove_file(&twin).unwrap();
    for made in [&empty, &cut, &pipe, &alone] {
        std::fs::remove_file(made).unwrap();
    }
    std::fs::remove_file(&old).unwrap();
    assert_eq!(files(folder.path(), "").len(), before.len() - 5);

    // The name of a link stays one of the image's.
    revert(&[&link, "--to", &base]);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let info = super::image_info(link.as_ref());
    assert_eq!(info["full-backing-filename"], base.as_str());
    assert_eq!(info["backing-filename-format"], "raw");
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    assert_eq!(files(folder.path(), ".unfinished"), [PathBuf::from(&mine)]);

    // One below which nothing is any more.
    std::fs::remove_file(&base).unwrap();
    let outcome = qmpsh(["run", "snapshot-revert", &top]).run();
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.stderr.contains(&base), "{outcome:#?}");
}

#[test]
fn what_fails_or_is_stopped_halfway_leaves_the_image_and_nothing_else() {
    let folder = Folder::new();
    let image = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (base, top) = (image("base"), image("top"));
    succeeds("qemu-img", &["create", "-q", "-f", "qcow2", &base, "8M"]);
    let words = [
        "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", &base, &top,
    ];
    succeeds("qemu-img", &words);
    let before = std::fs::read(&top).unwrap();
    // One that makes its image, and then fails as on a full disk, or does not come to its end.
    let bin = Folder::new();
    let tool = bin.join("qemu-img");
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    let after = |end: &str| {
        let text = format!("#!/bin/sh\n/usr/bin/qemu-img \"$@\" || exit\n{end}\n");
        std::fs::write(&tool, text).unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        qmpsh(["run", "snapshot-revert", &top]).env("PATH", &path)
    };
    let outcome = after("echo No space left >&2; exit 1").run();
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stderr.contains("No space left"), "{outcome:#?}");
    assert!(!outcome.stderr.contains("and then"), "{outcome:#?}");
    assert_eq!(std::fs::read(&top).unwrap(), before);
    assert_eq!(files(folder.path(), "").len(), 2, "{outcome:#?}");

    let made = bin.join("made");
    succeeds("mkfifo", &[made.to_str().unwrap()]);
    let running = after(&format!("echo > {}; exec sleep 600", made.display())).spawn();
    std::fs::read(&made).unwrap();
    assert_eq!(files(folder.path(), ".unfinished").len(), 1);
    running.signal(Signal::TERM);
    let outcome = running.wait().expect_code(143);
    assert!(!outcome.stderr.contains("and then"), "{outcome:#?}");
    assert_eq!(std::fs::read(&top).unwrap(), before);
    assert_eq!(files(folder.path(), "").len(), 2, "{outcome:#?}");
}
