//! `power-off` and its kin: each way of it on a machine where it is the one that works.

use std::time::Duration;

use harness::{Format, Guest, Qemu, RawQmp};
use serde_json::{Value, json};

use super::{document, eval, qmpsh};

/// A machine whose firmware runs and answers no power button.
fn machine() -> Qemu {
    Qemu::bare()
        .monitor("second")
        .args("-machine q35 -accel tcg -m 32")
        .start()
}

/// Runs a ready-made script on one VM; its row, and what it logged.
#[track_caller]
fn run(words: &[&str], target: &str, code: i32) -> (Value, String) {
    let outcome = qmpsh(["--json", "run"])
        .args(words)
        .arg(target)
        .run()
        .expect_code(code);
    (document(&outcome)[0].clone(), outcome.stderr)
}

#[track_caller]
fn result(words: &[&str], target: &str) -> String {
    run(words, target, 0).0["result"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_guest_pauses_goes_on_and_powers_off_by_its_agent() {
    let mut guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    assert_eq!(result(&["pause"], &target), "was paused");
    assert_eq!(
        guest.raw_qmp().call("query-status", &Value::Null)["status"],
        "paused"
    );
    assert_eq!(result(&["pause"], &target), "did not run: it is paused");
    let (row, _) = run(&["power-off"], &target, 1);
    assert!(
        row["error"]["message"]
            .as_str()
            .unwrap()
            .contains("it is paused, so its guest cannot be asked")
    );
    let (row, _) = run(&["suspend"], &target, 1);
    assert!(
        row["error"]["message"]
            .as_str()
            .unwrap()
            .contains("it is paused")
    );
    assert_eq!(
        result(&["resume", "--set-time"], &target),
        "runs again; it was paused, and its clock was set"
    );
    assert_eq!(result(&["resume"], &target), "was running already");

    // It has no swap to sleep in, and its agent says so.
    let (row, _) = run(&["suspend", "--to", "disk"], &target, 4);
    assert_eq!(row["error"]["command"], "guest-suspend-disk", "{row}");

    let (row, log) = run(&["power-off"], &target, 0);
    assert_eq!(
        (&row["result"], &row["by"]),
        (&json!("powered off by its agent"), &json!("agent"))
    );
    assert!(!log.contains("not by the agent"), "{log}");
    assert!(guest.process().wait(Duration::from_secs(30)).is_some());
}

#[test]
fn a_guest_sleeps_and_wakes() {
    // A guest of its own: under emulation, one that has slept cannot power off any more.
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    assert_eq!(result(&["suspend"], &target), "sleeps");
    assert_eq!(result(&["suspend"], &target), "slept already");
    let (row, _) = run(&["resume"], &target, 1);
    assert!(
        row["error"]["message"]
            .as_str()
            .unwrap()
            .contains("wake it instead")
    );
    assert_eq!(result(&["wake-up"], &target), "is awake");
    assert_eq!(
        result(&["wake-up"], &target),
        "did not sleep: it is running"
    );
}

#[test]
fn a_guest_without_an_agent_powers_off_by_its_power_button() {
    let qemu = machine();
    let mut second = RawQmp::connect(qemu.monitor("second"));
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let running = qmpsh(["--json", "run", "power-off", &target]).spawn();
    // The test is the guest that feels its power button.
    second.event("POWERDOWN");
    second.call("quit", &Value::Null);
    let outcome = running.wait().expect_code(0);
    assert_eq!(
        document(&outcome)[0],
        json!({ "vm": target, "result": "powered off by its power button", "by": "acpi" })
    );
    assert!(
        outcome.stderr.contains("not by the agent: "),
        "{outcome:#?}"
    );
}

#[test]
fn a_guest_that_does_not_listen_is_ended_only_by_force() {
    let mut qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let (row, log) = run(&["power-off", "--wait", "100ms"], &target, 1);
    assert!(
        row["error"]["message"]
            .as_str()
            .unwrap()
            .contains("force ends it, but may lose data"),
        "{row}"
    );
    assert!(
        log.contains("the power button was pressed, and it did not power off in time"),
        "{log}"
    );
    assert!(!qemu.process().has_ended());
    let (row, _) = run(&["power-off", "--wait", "100ms", "--force"], &target, 0);
    assert_eq!(row["result"], "powered off by force");
    assert!(qemu.process().wait(Duration::from_secs(30)).is_some());
}

#[test]
fn a_qemu_that_outlives_its_guest_is_said_to_stay() {
    let mut qemu = Qemu::bare()
        .monitor("second")
        .args("-machine q35 -accel tcg -m 32 -no-shutdown -no-reboot")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    // With nobody to feel the power button, the guest's end is what `-no-reboot` makes of a reset.
    let mut second = RawQmp::connect(qemu.monitor("second"));
    let running = qmpsh(["--json", "run", "power-off", &target]).spawn();
    second.event("POWERDOWN");
    second.call("system_reset", &Value::Null);
    let row = document(&running.wait().expect_code(0))[0].clone();
    assert_eq!(
        row["result"],
        "powered off by its power button; QEMU stays, as -no-shutdown says"
    );
    assert_eq!(
        result(&["power-off"], &target),
        "was off already; QEMU stays, as -no-shutdown says, and force ends it"
    );
    assert!(!qemu.process().has_ended());
    let (row, _) = run(&["power-off", "--force"], &target, 0);
    assert_eq!(
        (&row["result"], &row["by"]),
        (&json!("was off already; QEMU is ended now"), &json!("quit"))
    );
    assert!(qemu.process().wait(Duration::from_secs(30)).is_some());
}

#[test]
fn a_reset_is_seen_to_happen() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    assert_eq!(result(&["power-reset"], &target), "was reset");
    // Another machine: firmware that was reset may reset itself once more.
    let qemu = Qemu::bare()
        .args("-machine q35 -accel tcg -m 32 -no-reboot")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let (row, _) = run(&["power-reset"], &target, 1);
    assert!(
        row["error"]["message"]
            .as_str()
            .unwrap()
            .contains("-no-reboot"),
        "{row}"
    );
}

#[test]
fn a_qemu_that_stays_behind_a_reset_is_not_said_to_have_ended() {
    let arguments = "-machine q35 -accel tcg -m 32 -no-shutdown -no-reboot";
    for (more, told) in [
        ("", "QEMU stays (shutdown), as -no-shutdown says"),
        // It has not run yet, and stays so.
        (
            "-S",
            "it was not reset, as its QEMU was started with -no-reboot; it is prelaunch",
        ),
    ] {
        let qemu = Qemu::bare().args(arguments).args(more).start();
        let (row, _) = run(&["power-reset"], qemu.qmp().to_str().unwrap(), 1);
        let message = row["error"]["message"].as_str().unwrap();
        assert!(message.contains(told), "{row}");
    }
}

#[test]
fn a_qemu_whose_guest_is_elsewhere_is_neither_let_run_nor_said_to_lose_data() {
    let arguments = "-machine pc -accel tcg -m 32";
    let waits = Qemu::bare().args(arguments).args("-incoming defer").start();
    let target = waits.qmp().to_str().unwrap().to_owned();
    let (row, _) = run(&["resume"], &target, 1);
    let message = row["error"]["message"].as_str().unwrap();
    assert!(message.contains("it waits for its guest"), "{row}");
    let (row, _) = run(&["power-off"], &target, 1);
    let message = row["error"]["message"].as_str().unwrap();
    assert!(message.contains("none has come in yet"), "{row}");

    let left = Qemu::bare().args(arguments).start();
    let target = left.qmp().to_str().unwrap().to_owned();
    let went = "v.qmp(\"migrate\", #{ uri: \"exec:cat >/dev/null\" }); v.migration.wait().status";
    assert_eq!(eval(&target, went), "completed");
    let (row, _) = run(&["power-off"], &target, 1);
    let message = row["error"]["message"].as_str().unwrap();
    let is_told = message.contains("must not run here") && !message.contains("may lose");
    assert!(is_told, "{row}");
}

#[test]
fn a_guest_that_still_cannot_write_is_not_said_to_run() {
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .arg("-blockdev")
        .arg("null-co,node-name=nothing,size=1048576,read-zeroes=on")
        .arg("-blockdev")
        .arg(
            "blkdebug,node-name=full,image=nothing,\
             inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.errno=28",
        )
        .arg("-device")
        .arg("virtio-blk-pci,id=full,drive=full")
        .boot();
    let target = guest.target();
    let mut monitor = guest.raw_qmp();
    // The answer to this line is to leave before it stops.
    guest.shell_ok(
        "(sleep 1; dd if=/dev/zero of=/dev/vdb bs=4k count=1 conv=fsync) >/dev/null 2>&1 &",
    );
    monitor.event("STOP");
    drop(monitor);
    let (row, _) = run(&["resume"], &target, 1);
    let message = row["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("was stopped again at once: it is io-error"),
        "{row}"
    );
}

#[test]
fn a_vm_that_runs_again_is_said_to_where_its_clock_cannot_be_set() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    result(&["pause"], &target);
    let (row, _) = run(&["resume", "--set-time"], &target, 3);
    let message = row["error"]["message"].as_str().unwrap();
    let told = "it runs again; it was paused, but its clock was not set: ";
    assert!(message.contains(told), "{row}");
    assert_eq!(eval(&target, "v.status"), "running");
}
