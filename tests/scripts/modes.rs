//! Every ready-made script can be tried with `--dry-run`, which changes nothing and shows what would be; and `--read-only`
//! refuses it, unless it only reads.

use std::path::Path;

use harness::{Folder, Qemu, RawQmp};
use qmpsh::script::header::Header;
use qmpsh::script::ready_made;
use qmpsh::vm::Release;
use serde_json::{Value, json};

use super::backup::back_up;
use super::commit::snapshot;
use super::lent::lent;
use super::snapshot::succeeds;
use super::{eval, files, nodes, qmpsh, tops};

/// What changes nothing in a VM, only a file here, which its header allows.
const WRITES: &str = "write";

/// The scripts, the words after the VM, and the command that a dry run is to show last; none for one that only reads.
const SCRIPTS: [(&str, &[&str], &[&str], &str); 52] = [
    ("backup", &[], &["--to", "{dir}/new"], "transaction"),
    (
        "backup-export",
        &[],
        &["--listen", "unix:{dir}/nbd", "--scratch", "{dir}/scratch"],
        "nbd-server-stop",
    ),
    (
        "backup-forget",
        &[],
        &["--all"],
        "block-dirty-bitmap-remove",
    ),
    ("backup-list", &[], &[], ""),
    ("backup-prune", &[], &["--last", "1"], "remove"),
    ("backup-restore", &[], &["--to", "{dir}/restored"], "run"),
    ("backup-verify", &[], &[], "run"),
    ("block-graph", &[], &["--svg", "{dir}/graph.svg"], "write"),
    (
        "blockdev-add",
        &[],
        &["driver=null-co", "node-name=spare"],
        "blockdev-add",
    ),
    ("blockdev-del", &[], &["spare"], "blockdev-del"),
    (
        "blockdev-snapshot",
        &[],
        &["disk", "spare"],
        "blockdev-snapshot",
    ),
    (
        "disk-add",
        &[],
        &["{dir}/new.qcow2", "--iops", "5"],
        "block_set_io_throttle",
    ),
    ("disk-remove", &[], &["virtio-disk1"], "blockdev-del"),
    (
        "disk-throttle",
        &[],
        &["virtio-disk0", "--iops", "5"],
        "block_set_io_throttle",
    ),
    ("freeze-snapshot-thaw", &[], &[], "transaction"),
    (
        "guest-collect",
        &["--path", "/etc/hostname", "--to", "{dir}"],
        &[],
        WRITES,
    ),
    (
        "guest-copy",
        &["put", "{dir}/out", "/tmp/copied"],
        &[],
        "guest-file-write",
    ),
    ("guest-exec", &["true"], &[], "guest-exec"),
    (
        "guest-memory",
        &["--offline", "1"],
        &[],
        "guest-set-memory-blocks",
    ),
    ("guest-passwd", &["root"], &[], "guest-set-user-password"),
    ("guest-report", &[], &[], ""),
    (
        "guest-ssh-keys",
        &["root", "--add", "{dir}/out"],
        &[],
        "guest-ssh-add-authorized-keys",
    ),
    ("guest-time", &["--set", "host"], &[], "guest-set-time"),
    ("guest-trim", &[], &[], "guest-fstrim"),
    ("guest-vcpus", &["--online", "1"], &[], "guest-set-vcpus"),
    (
        "media-change",
        &[],
        &["cd0", "/b.iso"],
        "blockdev-change-medium",
    ),
    ("media-eject", &[], &["cd0"], "eject"),
    ("media-list", &[], &[], ""),
    ("memory-add", &[], &["128M"], "device_add"),
    ("memory-remove", &[], &["dimm0"], "object-del"),
    ("migrate", &[], &["{destination}"], "migrate"),
    ("migrate-load", &[], &["{dir}/state"], "migrate-incoming"),
    ("migrate-save", &[], &["{dir}/state"], "migrate"),
    ("nic-add", &[], &["user"], "device_add"),
    ("nic-remove", &[], &["nic0"], "netdev_del"),
    ("pause", &[], &[], "stop"),
    ("power-off", &[], &[], "guest-shutdown"),
    ("power-reset", &[], &[], "system_reset"),
    ("resume", &[], &[], "cont"),
    ("screenshot", &[], &["{dir}/screen.png"], "screendump"),
    ("snapshot-commit", &[], &[], "job-complete"),
    (
        "snapshot-delete",
        &["--name", "one"],
        &[],
        "snapshot-delete",
    ),
    ("snapshot-list", &[], &[], ""),
    (
        "snapshot-load",
        &["--name", "one", "--discard"],
        &[],
        "snapshot-load",
    ),
    ("snapshot-revert", &[], &[], "replace"),
    ("snapshot-save", &["--name", "two"], &[], "snapshot-save"),
    ("suspend", &[], &[], "guest-suspend-ram"),
    ("vcpu-add", &[], &["1"], "device_add"),
    ("vcpu-remove", &[], &["1"], "device_del"),
    ("vm-check", &[], &["--to", "{dir}"], ""),
    // Nothing sleeps here, so there is nothing to wake.
    ("wake-up", &[], &[], ""),
    (
        "guest-copy",
        &["get", "/etc/hostname", "{dir}/in"],
        &[],
        WRITES,
    ),
];

/// What must stay as it is.
fn state(monitor: &Path) -> (Vec<String>, Vec<(String, String)>, Value) {
    let status = RawQmp::connect(monitor).call("query-status", &Value::Null);
    (nodes(monitor), tops(monitor), status)
}

/// Whether a script says that it needs a newer QEMU than there is.
fn is_too_new(name: &str) -> bool {
    let header = Header::read(ready_made::find(name).unwrap()).unwrap();
    let (major, minor) = Qemu::version();
    let there: Release = format!("{major}.{minor}").parse().unwrap();
    header.qemu.is_some_and(|oldest| there < oldest.release)
}

/// A machine with what was plugged in, room for more, and what a backup left.
fn plugged() -> Qemu {
    let plugged = Qemu::bare()
        .args("-machine q35 -accel tcg -S -m 32,slots=2,maxmem=1G -smp 1,maxcpus=3,sockets=3,cores=1,threads=1")
        .args("-object memory-backend-ram,id=dimm0-mem,size=128M -device pc-dimm,id=dimm0,memdev=dimm0-mem")
        .args("-device qemu64-x86_64-cpu,id=vcpu1,socket-id=1,core-id=0,thread-id=0")
        .args("-blockdev null-co,node-name=disk,size=1048576,read-zeroes=on -device virtio-blk-pci,drive=disk,id=disk")
        .args("-blockdev null-co,node-name=spare,size=1048576,read-zeroes=on")
        .start();
    let bitmap = json!({ "node": "disk", "name": "qmpsh-bk-1a2b-20260301T021500Z-0" });
    RawQmp::connect(plugged.qmp()).call("block-dirty-bitmap-add", &bitmap);
    plugged
}

#[test]
fn every_ready_made_script_can_be_tried_first() {
    let guest = lent();
    let machine = Qemu::bare()
        .image("a.raw", "1M")
        .image("b.qcow2", "1M")
        .args("-machine pc -accel tcg -m 32 -S -netdev user,id=net0 -device e1000,netdev=net0,id=nic0")
        .args("-blockdev raw,read-only=on,node-name=iso,file.driver=file,file.filename=a.raw -device ide-cd,id=cd0,drive=iso")
        .args("-drive if=virtio,file=b.qcow2,format=qcow2")
        .start();
    let plugged = plugged();
    let on_plugged = (plugged.qmp().to_str().unwrap().to_owned(), plugged.qmp());
    let destination = Qemu::bare()
        .args("-machine pc -accel tcg -m 32 -incoming defer")
        .start();
    let on_destination = (
        destination.qmp().to_str().unwrap().to_owned(),
        destination.qmp(),
    );
    let folder = Folder::new();
    std::fs::write(folder.join("out"), "ssh-ed25519 AAAA x\n").unwrap();
    guest.shell_ok("mkdir -p /root/.ssh; : >/root/.ssh/authorized_keys");
    let on_guest = (guest.target(), guest.qmp());
    let on_machine = (machine.qmp().to_str().unwrap().to_owned(), machine.qmp());
    if !is_too_new("snapshot-save") {
        let save = ["run", "snapshot-save", "--name", "one", &on_machine.0];
        qmpsh(save).run().expect_code(0);
    }
    let backups = folder.join("backups");
    for _ in 0..2 {
        back_up(
            &on_machine.0,
            &backups,
            &["--quiesce", "no", "--level", "full"],
        );
    }
    // QEMU loads no snapshot onto a disk that has them.
    eval(
        &on_machine.0,
        "for disk in v.disks() {
            for one in disk.bitmaps { v.qmp(\"block-dirty-bitmap-remove\", #{ node: disk.node, name: one.name }); }
        }",
    );
    let [of_vm] = files(&backups, "").try_into().unwrap();
    let overlaid = super::machine();
    let on_overlaid = (overlaid.qmp().to_str().unwrap().to_owned(), overlaid.qmp());
    snapshot(&on_overlaid.0, &["--quiesce", "no"]);
    let (image, below) = (folder.join("overlay"), folder.join("out"));
    let (on, below) = (image.to_str().unwrap(), below.to_str().unwrap());
    let words = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", below, on];
    succeeds("qemu-img", &words);
    let on_image = (on.to_owned(), machine.qmp());
    let on_backups = (of_vm.to_str().unwrap().to_owned(), machine.qmp());
    for (name, before, after, last) in SCRIPTS {
        let (target, monitor) = match name {
            "backup-list" | "backup-prune" | "backup-restore" | "backup-verify" => &on_backups,
            "backup-forget" => &on_plugged,
            "media-change" | "media-eject" | "media-list" | "nic-remove" | "resume" => &on_machine,
            "migrate-load" => &on_destination,
            _ if ["blockdev-", "memory-", "vcpu-"]
                .iter()
                .any(|one| name.starts_with(one)) =>
            {
                &on_plugged
            }
            "snapshot-commit" => &on_overlaid,
            "snapshot-revert" => &on_image,
            _ if name.starts_with("snapshot-") || name.starts_with("migrate") => &on_machine,
            _ => &on_guest,
        };
        let words = |words: &[&str]| -> Vec<String> {
            let dir = folder.path().to_str().unwrap();
            words
                .iter()
                .map(|word| {
                    word.replace("{dir}", dir)
                        .replace("{destination}", &on_destination.0)
                })
                .collect()
        };
        let run = |mode: &str| {
            qmpsh(["run", mode, name])
                .args(words(before))
                .arg(target)
                .args(words(after))
                .stdin("secret\n")
                .run()
        };
        let was = state(monitor);
        if is_too_new(name) {
            for mode in ["--dry-run", "--verbose"] {
                let outcome = run(mode).expect_code(4);
                let told = format!("{}{}", outcome.stdout, outcome.stderr);
                let what = format!("and {name} needs ");
                assert!(
                    told.contains("it runs QEMU ") && told.contains(&what),
                    "{told}"
                );
            }
            assert_eq!(state(monitor), was, "{name}");
            continue;
        }
        let outcome = run("--dry-run").expect_code(0);
        let shown = format!("would {last}");
        assert_eq!(
            outcome.stderr.contains("\nwould "),
            !last.is_empty(),
            "{name}: {outcome:#?}"
        );
        let is_shown = outcome.stderr.contains(&shown)
            || outcome.stderr.contains(&format!("\"execute\":\"{last}\""));
        assert!(last.is_empty() || is_shown, "{name}: {outcome:#?}");
        assert_eq!(state(monitor), was, "{name}");
        assert!(!guest.is_frozen(), "{name}");

        let outcome = run("--read-only").expect_code(if last.is_empty() || last == WRITES {
            0
        } else {
            6
        });
        assert_eq!(state(monitor), was, "{name}: {outcome:#?}");
    }
    assert_eq!(guest.shell_ok("cat /root/.ssh/authorized_keys"), "");
    guest.shell_ok("! test -e /tmp/copied; rm -r /root/.ssh");
    assert!(
        folder.join("in").exists() && folder.join("web01").exists(),
        "a read-only run may save what it read"
    );
}

#[test]
fn none_is_left_out_above() {
    for name in ready_made::names() {
        assert!(SCRIPTS.iter().any(|(tried, ..)| *tried == name), "{name}");
    }
}
