//! `freeze-snapshot-thaw` when all goes well: what is written before and after lies where it should, and the window
//! holds nothing but the snapshot.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Folder, Format, Guest};
use serde_json::json;

use super::{document, files, image_info, qmpsh};

/// A guest with a qcow2 disk, a raw one, and one that it cannot write to, whose image is in the folder.
fn guest(folder: &Folder) -> Guest {
    let read_only = folder.join("ro.raw");
    std::fs::write(&read_only, vec![0; 1 << 20]).unwrap();
    Guest::builder()
        .disk(Format::Qcow2, "64M")
        .disk(Format::Raw, "64M")
        .arg("-blockdev")
        .arg(format!(
            "raw,node-name=ro,read-only=on,file.driver=file,file.filename={}",
            read_only.display()
        ))
        .arg("-device")
        .arg("virtio-blk-pci,id=virtio-ro,drive=ro")
        .boot()
}

/// A guest of which the disks are these images.
pub(super) fn boot_from(images: &[&Path]) -> Guest {
    let mut builder = Guest::builder();
    for (number, image) in images.iter().enumerate() {
        let file = format!(
            "qcow2,node-name=disk{number},file.driver=file,file.filename={}",
            image.display()
        );
        for argument in [
            "-blockdev",
            &file,
            "-device",
            &format!("virtio-blk-pci,drive=disk{number}"),
        ] {
            builder = builder.arg(argument);
        }
    }
    builder.boot()
}

/// The output of a program that has to succeed.
#[track_caller]
pub(super) fn succeeds(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_snapshot_keeps_what_was_and_the_overlays_take_what_comes() {
    let folder = Folder::new();
    let mut guest = guest(&folder);
    guest.shell_ok("echo before > /data/one; echo before > /data2/one");

    // Two snapshots, so that the second is one of a snapshot.
    let first = qmpsh(["run", "freeze-snapshot-thaw", &guest.target()])
        .run()
        .expect_code(0);
    assert!(!guest.is_frozen());
    let overlays = files(guest.folder().path(), "Z.qcow2");
    let [over0, over1] = overlays.as_slice() else {
        panic!("{overlays:?}, {first:#?}");
    };
    let lines: Vec<&str> = first.stdout.lines().collect();
    for (line, (number, overlay)) in lines.iter().zip(overlays.iter().enumerate()) {
        let start = format!(
            "virtio-disk{number}: new overlay {} (node qmpsh-",
            overlay.display()
        );
        assert!(line.starts_with(&start), "{first:#?}");
    }
    let [_, _, time] = lines.as_slice() else {
        panic!("{first:#?}");
    };
    let time = time
        .strip_prefix("2 file systems were frozen for ")
        .and_then(|rest| rest.strip_suffix(" ms"));
    assert!(
        time.is_some_and(|ms| ms.parse::<u64>().is_ok_and(|ms| ms > 0)),
        "{first:#?}"
    );
    for (number, format) in [(0, "qcow2"), (1, "raw")] {
        let info = image_info(&overlays[number]);
        assert_eq!(info["backing-filename"], json!(guest.disk(number)));
        assert_eq!(info["backing-filename-format"], format);
    }

    guest.shell_ok("echo between > /data/two; echo between > /data2/two; sync");
    let before_second = [guest.disk(0), guest.disk(1)].map(|base| std::fs::read(base).unwrap());
    let second = qmpsh(["--json", "run", "freeze-snapshot-thaw", &guest.target()])
        .run()
        .expect_code(0);
    let second = document(&second);
    assert_eq!(
        (&second["quiesced"], &second["frozen"]),
        (&json!(true), &json!(2))
    );
    let top = |number: usize| PathBuf::from(second["disks"][number]["file"].as_str().unwrap());
    assert_eq!(second["disks"][1]["disk"], "virtio-disk1");
    assert_eq!(image_info(&top(0))["full-backing-filename"], json!(over0));
    assert_eq!(image_info(&top(1))["full-backing-filename"], json!(over1));

    guest.shell_ok("echo after > /data/three; echo after > /data2/three; sync");
    guest.process().kill();
    assert_eq!(
        before_second,
        [guest.disk(0), guest.disk(1)].map(|base| std::fs::read(base).unwrap()),
        "what lies below an overlay stands still"
    );

    // Each image is whole, and each layer is a file system that was at rest: nothing is left in its journal.
    for (image, seen) in [
        (guest.disk(0), "one"),
        (guest.disk(1), "one"),
        (over0.as_path(), "one two"),
        (over1.as_path(), "one two"),
    ] {
        let flat = folder.join("flat");
        let (image, flat) = (image.to_str().unwrap(), flat.to_str().unwrap());
        if image.ends_with("qcow2") {
            succeeds("qemu-img", &["check", "-q", image]);
        }
        succeeds("qemu-img", &["convert", "-O", "raw", image, flat]);
        succeeds("e2fsck", &["-fn", flat]);
        let features = succeeds("dumpe2fs", &["-h", flat]);
        assert!(!features.contains("needs_recovery"), "{image}: {features}");
        let listed = succeeds("debugfs", &["-R", "ls -p /", flat]);
        let names: Vec<&str> = listed
            .lines()
            .filter_map(|line| line.split('/').nth(5))
            .filter(|name| ["one", "two", "three"].contains(name))
            .collect();
        assert_eq!(names.join(" "), seen, "{image}");
    }

    let again = boot_from(&[&top(0), &top(1)]);
    for mount in ["/data", "/data2"] {
        assert_eq!(
            again.shell_ok(&format!("cat {mount}/one {mount}/two {mount}/three")),
            "before\nbetween\nafter"
        );
    }
}

#[test]
fn while_the_guest_is_frozen_there_is_the_transaction_and_nothing_else() {
    let guest = Guest::boot();
    let outcome = qmpsh(["-v", "run", "freeze-snapshot-thaw", &guest.target()])
        .run()
        .expect_code(0);
    let sent: Vec<String> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("-> "))
        .filter_map(|line| line.split_once(": "))
        .map(|(_, message)| serde_json::from_str::<serde_json::Value>(message).unwrap())
        .map(|message| message["execute"].as_str().unwrap().to_owned())
        .collect();
    let frozen = sent
        .iter()
        .position(|command| command == "guest-fsfreeze-freeze")
        .unwrap();
    let (before, from) = sent.split_at(frozen);
    assert_eq!(
        from,
        [
            "guest-fsfreeze-freeze",
            "transaction",
            "guest-fsfreeze-thaw",
            "guest-fsfreeze-status"
        ]
    );
    // Each overlay is made of a file and a qcow2 in it, and opened as two nodes; a probe looks whether its file is there.
    for (command, times) in [
        ("blockdev-create", 4),
        ("blockdev-add", 6),
        ("transaction", 0),
    ] {
        assert_eq!(
            before.iter().filter(|sent| *sent == command).count(),
            times,
            "{command}: {sent:?}"
        );
    }
}

#[test]
fn its_help_tells_what_it_takes() {
    let outcome = qmpsh(["run", "freeze-snapshot-thaw", "--help"])
        .run()
        .expect_code(0);
    for part in [
        "Freeze the guest, snapshot its disks at one moment, thaw",
        "<VM>",
        "--disk <TEXT>",
        "--dir <PATH>",
        "[one of: require, prefer, no] [default: require]",
        "--max <TIME>",
        "[default: 60s]",
    ] {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
    qmpsh(["run", "freeze-snapshot-thaw"]).run().expect_code(2);
    qmpsh(["run", "freeze-snapshot-thaw", "/x", "--quiesce", "maybe"])
        .run()
        .expect_code(2);
}
