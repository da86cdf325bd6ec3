//! `vm-check`: what stands against risky work, each thing on a machine that has it.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use harness::{Folder, HostAgent, Outcome, Qemu, RawQmp};
use serde_json::{Value, json};

use super::backup_faults::Mount;
use super::lent::lent;
use super::{document, machine, qmpsh};

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

fn check(words: &[&str]) -> Outcome {
    qmpsh(["--json", "run", "vm-check"]).args(words).run()
}

/// The findings of the one VM that was checked, after it ended with that code.
fn findings(words: &[&str], code: i32) -> Vec<Value> {
    let rows = document(&check(words).expect_code(code));
    rows[0]["findings"].as_array().unwrap().clone()
}

/// Asserts that there is such a finding, with these words in it, and gives how it is told.
#[track_caller]
fn assert_found(findings: &[Value], check: &str, state: &str, words: &[&str]) {
    let is_it = |one: &&Value| {
        let text = one["finding"].as_str().unwrap();
        one["check"] == check
            && one["state"] == state
            && words.iter().all(|word| text.contains(word))
    };
    let found: Vec<&Value> = findings.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{check} {state} {words:?}: {findings:#?}");
    // What is wrong comes with what to do.
    let advice = found[0]["advice"].as_str().unwrap_or_default();
    assert!(state != "fault" || !advice.is_empty(), "{found:#?}");
}

#[test]
fn a_healthy_guest_is_told_to_be_that() {
    let guest = lent();
    let folder = Folder::new();
    let to = folder.path().to_str().unwrap();
    let found = findings(&[&guest.target(), "--to", to], 0);
    for (check, words) in [
        ("monitor", ""),
        ("state", "it runs"),
        ("version", "QEMU "),
        ("agent", "it answers"),
        ("policy", ""),
        ("lock", "each file is locked"),
        ("job", "no job"),
        ("migration", ""),
        ("room", to),
    ] {
        assert_found(&found, check, "ok", &[words]);
    }
    assert!(
        found.iter().all(|one| one["state"] != "fault"),
        "{found:#?}"
    );
    let told = qmpsh(["run", "vm-check", &guest.target()])
        .run()
        .expect_code(0);
    assert!(
        told.stdout.starts_with("VM") && told.stdout.contains("  agent "),
        "{told:#?}"
    );
}

#[test]
fn a_held_monitor_is_a_fault_that_names_the_holder_and_stops_no_other_check() {
    let (held, free) = (machine(), machine());
    let holder = RawQmp::connect(held.qmp());
    let outcome = check(&["--timeout", "1s", &monitor(&held), &monitor(&free)]).expect_code(1);
    let rows = document(&outcome);
    let found = rows[0]["findings"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:#?}");
    let pid = format!("pid {}", std::process::id());
    assert_found(found, "monitor", "fault", &["held by", &pid]);
    let found = rows[1]["findings"].as_array().unwrap();
    assert_found(found, "monitor", "ok", &[]);
    assert!(rows[0]["failed"] == true && rows[1]["failed"] == false);
    drop(holder);
    let folder = Folder::new();
    let nobody = check(&[folder.join("web01.qmp").to_str().unwrap()]).expect_code(1);
    assert_found(
        document(&nobody)[0]["findings"].as_array().unwrap(),
        "monitor",
        "fault",
        &["no such socket"],
    );
}

#[test]
fn a_guest_that_does_not_run_is_told_with_what_to_do() {
    let qemu = machine();
    assert_found(
        &findings(&[&monitor(&qemu)], 0),
        "state",
        "warning",
        &["prelaunch"],
    );
    let told = qmpsh(["run", "vm-check"])
        .arg(qemu.qmp())
        .run()
        .expect_code(0);
    let advice = "help: state: `qmpsh run resume` starts them\n";
    assert!(told.stderr.contains(advice), "{told:#?}");
    let incoming = Qemu::bare()
        .args("-machine pc -accel tcg -m 32 -incoming defer")
        .start();
    let found = findings(&[&monitor(&incoming)], 1);
    assert_found(&found, "state", "fault", &["inmigrate"]);
    assert_found(&found, "agent", "warning", &["not asked"]);
}

#[test]
fn what_the_agents_policy_blocks_is_told_with_the_work_that_needs_it() {
    let qemu = Qemu::bare().start();
    let agent = HostAgent::builder()
        .block("guest-exec")
        .block("guest-fsfreeze-freeze")
        .start();
    let target =
        |agent: &HostAgent| format!("qmp={},agent={}", monitor(&qemu), agent.socket().display());
    let found = findings(&[&target(&agent)], 0);
    assert_found(
        &found,
        "policy",
        "warning",
        &["freezing", "guest-fsfreeze-freeze"],
    );
    assert_found(&found, "policy", "warning", &["programs", "guest-exec"]);
    let told = |work: &str| {
        found
            .iter()
            .any(|one| one["finding"].as_str().unwrap().starts_with(work))
    };
    assert!(
        !told("reading files") && !told("writing files"),
        "{found:#?}"
    );
    drop(agent);
    let frozen = HostAgent::builder().frozen().start();
    assert_found(
        &findings(&[&target(&frozen)], 1),
        "agent",
        "fault",
        &["frozen"],
    );
    // It is not ours to thaw.
    assert_eq!(frozen.raw().freeze_status(), "frozen");
    assert_found(
        &findings(&[&monitor(&qemu)], 0),
        "agent",
        "warning",
        &["no guest agent"],
    );
}

#[test]
fn jobs_exports_bitmaps_and_nodes_without_names_are_told() {
    let qemu = Qemu::bare()
        .image("a.qcow2", "1M")
        .image("b.raw", "1M")
        .args("-machine pc -accel tcg -m 32 -S")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2 -device virtio-blk-pci,id=vda,drive=a")
        .args("-drive if=none,id=old,file=b.raw,format=raw -device virtio-blk-pci,id=vdb,drive=old")
        .start();
    let mut raw = RawQmp::connect(qemu.qmp());
    let nbd = qemu.folder().join("nbd");
    for (command, arguments) in [
        (
            "block-dirty-bitmap-add",
            json!({ "node": "a", "name": "good" }),
        ),
        (
            "block-dirty-bitmap-add",
            json!({ "node": "a", "name": "used", "disabled": true }),
        ),
        (
            "blockdev-add",
            json!({ "driver": "null-co", "size": 1 << 20, "node-name": "t" }),
        ),
        (
            "nbd-server-start",
            json!({ "addr": { "type": "unix", "data": { "path": nbd } } }),
        ),
        (
            "block-export-add",
            json!({ "type": "nbd", "id": "e0", "node-name": "a", "bitmaps": ["used"] }),
        ),
        (
            "blockdev-mirror",
            json!({ "job-id": "j0", "device": "a", "target": "t", "sync": "full" }),
        ),
    ] {
        raw.call(command, &arguments);
    }
    drop(raw);
    let found = findings(&[&monitor(&qemu)], 0);
    assert_found(&found, "job", "warning", &["j0 (mirror)"]);
    assert_found(&found, "export", "warning", &["e0 (nbd)"]);
    assert_found(&found, "bitmap", "warning", &["used on a", "in use"]);
    assert_found(&found, "node", "warning", &["old: ", "#block"]);
    assert_found(&found, "disk", "ok", &["vda: qcow2, 1 MiB"]);
}

#[test]
fn a_bitmap_that_was_not_saved_is_told() {
    let folder = Folder::new();
    let image = folder.join("a.qcow2");
    super::snapshot::succeeds(
        "qemu-img",
        &["create", "-q", "-f", "qcow2", image.to_str().unwrap(), "1M"],
    );
    let start = || {
        Qemu::bare()
            .args(&format!(
                "-machine pc -accel tcg -m 32 -S -blockdev qcow2,node-name=a,file.driver=file,file.filename={} \
                 -device virtio-blk-pci,drive=a",
                image.display()
            ))
            .start()
    };
    let mut qemu = start();
    let mut raw = RawQmp::connect(qemu.qmp());
    let bitmap = json!({ "node": "a", "name": "b0", "persistent": true });
    raw.call("block-dirty-bitmap-add", &bitmap);
    // It is in the image once QEMU has ended well.
    raw.call("quit", &Value::Null);
    assert!(qemu.process().wait(Duration::from_secs(60)).is_some());
    let mut qemu = start();
    RawQmp::connect(qemu.qmp()).call("query-status", &Value::Null);
    qemu.process().kill();
    let qemu = start();
    assert_found(
        &findings(&[&monitor(&qemu)], 0),
        "bitmap",
        "warning",
        &["b0 on a was", "not saved"],
    );
    drop(qemu);
    // A node without a name of its own is told with its file.
    let drive = format!("file={},format=qcow2,if=virtio", image.display());
    let qemu = Qemu::bare()
        .args("-machine pc -accel tcg -m 32 -S -drive")
        .arg(&drive)
        .start();
    let of = format!("({})", image.display());
    assert_found(
        &findings(&[&monitor(&qemu)], 0),
        "bitmap",
        "warning",
        &["b0 on #block", &of, "not saved"],
    );
}

#[test]
fn images_without_a_lock_and_those_that_others_have_open_are_faults() {
    let qemu = Qemu::bare()
        .image("a.raw", "1M")
        .image("b.raw", "1M")
        .args("-machine pc -accel tcg -m 32 -S")
        .args(
            "-blockdev file,node-name=a,filename=a.raw,locking=off -device virtio-blk-pci,drive=a",
        )
        .args("-blockdev file,node-name=b,filename=b.raw -device virtio-blk-pci,drive=b")
        .start();
    let open = File::open(qemu.folder().join("b.raw")).unwrap();
    let found = findings(&[&monitor(&qemu)], 1);
    assert_found(&found, "lock", "fault", &["a.raw", "not locked"]);
    let pid = format!("pid {}", std::process::id());
    assert_found(&found, "shared", "fault", &["b.raw", &pid]);
    drop(open);
    let found = findings(&[&monitor(&qemu)], 1);
    assert!(
        found.iter().all(|one| one["check"] != "shared"),
        "{found:#?}"
    );
}

#[test]
fn room_is_told_where_the_images_lie_and_where_copies_are_to_go() {
    let folder = Folder::new();
    let small = Mount::of(&folder.join("small"), "8M");
    let image = small.path().join("a.raw");
    super::snapshot::succeeds(
        "qemu-img",
        &["create", "-q", "-f", "raw", image.to_str().unwrap(), "1G"],
    );
    let qemu = Qemu::bare()
        .args("-machine pc -accel tcg -m 32 -S")
        .args(&format!(
            "-blockdev file,node-name=a,filename={} -device virtio-blk-pci,drive=a",
            image.display()
        ))
        .start();
    let to = small.path().to_str().unwrap();
    let found = findings(&[&monitor(&qemu), "--to", to], 1);
    assert_found(&found, "space", "fault", &["8 MiB are left", "may grow by"]);
    assert_found(&found, "room", "warning", &[to, "1 GiB"]);
    let none = folder.join("none");
    let told = check(&[&monitor(&qemu), "--to", none.to_str().unwrap()]).expect_code(1);
    assert!(told.stderr.contains("cannot be looked at"), "{told:#?}");
}

#[test]
fn how_far_images_may_grow_counts_what_internal_snapshots_hold() {
    for (snapshot, told) in [
        (false, "the disks there have all their room already"),
        (true, "the disks there may grow by 4 MiB"),
    ] {
        let folder = Folder::new();
        let image = folder.join("a.qcow2");
        let image = image.to_str().unwrap();
        let qemu_img = |words: &[&str]| super::snapshot::succeeds("qemu-img", words);
        qemu_img(&["create", "-q", "-f", "qcow2", image, "4M"]);
        super::snapshot::succeeds("qemu-io", &["-c", "write -P 1 0 4M", image]);
        if snapshot {
            qemu_img(&["snapshot", "-c", "one", image]);
        }
        let qemu = Qemu::bare()
            .args("-machine pc -accel tcg -m 32 -S")
            .args(&format!(
                "-blockdev qcow2,node-name=a,file.driver=file,file.filename={image} -device virtio-blk-pci,drive=a"
            ))
            .start();
        let found = findings(&[&monitor(&qemu)], 0);
        assert_found(&found, "space", "ok", &[told]);
    }
}

#[test]
fn a_migration_under_way_and_one_that_is_blocked_are_told() {
    let qemu = Qemu::bare()
        .args("-machine pc -accel tcg -m 32")
        .args("-device ivshmem-plain,memdev=m -object memory-backend-ram,id=m,size=1M")
        .start();
    let found = findings(&[&monitor(&qemu)], 0);
    if Qemu::version() < (6, 0) {
        assert_found(&found, "migration", "ok", &["QEMU tells since 6.0"]);
    } else {
        assert_found(
            &found,
            "migration",
            "warning",
            &["cannot be migrated", "ivshmem"],
        );
    }
    let qemu = Qemu::bare().args("-machine pc -accel tcg -m 128").start();
    let found = findings(&[&monitor(&qemu)], 0);
    assert_found(&found, "migration", "ok", &[]);
    // It takes no more than a socket holds.
    let nobody = qemu.folder().join("nobody");
    let _listener = UnixListener::bind(&nobody).unwrap();
    let mut raw = RawQmp::connect(qemu.qmp());
    raw.call(
        "migrate",
        &json!({ "uri": format!("unix:{}", nobody.display()) }),
    );
    drop(raw);
    let found = findings(&[&monitor(&qemu)], 1);
    assert_found(&found, "migration", "fault", &["under way"]);
}
