//! `freeze-snapshot-thaw` when it fails: no overlay attached, no node and no file left, the guest thawed.

use harness::{Folder, Guest, Outcome, Running};
use serde_json::Value;

use super::lent::lent;
use super::relay::Relay;
use super::{State, files, machine, qmpsh, refuse_in_the_window};

/// Runs the script, which has to fail with that code and leave all as it was.
#[track_caller]
fn fails_cleanly(guest: &Guest, options: &[&str], code: i32) -> Outcome {
    let before = State::of_guest(guest);
    let outcome = qmpsh(["run", "freeze-snapshot-thaw", &guest.target()])
        .args(options)
        .run()
        .expect_code(code);
    assert_eq!(State::of_guest(guest), before, "{outcome:#?}");
    assert!(!guest.is_frozen(), "{outcome:#?}");
    outcome
}

/// Starts the script, with its overlays in that folder and its messages on standard error.
fn start(guest: &Guest, folder: &Folder) -> Running {
    let target = guest.target();
    let line = ["-v", "run", "freeze-snapshot-thaw", &target, "--dir"];
    qmpsh(line).arg(folder.path()).spawn()
}

#[test]
fn a_snapshot_that_cannot_be_taken_leaves_nothing_behind() {
    let guest = lent();
    let outcome = fails_cleanly(&guest, &["--dir", "/no/such/folder"], 4);
    assert!(
        outcome.stderr.contains("No such file or directory"),
        "{outcome:#?}"
    );
    let outcome = fails_cleanly(&guest, &["--dir", "/sys"], 4);
    assert!(outcome.stderr.contains("Permission denied"), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("QEMU opens files as the user"),
        "{outcome:#?}"
    );
}

#[test]
fn a_transaction_that_is_refused_thaws_the_guest_and_leaves_nothing() {
    let outcome = refuse_in_the_window(qmpsh(["run", "freeze-snapshot-thaw"]));
    assert!(outcome.stderr.contains("is busy"), "{outcome:#?}");
}

#[test]
fn a_freeze_that_takes_longer_than_its_window_is_thawed_and_leaves_nothing() {
    let guest = lent();
    guest.freeze_hook("test $1 = thaw || sleep 2");
    let outcome = fails_cleanly(&guest, &["--max", "1s"], 5);
    assert!(
        outcome.stderr.contains("guest-fsfreeze-freeze"),
        "{outcome:#?}"
    );
    guest.freeze_hook("test $1 = thaw");
    let outcome = fails_cleanly(&guest, &[], 4);
    assert!(outcome.stderr.contains("hook"), "{outcome:#?}");
    guest.no_freeze_hook();
}

#[test]
fn a_transaction_that_outlasts_the_window_is_taken_back() {
    let guest = lent();
    let before = State::of_guest(&guest);
    let relay = Relay::holding(&guest.qmp(), "\"transaction\"");
    let target = format!(
        "qmp={},agent={}",
        relay.socket().display(),
        guest.agent().display()
    );
    let running = qmpsh(["-v", "run", "freeze-snapshot-thaw", &target, "--max", "1s"]).spawn();
    relay.wait();
    assert!(guest.is_frozen());
    // The thaw comes by itself; only then does QEMU see the transaction, which it carries out.
    running.wait_for_stderr("file systems were frozen for");
    assert!(!guest.is_frozen());
    guest.shell_ok("echo meanwhile > /data/meanwhile; sync");
    relay.release();
    let outcome = running.wait().expect_code(4);
    assert!(
        outcome.stderr.contains("block-commit"),
        "the overlays were attached: {outcome:#?}"
    );
    assert!(
        outcome
            .stderr
            .contains("the freeze window expired after 1 s"),
        "{outcome:#?}"
    );
    assert_eq!(State::of_guest(&guest), before);
    guest.shell_ok("echo 3 > /proc/sys/vm/drop_caches");
    assert_eq!(guest.shell_ok("cat /data/meanwhile"), "meanwhile");
}

#[test]
fn a_vm_killed_while_it_freezes_leaves_no_overlay() {
    let mut guest = Guest::boot();
    guest.freeze_hook("sleep 30");
    let folder = Folder::new();
    let running = start(&guest, &folder);
    running.wait_for_stderr("\"execute\":\"guest-fsfreeze-freeze\"");
    assert_eq!(files(folder.path(), ".qcow2").len(), 2);
    guest.process().kill();
    let outcome = running.wait().expect_code(3);
    assert_eq!(files(folder.path(), ".qcow2").len(), 0, "{outcome:#?}");
    assert!(!outcome.stderr.contains("left behind"), "{outcome:#?}");
}

#[test]
fn a_vm_killed_with_its_overlays_attached_keeps_those_that_its_guest_wrote_to() {
    let mut guest = Guest::boot();
    // The hook runs after the thaw: the guest writes again, to the overlays, and the thaw is not answered yet.
    guest.freeze_hook("test $1 = freeze || { echo last > /data/last; sync; sleep 30; }");
    let folder = Folder::new();
    let running = start(&guest, &folder);
    running.wait_for_stderr("\"execute\":\"guest-fsfreeze-thaw\"");
    guest.shell_ok("until test -e /data/last; do usleep 10000; done; sync");
    guest.process().kill();
    let outcome = running.wait().expect_code(3);
    assert!(
        outcome
            .stderr
            .contains("it holds what the guest wrote last"),
        "{outcome:#?}"
    );
    assert!(
        files(folder.path(), ".qcow2")
            .iter()
            .any(|file| outcome.stderr.contains(file.to_str().unwrap())),
        "{outcome:#?}"
    );
}

#[test]
fn quiesce_says_what_becomes_of_a_guest_that_cannot_be_frozen() {
    let guest = Guest::boot();
    let outcome = qmpsh([
        "-v",
        "run",
        "freeze-snapshot-thaw",
        &guest.target(),
        "--quiesce",
        "no",
    ])
    .run()
    .expect_code(0);
    assert!(
        !outcome.stderr.contains("agent "),
        "the agent is not asked: {outcome:#?}"
    );
    assert!(
        outcome
            .stdout
            .ends_with("the guest was not frozen: the snapshot is crash-consistent\n"),
        "{outcome:#?}"
    );

    // (what the agent does, what that is called)
    for stopped in [true, false] {
        let message = if stopped {
            "did not answer within 5 s"
        } else {
            "does not run"
        };
        if stopped {
            guest.stop_agent();
        } else {
            guest.agent_down();
        }
        let outcome = fails_cleanly(&guest, &["--quiesce", "require"], 3);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
        let outcome = qmpsh([
            "--json",
            "run",
            "freeze-snapshot-thaw",
            &guest.target(),
            "--quiesce",
            "prefer",
        ])
        .run()
        .expect_code(0);
        assert!(
            outcome
                .stderr
                .contains("not frozen, so the snapshot is crash-consistent only"),
            "{outcome:#?}"
        );
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
        let taken: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(taken["quiesced"], false);
        assert_eq!(taken["disks"].as_array().unwrap().len(), 2);
        if stopped {
            guest.cont_agent();
        } else {
            guest.agent_up();
        }
    }
}

#[test]
fn what_is_wrong_on_this_host_is_no_reason_to_go_on_unfrozen() {
    let guest = lent();
    let before = State::of_guest(&guest);
    let take = "import \"std/snapshot\" as snapshot; snapshot::take(vm(args[0]), #{ quiesce: \"prefer\", max: MAX })";
    for (state, max, message) in [
        ("/proc/no/state", "\"10s\"", "/proc/no/state"),
        ("", "\"soon\"", "`soon` is no length of time"),
    ] {
        let script = qmpsh(["eval", &take.replace("MAX", max), &guest.target()]);
        let script = if state.is_empty() {
            script
        } else {
            script.env("QMPSH_STATE_DIR", state)
        };
        let outcome = script.run().expect_code(1);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
        assert_eq!(State::of_guest(&guest), before);
        assert!(!guest.is_frozen());
    }
}

#[test]
fn a_vm_without_an_agents_port_can_be_snapshot_unfrozen() {
    let qemu = machine();
    let monitor = qemu.qmp();
    let script = ["run", "freeze-snapshot-thaw", monitor.to_str().unwrap()];
    let outcome = qmpsh(script).run().expect_code(3);
    assert!(
        outcome.stderr.contains("no guest agent socket is known"),
        "{outcome:#?}"
    );
    assert_eq!(files(qemu.folder().path(), "Z.qcow2").len(), 0);
    let outcome = qmpsh(script)
        .args(["--quiesce", "prefer"])
        .run()
        .expect_code(0);
    assert!(
        outcome
            .stdout
            .ends_with("the guest was not frozen: the snapshot is crash-consistent\n"),
        "{outcome:#?}"
    );
    assert_eq!(files(qemu.folder().path(), "Z.qcow2").len(), 2);
}

#[test]
fn a_guest_that_another_tool_froze_is_not_snapshot_and_stays_frozen() {
    let guest = lent();
    guest
        .raw_agent()
        .call("guest-fsfreeze-freeze", &Value::Null);
    let before = State::of_guest(&guest);
    for quiesce in ["require", "prefer"] {
        let outcome = qmpsh([
            "run",
            "freeze-snapshot-thaw",
            &guest.target(),
            "--quiesce",
            quiesce,
        ])
        .run()
        .expect_code(4);
        assert!(
            outcome
                .stderr
                .contains("was already frozen by something else"),
            "{outcome:#?}"
        );
    }
    assert_eq!(State::of_guest(&guest), before);
    assert!(guest.is_frozen());
    guest.raw_agent().call("guest-fsfreeze-thaw", &Value::Null);
}
