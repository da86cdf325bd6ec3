//! Which disks get an incremental backup, and why the others get a full one. Each backup is compared with the disks as they
//! were, which a machine without a guest leaves as they are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{Folder, Qemu, RawQmp};
use serde_json::{Value, json};

use super::backup::{assert_same, back_up, begin};
use super::qmpsh;
use super::snapshot::succeeds;

/// A machine whose disks survive it: `a.qcow2` and `b.raw` in a folder.
pub(super) struct Machine {
    pub(super) qemu: Qemu,
    folder: Folder,
}

impl Machine {
    pub(super) fn new() -> Self {
        let folder = Folder::new();
        for (name, format, size) in [
            ("a", "qcow2", "16M"),
            ("b", "raw", "8M"),
            ("c", "qcow2", "4M"),
        ] {
            let image = folder.join(format!("{name}.{format}"));
            succeeds(
                "qemu-img",
                &["create", "-q", "-f", format, image.to_str().unwrap(), size],
            );
        }
        Self {
            qemu: start(folder.path()),
            folder,
        }
    }

    /// Ends QEMU as it should be, and starts it again.
    fn quit(&mut self) {
        self.quit_for(|_| {});
    }

    /// The same, with some work on its images in between.
    pub(super) fn quit_for(&mut self, work: impl FnOnce(&Self)) {
        self.monitor().call("quit", &Value::Null);
        let ended = self.qemu.process().wait(Duration::from_secs(60));
        assert!(ended.is_some());
        work(self);
        self.qemu = start(self.folder.path());
    }

    fn kill(&mut self) {
        // One that answers has opened its images.
        self.monitor().call("query-status", &Value::Null);
        self.qemu.process().kill();
        self.qemu = start(self.folder.path());
    }

    pub(super) fn monitor(&self) -> RawQmp {
        RawQmp::connect(self.qemu.qmp())
    }

    /// Writes something to a disk, as its guest would.
    pub(super) fn write(&self, disk: &str, what: &str) {
        let line = format!("qemu-io -d /machine/peripheral/{disk}/virtio-backend \"write {what}\"");
        let said = self
            .monitor()
            .call("human-monitor-command", &json!({ "command-line": line }));
        assert_eq!(said, "", "only what is wrong is told here");
    }

    pub(super) fn image(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn to(&self) -> PathBuf {
        self.folder.join("to")
    }

    /// Backs up, and asserts for each disk its level, or a part of the reason for a full one; and that what the backup has is
    /// what the disk has.
    #[track_caller]
    pub(super) fn back_up(&self, options: &[&str], expected: &[(&str, &str, &str)]) -> Value {
        let options = [&["--quiesce", "no"], options].concat();
        let row = back_up(self.qemu.qmp().to_str().unwrap(), &self.to(), &options);
        let disks = row["disks"].as_array().unwrap();
        assert_eq!(disks.len(), expected.len(), "{row}");
        for (disk, (name, image, reason)) in disks.iter().zip(expected) {
            assert_eq!(disk["disk"], *name, "{row}");
            let told = disk["reason"].as_str().unwrap_or("inc");
            assert!(told.contains(reason), "{reason}: {row}");
            let place = PathBuf::from(row["folder"].as_str().unwrap());
            // What QEMU still has in its memory is not in the image.
            let flush = json!({ "command-line": format!("qemu-io {} flush", disk["node"].as_str().unwrap()) });
            self.monitor().call("human-monitor-command", &flush);
            assert_same(
                &place.join(disk["file"].as_str().unwrap()),
                &self.image(image),
            );
        }
        row
    }
}

fn start(folder: &Path) -> Qemu {
    let folder = folder.display();
    let disk = |name: &str, format: &str| {
        format!(
            " -blockdev {format},node-name={name},file.driver=file,file.filename={folder}/{name}.{format}
              -device virtio-blk-pci,id=disk-{name},drive={name}"
        )
    };
    Qemu::bare()
        .args("-machine q35 -accel tcg -m 32 -S -name web01 -device pcie-root-port,id=port0")
        .args(&disk("a", "qcow2"))
        .args(&disk("b", "raw"))
        .start()
}

pub(super) const A: (&str, &str) = ("disk-a", "a.qcow2");
pub(super) const B: (&str, &str) = ("disk-b", "b.raw");
const C: (&str, &str) = ("hot0", "c.qcow2");

pub(super) fn is<'a>(
    (disk, image): (&'a str, &'a str),
    reason: &'a str,
) -> (&'a str, &'a str, &'a str) {
    (disk, image, reason)
}

#[test]
fn a_disk_that_is_new_or_was_left_out_or_had_a_snapshot_gets_what_it_needs() {
    let machine = Machine::new();
    machine.write("disk-a", "-P 1 0 1M");
    let target = machine.qemu.qmp().to_str().unwrap().to_owned();
    let none = begin(
        &target,
        &machine.to(),
        &["--quiesce", "no", "--level", "inc"],
    )
    .run()
    .expect_code(1);
    assert!(none.stderr.contains("take a full one first"), "{none:#?}");
    machine.back_up(&[], &[is(A, "the first"), is(B, "the first")]);
    machine.write("disk-a", "-P 2 512k 1M");
    machine.write("disk-b", "-P 2 100k 3k");
    machine.write("disk-a", "-z 0 64k");
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);

    // One that was plugged in, and one that is left out for once.
    qmpsh(["run", "disk-add", &target])
        .arg(machine.image("c.qcow2"))
        .run()
        .expect_code(0);
    machine.write("disk-b", "-P 3 0 64k");
    let mixed = machine.back_up(
        &["--disk", "a", "--disk", "hot0"],
        &[is(A, "inc"), is(C, "is new")],
    );
    assert_eq!(mixed["level"], "mixed");
    machine.write("disk-b", "-P 4 4M 64k");
    machine.write("hot0", "-P 4 0 64k");
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc"), is(C, "inc")]);

    // A snapshot leaves the bitmap below; once it is committed back, the bitmap is good again, with what came down.
    let overlay = machine.image("over.qcow2");
    let size = 16 << 20;
    let mut monitor = machine.monitor();
    let file = overlay.to_str().unwrap();
    succeeds(
        "qemu-img",
        &["create", "-q", "-f", "qcow2", file, &size.to_string()],
    );
    monitor.call(
        "blockdev-add",
        &json!({ "driver": "qcow2", "node-name": "over", "backing": null,
        "file": { "driver": "file", "filename": file } }),
    );
    monitor.call(
        "blockdev-snapshot",
        &json!({ "node": "a", "overlay": "over" }),
    );
    drop(monitor);
    machine.write("disk-a", "-P 5 8M 64k");
    let mut monitor = machine.monitor();
    monitor.call(
        "block-commit",
        &json!({ "job-id": "down", "device": "over" }),
    );
    monitor.event("BLOCK_JOB_READY");
    monitor.call("job-complete", &json!({ "id": "down" }));
    monitor.event("BLOCK_JOB_COMPLETED");
    monitor.call("blockdev-del", &json!({ "node-name": "over" }));
    drop(monitor);
    machine.write("disk-a", "-P 6 9M 64k");
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc"), is(C, "inc")]);
    qmpsh([
        "run",
        "freeze-snapshot-thaw",
        &target,
        "--quiesce",
        "no",
        "--disk",
        "disk-a",
    ])
    .run()
    .expect_code(0);
    machine.back_up(
        &[],
        &[is(A, "a snapshot was taken"), is(B, "inc"), is(C, "inc")],
    );
    let verify = qmpsh(["run", "backup-verify"])
        .arg(machine.to().join("web01"))
        .run();
    verify.expect_code(0);
}

#[test]
fn a_bitmap_that_is_not_good_costs_a_full_backup_of_its_disk() {
    let mut machine = Machine::new();
    machine.write("disk-a", "-P 1 0 1M");
    machine.back_up(&[], &[is(A, "the first"), is(B, "the first")]);
    machine.back_up(&["--chain", "1"], &[is(A, "inc"), is(B, "inc")]);
    machine.back_up(
        &["--chain", "1"],
        &[is(A, "1 incremental backups in a row"), is(B, "in a row")],
    );

    // QEMU ends as it should: what it can keep is kept.
    machine.write("disk-a", "-P 7 2M 64k");
    machine.quit();
    machine.write("disk-a", "-P 8 3M 64k");
    machine.write("disk-b", "-P 8 3M 64k");
    machine.back_up(&[], &[is(A, "inc"), is(B, "cannot keep one")]);

    // It is killed: nothing is known, neither of a bitmap that was never on the disk nor of one that was.
    machine.kill();
    machine.back_up(
        &[],
        &[is(A, "did not end properly"), is(B, "cannot keep one")],
    );
    machine.quit();
    machine.kill();
    machine.write("disk-a", "-P 9 3M 64k");
    machine.back_up(&[], &[is(A, "was not saved"), is(B, "cannot keep one")]);

    // Somebody removes a bitmap, and an image.
    let before = machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);
    let bitmap = &before["disks"][0]["bitmap"];
    machine.monitor().call(
        "block-dirty-bitmap-remove",
        &json!({ "node": "a", "name": bitmap }),
    );
    let parent = PathBuf::from(before["folder"].as_str().unwrap()).join("disk-b.qcow2");
    std::fs::remove_file(&parent).unwrap();
    machine.back_up(&[], &[is(A, "was removed"), is(B, "disk-b.qcow2 is gone")]);
    machine.monitor().call(
        "block_resize",
        &json!({ "node-name": "b", "size": 12 << 20 }),
    );
    machine.back_up(&[], &[is(A, "inc"), is(B, "its size was 8388608 bytes")]);
    machine.back_up(
        &["--level", "full"],
        &[is(A, "asked for"), is(B, "asked for")],
    );

    // Of all that, one bitmap a disk is left, and its witness.
    let drives = machine.monitor().call("query-block", &Value::Null);
    for drive in drives.as_array().unwrap() {
        let bitmaps = drive["inserted"]["dirty-bitmaps"].as_array().unwrap();
        assert_eq!(bitmaps.len(), 2, "{bitmaps:?}");
    }
}

#[test]
fn a_folder_is_that_of_one_vm() {
    let folder = Folder::new();
    let to = folder.path();
    let uuid = "0e4d9e6a-0000-4000-8000-00000000000";
    let other = |last: &str| {
        Qemu::bare()
            .image("a.qcow2", "1M")
            .args("-machine q35 -accel tcg -m 32 -S -name web01 -uuid")
            .arg(format!("{uuid}{last}"))
            .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2 -device virtio-blk-pci,drive=a")
            .start()
    };
    let (one, two) = (other("1"), other("2"));
    back_up(one.qmp().to_str().unwrap(), to, &["--quiesce", "no"]);
    let outcome = begin(two.qmp().to_str().unwrap(), to, &["--quiesce", "no"])
        .run()
        .expect_code(1);
    assert!(outcome.stdout.contains("of another VM"), "{outcome:#?}");
}
