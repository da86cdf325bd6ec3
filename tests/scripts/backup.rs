//! `backup` and what is made of its backups, on a real guest: what was written before each of them is in what is restored,
//! and nothing else.

use std::path::Path;

use harness::{Folder, Format, Guest, Outcome};
use serde_json::{Value, json};

use super::snapshot::{boot_from, succeeds};
use super::{document, qmpsh};

/// Backs the VM up into the folder, and gives its row.
#[track_caller]
pub(super) fn back_up(target: &str, to: &Path, options: &[&str]) -> Value {
    let outcome = begin(target, to, options).run().expect_code(0);
    document(&outcome)[0].clone()
}

/// The command that does.
pub(super) fn begin(target: &str, to: &Path, options: &[&str]) -> harness::Qmpsh {
    qmpsh(["--json", "run", "backup", target, "--to"])
        .arg(to)
        .args(options)
}

/// Restores a VM's folder of backups.
#[track_caller]
pub(super) fn restore(folder: &Path, to: &Path, options: &[&str]) -> Outcome {
    qmpsh(["run", "backup-restore"])
        .arg(folder)
        .arg("--to")
        .arg(to)
        .args(options)
        .run()
}

/// Asserts that two images show a guest the same.
#[track_caller]
pub(super) fn assert_same(image: &Path, other: &Path) {
    let format = |image: &Path| image.extension().unwrap().to_str().unwrap().to_owned();
    let (one, two) = (image.to_str().unwrap(), other.to_str().unwrap());
    succeeds(
        "qemu-img",
        &[
            "compare",
            "-U",
            "-f",
            &format(image),
            "-F",
            &format(other),
            one,
            two,
        ],
    );
}

#[test]
fn what_was_written_before_a_backup_is_in_it_and_what_came_later_is_not() {
    let folder = Folder::new();
    let to = folder.join("to");
    let mut guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .disk(Format::Raw, "64M")
        .arg("-name")
        .arg("web01")
        .boot();
    let make = |name: &str| {
        guest.shell_ok(&format!(
            "for at in /data /data2; do head -c 3000000 /dev/urandom > $at/{name}; done; sync"
        ));
    };
    let sums = |guest: &Guest, names: &str| {
        guest.shell_ok(&format!(
            "cd /data && sha256sum {names} && cd /data2 && sha256sum {names}"
        ))
    };
    make("one");
    make("gone");
    let first_sums = sums(&guest, "one gone");
    let first = back_up(&guest.target(), &to, &[]);
    assert!(!guest.is_frozen());
    // How long it was frozen is told once, at the end of the freeze.
    assert!(!first["result"].as_str().unwrap().contains("frozen"));
    assert_eq!(
        (
            &first["level"],
            &first["consistency"],
            &first["file_systems"]
        ),
        (&json!("full"), &json!("guest-quiesced"), &json!(2))
    );

    // What is thrown away shows as zeros, which must hide what the parent has there.
    guest.shell_ok("rm /data/gone /data2/gone; sync; fstrim /data; fstrim /data2");
    make("two");
    let second_sums = sums(&guest, "one two");
    let second = back_up(
        &guest.target(),
        &to,
        &["--level", "inc", "--compress", "zlib"],
    );
    assert_eq!(second["level"], "inc");
    for disk in second["disks"].as_array().unwrap() {
        assert_eq!(disk["parent"], first["point"]);
        let bytes = disk["bytes"].as_u64().unwrap();
        assert!((3_000_000..6_000_000).contains(&bytes), "{disk}");
    }
    make("three");
    guest.shell_ok("umount /data /data2");
    let third = back_up(&guest.target(), &to, &["--quiesce", "no"]);
    assert_eq!(
        (&third["level"], &third["consistency"]),
        (&json!("inc"), &json!("crash-consistent"))
    );
    guest.process().kill();

    let of_vm = to.join("web01");
    restore(&of_vm, &folder.join("third"), &["--format", "raw"]).expect_code(0);
    for number in 0..2 {
        let image = folder.join(format!("third/virtio-disk{number}.raw"));
        assert_same(&image, guest.disk(number));
    }
    // (the point, what it holds, what it does not)
    for (point, names, others, sums_then) in [
        (&first, "one gone", "two three", &first_sums),
        (&second, "one two", "gone three", &second_sums),
    ] {
        let name = point["point"].as_str().unwrap();
        let to = folder.join(name);
        restore(&of_vm, &to, &["--until", name]).expect_code(0);
        let images = [to.join("virtio-disk0.qcow2"), to.join("virtio-disk1.qcow2")];
        let again = boot_from(&[&images[0], &images[1]]);
        assert_eq!(&sums(&again, names), sums_then);
        again.shell_ok(&format!("cd /data && ! ls {others} 2>/dev/null | grep ."));
    }

    std::fs::create_dir(folder.join("scratch")).unwrap();
    let verify = qmpsh(["--json", "run", "backup-verify"])
        .arg(&of_vm)
        .arg("--copy")
        .arg(folder.join("scratch"))
        .run()
        .expect_code(0);
    let rows = document(&verify);
    assert_eq!(rows.as_array().unwrap().len(), 3 * 2 + 2, "{rows}");
    assert_eq!(
        std::fs::read_dir(folder.join("scratch")).unwrap().count(),
        0
    );
}

#[test]
fn while_the_guest_is_frozen_there_is_the_transaction_and_nothing_else() {
    let guest = Guest::boot();
    let folder = Folder::new();
    let outcome = qmpsh(["-v", "run", "backup", &guest.target(), "--to"])
        .arg(folder.path())
        .run()
        .expect_code(0);
    let sent: Vec<Value> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("-> "))
        .filter_map(|line| line.split_once(": "))
        .map(|(_, message)| serde_json::from_str(message).unwrap())
        .collect();
    let is = |message: &Value, command: &str| message["execute"] == command;
    let frozen = sent
        .iter()
        .position(|message| is(message, "guest-fsfreeze-freeze"))
        .unwrap();
    let window = [
        "guest-fsfreeze-freeze",
        "transaction",
        "guest-fsfreeze-thaw",
        "guest-fsfreeze-status",
    ];
    for (message, command) in sent[frozen..].iter().zip(window) {
        assert!(is(message, command), "{message}");
    }
    let kinds: Vec<&str> = sent[frozen + 1]["arguments"]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["type"].as_str().unwrap())
        .collect();
    let of_disk = [
        "block-dirty-bitmap-add",
        "block-dirty-bitmap-add",
        "block-dirty-bitmap-merge",
        "blockdev-backup",
    ];
    assert_eq!(kinds, [of_disk, of_disk].concat());
    assert_eq!(
        sent.iter()
            .filter(|message| is(message, "transaction"))
            .count(),
        1
    );
}

#[test]
fn a_manifest_tells_of_the_machine_and_nobody_else_can_read_the_images() {
    use std::os::unix::fs::PermissionsExt;

    let guest = super::lent::lent();
    let folder = Folder::new();
    let row = back_up(&guest.target(), folder.path(), &[]);
    let place = folder.join("web01").join(row["point"].as_str().unwrap());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["vm"], "web01");
    assert_eq!(manifest["machine"]["processors"], 2);
    assert_eq!(manifest["machine"]["memory"], 192 << 20);
    let devices = &manifest["machine"]["devices"];
    let disk = json!({ "id": "virtio-disk0", "driver": "virtio-blk-pci" });
    assert!(devices.as_array().unwrap().contains(&disk), "{devices}");
    assert!(manifest["frozen_ms"].as_u64().unwrap() > 0);
    for disk in manifest["disks"].as_array().unwrap() {
        let file = place.join(disk["file"].as_str().unwrap());
        let sum = succeeds("sha256sum", &[file.to_str().unwrap()]);
        assert_eq!(disk["sha256"], sum.split(' ').next().unwrap());
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
