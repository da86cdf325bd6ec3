//! What ends a backup before its time, and what is left: no job, node, bitmap or image that is in the way of the next one,
//! which succeeds.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use harness::{Folder, Format, Guest, Outcome, Qemu, Qmpsh, RawQmp, Running, Signal};
use serde_json::{Value, json};

use super::backup::{assert_same, back_up, begin, restore};
use super::lent::lent;
use super::snapshot::succeeds;
use super::{files, nodes, qmpsh, refuse_in_the_window};

/// A machine with a disk full of data, whose image is in a folder that outlives it.
fn machine(folder: &Path) -> Qemu {
    machine_with(folder, "")
}

pub(super) fn machine_with(folder: &Path, options: &str) -> Qemu {
    let image = folder.join("a.qcow2");
    if !image.exists() {
        let file = image.to_str().unwrap();
        succeeds("qemu-img", &["create", "-q", "-f", "qcow2", file, "8M"]);
        succeeds("qemu-io", &["-c", "write -P 7 0 8M", file]);
    }
    Qemu::bare()
        .args("-machine q35 -accel tcg -m 32 -S -name web01")
        .args(&format!(
            "-blockdev qcow2,node-name=a,file.driver=file,file.filename={} -device virtio-blk-pci,id=disk-a,drive=a",
            image.display()
        ))
        .args(options)
        .start()
}

/// What is in a VM of jobs, nodes and bitmaps.
fn inside(monitor: &Path) -> (Vec<Value>, Vec<String>, Vec<Value>) {
    let mut qmp = RawQmp::connect(monitor);
    let jobs = qmp.call("query-jobs", &Value::Null);
    // At the top of the drive is a job's filter, in some versions of QEMU.
    let all = qmp.call("query-named-block-nodes", &json!({ "flat": true }));
    drop(qmp);
    let jobs = jobs.as_array().unwrap().iter();
    let bitmaps = all
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["node-name"] == "a")
        .filter_map(|node| node["dirty-bitmaps"].as_array())
        .flatten()
        .map(|bitmap| bitmap["name"].clone())
        // Those of jobs have no names.
        .filter(Value::is_string)
        .collect();
    (
        jobs.map(|job| job["id"].clone()).collect(),
        nodes(monitor),
        bitmaps,
    )
}

/// The points in a VM's folder, finished or not.
fn points(to: &Path) -> Vec<PathBuf> {
    files(&to.join("web01"), "")
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

/// A backup that takes longer than any test, on its way: its jobs run.
fn slow(monitor: &Path, to: &Path) -> Running {
    let target = monitor.to_str().unwrap();
    let options = ["--quiesce", "no", "--speed", "64K"];
    let running = begin(target, to, &options).arg("-v").spawn();
    running.wait_for_stderr("\"type\":\"backup\"");
    running
}

/// Asserts that the next backup is good.
#[track_caller]
fn next_is_good(qemu: &Qemu, folder: &Folder, to: &Path) -> Value {
    let row = back_up(qemu.qmp().to_str().unwrap(), to, &["--quiesce", "no"]);
    let restored = folder.join("restored");
    restore(&to.join("web01"), &restored, &["--force"]).expect_code(0);
    assert_same(&restored.join("disk-a.qcow2"), &folder.join("a.qcow2"));
    let (jobs, nodes, bitmaps) = inside(&qemu.qmp());
    assert_eq!((jobs.len(), nodes.len()), (0, 2), "{nodes:?}");
    let bitmap = row["disks"][0]["bitmap"].as_str().unwrap();
    let mut left: Vec<&str> = bitmaps.iter().map(|name| name.as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, [bitmap, &format!("{bitmap}-end")]);
    let done = points(to);
    assert!(
        done.iter()
            .all(|point| point.join("manifest.json").exists()),
        "{done:?}"
    );
    row
}

#[test]
fn an_interrupted_backup_leaves_nothing() {
    let folder = Folder::new();
    let to = folder.join("to");
    let qemu = machine(folder.path());
    let before = inside(&qemu.qmp());
    for signal in [Signal::INT, Signal::TERM] {
        let running = slow(&qemu.qmp(), &to);
        assert_eq!(points(&to).len(), 1);
        running.signal(signal);
        running.wait().expect_code(128 + signal.as_raw());
        assert_eq!(inside(&qemu.qmp()), before);
        assert!(points(&to).is_empty());
    }
    // The dirty data of a first backup are not lost by a second one that fails.
    let first = next_is_good(&qemu, &folder, &to);
    let write = json!({ "command-line": "qemu-io -d /machine/peripheral/disk-a/virtio-backend \"write -P 9 1M 4M\"" });
    RawQmp::connect(qemu.qmp()).call("human-monitor-command", &write);
    let running = slow(&qemu.qmp(), &to);
    running.signal(Signal::INT);
    running.wait().expect_code(130);
    let second = next_is_good(&qemu, &folder, &to);
    assert_eq!(
        (&second["level"], &second["disks"][0]["parent"]),
        (&json!("inc"), &first["point"])
    );
}

#[test]
fn what_a_killed_run_left_is_known_by_the_next_one_and_taken_away() {
    let folder = Folder::new();
    let to = folder.join("to");
    let qemu = machine(folder.path());
    let first = next_is_good(&qemu, &folder, &to);
    let write = json!({ "command-line": "qemu-io -d /machine/peripheral/disk-a/virtio-backend \"write -P 9 1M 4M\"" });
    RawQmp::connect(qemu.qmp()).call("human-monitor-command", &write);
    let running = slow(&qemu.qmp(), &to);
    running.signal(Signal::KILL);
    running.wait();
    let (jobs, _, bitmaps) = inside(&qemu.qmp());
    assert_eq!((jobs.len(), bitmaps.len()), (1, 2 * 2));
    assert_eq!(points(&to).len(), 2);
    // Its job is in no other's way but that of one into another folder, and in a dry run in none's that ends it.
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let unfrozen = ["--quiesce", "no"];
    let other = begin(&target, &folder.join("other"), &unfrozen).run();
    let told = "was killed, run it again into the same folder";
    assert!(other.expect_code(1).stderr.contains(told));
    let dry = begin(&target, &to, &unfrozen).arg("--dry-run").run();
    dry.expect_code(0);
    let second = next_is_good(&qemu, &folder, &to);
    assert_eq!(
        (&second["level"], &second["disks"][0]["parent"]),
        (&json!("inc"), &first["point"])
    );
}

#[test]
fn a_qemu_killed_in_mid_backup_costs_that_backup() {
    let folder = Folder::new();
    let to = folder.join("to");
    let mut qemu = machine(folder.path());
    let running = slow(&qemu.qmp(), &to);
    qemu.process().kill();
    let outcome = running.wait().expect_code(3);
    assert!(!outcome.stderr.contains("left behind"), "{outcome:#?}");
    assert!(points(&to).is_empty());
    let again = machine(folder.path());
    next_is_good(&again, &folder, &to);
}

#[test]
fn a_full_target_disk_ends_the_backup_and_nothing_is_left_of_it() {
    let folder = Folder::new();
    let small = Mount::of(&folder.join("small"), "3M");
    let qemu = machine(folder.path());
    let before = inside(&qemu.qmp());
    let outcome = begin(
        qemu.qmp().to_str().unwrap(),
        small.path(),
        &["--quiesce", "no"],
    )
    .run()
    .expect_code(4);
    assert!(
        outcome.stdout.contains("No space left on device"),
        "{outcome:#?}"
    );
    assert_eq!(inside(&qemu.qmp()), before);
    assert!(points(small.path()).is_empty());
    succeeds(
        "mount",
        &["-o", "remount,size=32M", small.path().to_str().unwrap()],
    );
    next_is_good(&qemu, &folder, small.path());
}

#[test]
fn a_guest_that_writes_while_the_target_is_full_goes_on_when_the_backup_has_ended() {
    let folder = Folder::new();
    let small = Mount::of(&folder.join("small"), "2M");
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .arg("-name")
        .arg("web01")
        .boot();
    guest.shell_ok("head -c 12000000 /dev/urandom >/data/w; sync");
    // Since QEMU 10.1 the backup fails, and not the guest's write; it does so when it next copies something.
    let fails_alone = Qemu::version() >= (10, 1);
    let speed = if fails_alone { "512K" } else { "64K" };
    let running = begin(&guest.target(), small.path(), &["--speed", speed])
        .arg("-v")
        .spawn();
    running.wait_for_stderr("\"type\":\"backup\"");
    // It comes to its end only when the guest can write again.
    guest.shell_ok("dd if=/dev/urandom of=/data/w bs=1M count=10 conv=notrunc,fsync");
    let outcome = running.wait().expect_code(4);
    assert_eq!(
        outcome.stderr.contains("it goes on now"),
        !fails_alone,
        "{}",
        outcome.stdout
    );
    let status = guest.raw_qmp().call("query-status", &Value::Null);
    assert_eq!(status["status"], "running");
    assert!(points(small.path()).is_empty());
}

/// A file system that a test mounts. A QEMU that is to see it starts after it: one in a mount namespace of its own sees no
/// later ones.
pub(super) struct Mount(PathBuf);

impl Mount {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A small one.
    pub(super) fn of(folder: &Path, size: &str) -> Self {
        std::fs::create_dir(folder).unwrap();
        let size = format!("size={size}");
        succeeds(
            "mount",
            &["-t", "tmpfs", "-o", &size, "none", folder.to_str().unwrap()],
        );
        Self(folder.to_owned())
    }

    pub(super) fn resize(&self, bytes: u64) {
        let options = format!("remount,size={bytes}");
        succeeds("mount", &["-o", &options, self.0.to_str().unwrap()]);
    }

    /// The folder itself as one that nobody can write to, root neither. What is open there already can be written to.
    pub(super) fn read_only(folder: &Path) -> Self {
        let path = folder.to_str().unwrap();
        succeeds("mount", &["--bind", path, path]);
        let mount = Self(folder.to_owned());
        succeeds("mount", &["-o", "remount,bind,ro", path]);
        mount
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the machine may have its images there still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn two_runs_do_not_work_in_one_folder() {
    let folder = Folder::new();
    let to = folder.join("to");
    let qemu = machine(folder.path());
    let running = slow(&qemu.qmp(), &to);
    // Another machine of that name, as its monitor serves one run at a time.
    let twin = Folder::new();
    let other = machine(twin.path());
    let outcome = begin(other.qmp().to_str().unwrap(), &to, &["--quiesce", "no"])
        .run()
        .expect_code(3);
    assert!(
        outcome.stdout.contains("another run works there"),
        "{outcome:#?}"
    );
    let prune = qmpsh(["run", "backup-prune", "--last", "1"])
        .arg(to.join("web01"))
        .run()
        .expect_code(3);
    assert!(
        prune.stdout.contains("another run works there"),
        "{prune:#?}"
    );
    running.signal(Signal::INT);
    running.wait().expect_code(130);
    assert!(points(&to).is_empty());
}

#[test]
fn a_run_into_a_copy_of_a_folder_ends_nothing_of_one_that_is_alive() {
    let folder = Folder::new();
    let home = Arc::new(Folder::new());
    let (to, copy) = (folder.join("to"), folder.join("copy"));
    let second = folder.join("second");
    let monitor = format!("-qmp unix:{},server=on,wait=off", second.display());
    let qemu = machine_with(folder.path(), &monitor);
    let run = |monitor: &Path, to: &Path, level: &str| {
        Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &home)
            .args(["-v", "run", "backup", "--quiesce", "no", "--speed", "64K"])
            .args(["--level", level, "--to"])
            .arg(to)
            .arg(monitor)
    };
    back_up(second.to_str().unwrap(), &to, &["--quiesce", "no"]);
    succeeds("cp", &["-a", to.to_str().unwrap(), copy.to_str().unwrap()]);
    let running = run(&qemu.qmp(), &to, "full").spawn();
    running.wait_for_stderr("\"type\":\"backup\"");
    let outcome = run(&second, &copy, "auto").run().expect_code(3);
    assert!(
        outcome.stdout.contains("another run does this work"),
        "{outcome:#?}"
    );
    let jobs = RawQmp::connect(&second).call("query-jobs", &Value::Null);
    assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
    running.signal(Signal::INT);
    running.wait().expect_code(130);
    run(&second, &copy, "inc").run().expect_code(0);
}

#[track_caller]
fn fails(guest: &Guest, to: &Path, options: &[&str], code: i32) -> Outcome {
    let before = inside(&guest.qmp());
    let outcome = begin(&guest.target(), to, options).run().expect_code(code);
    assert_eq!(inside(&guest.qmp()), before, "{outcome:#?}");
    assert!(!guest.is_frozen());
    assert!(points(to).is_empty());
    outcome
}

#[test]
fn a_guest_that_cannot_be_frozen_is_backed_up_as_quiesce_says() {
    let guest = lent();
    let folder = Folder::new();
    guest.agent_down();
    fails(&guest, folder.path(), &["--quiesce", "require"], 3);
    let row = back_up(&guest.target(), folder.path(), &["--quiesce", "prefer"]);
    assert_eq!(
        (&row["consistency"], &row["frozen_ms"]),
        (&json!("crash-consistent"), &json!(0))
    );
    guest.agent_up();
    let row = back_up(&guest.target(), folder.path(), &[]);
    assert_eq!(row["consistency"], "guest-quiesced");
}

#[test]
fn a_transaction_that_is_refused_thaws_the_guest_and_leaves_nothing() {
    let folder = Folder::new();
    let words = qmpsh(["run", "backup", "--to"]).arg(folder.path());
    let outcome = refuse_in_the_window(words);
    assert!(outcome.stdout.contains("is busy"), "{outcome:#?}");
    let of_vm = files(folder.path(), "").remove(0);
    assert_eq!(files(&of_vm, ""), [of_vm.join("set.json")]);
}

#[test]
fn a_qemu_of_another_user_writes_to_files_that_it_could_not_make() {
    let folder = Folder::new();
    let to = folder.join("to");
    let image = folder.join("a.qcow2");
    succeeds(
        "qemu-img",
        &["create", "-q", "-f", "qcow2", image.to_str().unwrap(), "1M"],
    );
    let qemu = Qemu::bare()
        .args("-machine q35 -accel tcg -m 32 -S -name web01")
        .args(if Qemu::version() < (9, 1) {
            "-runas nobody"
        } else {
            "-run-with user=nobody"
        })
        .args(&format!(
            "-blockdev qcow2,node-name=a,file.driver=file,file.filename={} -device virtio-blk-pci,id=disk-a,drive=a",
            image.display()
        ))
        .start();
    let row = next_is_good(&qemu, &folder, &to);
    let file = PathBuf::from(row["folder"].as_str().unwrap()).join("disk-a.qcow2");
    let owner = file.metadata().unwrap();
    assert_eq!((owner.uid(), owner.mode() & 0o777), (65534, 0o600));
}
