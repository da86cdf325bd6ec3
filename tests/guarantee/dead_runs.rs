//! Runs that died together with their guardians, as when a service manager kills all or the host crashes; and VMs that
//! end while their guests are frozen.

use harness::{Guest, Running, Signal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use super::stage::{Stage, Step};

/// A run that holds the guest frozen, straight on the VM's own sockets, until something ends it.
fn frozen_run(stage: &Stage) -> Running {
    let script = r#"
        let v = vm(args[0]);
        with v.agent.fsfreeze() as f { print("frozen"); sleep("1h"); }
    "#;
    let target = stage.guest.target();
    let shell = stage.script(script).arg(target).spawn();
    shell.wait_for_stdout("frozen");
    assert!(stage.guest.is_frozen());
    shell
}

fn kill_guardian(stage: &Stage) {
    let [guardian] = stage.guardians()[..] else {
        panic!("not one guardian: {:?}", stage.guardians());
    };
    let pid = Pid::from_raw(guardian.try_into().unwrap()).unwrap();
    let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    pidfd_send_signal(&process, Signal::KILL).unwrap();
    // Its lock on the record ends with it.
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], None);
    assert_eq!(ended.unwrap(), 1);
}

/// Kills a run and its guardian while the guest is frozen.
fn dead_run(stage: &Stage) {
    let mut shell = frozen_run(stage);
    kill_guardian(stage);
    shell.signal_group(Signal::KILL);
    shell.wait_for_exit();
    drop(shell);
    assert!(stage.guest.is_frozen());
    assert_eq!(stage.records(), 1);
}

#[test]
fn the_next_start_tells_of_a_run_that_died_with_its_guardian_and_thaw_stale_thaws() {
    let stage = Stage::new();
    dead_run(&stage);
    let qmp = stage.guest.qmp();
    let next = stage.qmpsh().args(["eval", "1"]).run().expect_code(0);
    assert_eq!(next.stdout, "1\n");
    assert!(next.stderr.contains(qmp.to_str().unwrap()), "{next:#?}");
    assert!(next.stderr.contains("qmpsh thaw --stale"), "{next:#?}");
    assert!(stage.guest.is_frozen());

    let thaw = stage.qmpsh().args(["thaw", "--stale"]).run().expect_code(0);
    assert!(thaw.stdout.contains(qmp.to_str().unwrap()), "{thaw:#?}");
    assert!(!stage.guest.is_frozen());
    stage.assert_clean();
    let next = stage.qmpsh().args(["eval", "1"]).run().expect_code(0);
    assert_eq!(next.stderr, "");
}

#[test]
fn the_record_of_a_vm_that_has_ended_is_forgotten() {
    let mut stage = Stage::new();
    dead_run(&stage);
    stage.guest.process().kill();
    let next = stage.qmpsh().args(["eval", "1"]).run().expect_code(0);
    assert_eq!(next.stderr, "");
    stage.assert_clean();
}

#[test]
fn a_guardian_that_was_killed_leaves_the_thaw_to_its_shell() {
    let stage = Stage::new();
    let shell = frozen_run(&stage);
    kill_guardian(&stage);
    shell.signal_group(Signal::TERM);
    assert!(stage.thaws());
    shell.wait().expect_code(128 + Signal::TERM.as_raw());
    stage.assert_clean();
}

#[test]
fn a_guardian_ends_when_its_vm_does() {
    let mut stage = Stage::new();
    let shell = frozen_run(&stage);
    stage.guest.stop_agent();
    shell.signal_group(Signal::KILL);
    shell.wait_for_stderr("thawing it");
    stage.guest.process().kill();
    let outcome = shell.wait();
    assert!(
        outcome.stderr.contains("nothing left to thaw"),
        "{outcome:#?}"
    );
    stage.assert_clean();
}

#[test]
fn a_run_ends_when_its_vm_does() {
    let mut stage = Stage::new();
    let shell = frozen_run(&stage);
    stage.guest.process().kill();
    shell.signal_group(Signal::TERM);
    shell.wait().expect_code(128 + Signal::TERM.as_raw());
    stage.assert_clean();
}

#[test]
fn a_freeze_of_another_client_is_refused_and_outlives_every_end_of_ours() {
    let stage = Stage::new();
    let mut other = stage.guest.raw_agent();
    other.call("guest-fsfreeze-freeze", &Value::Null);
    drop(other);
    let refused = stage.shell("60s").run();
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:#?}");
    assert!(
        refused.stderr.contains("frozen by something else"),
        "{refused:#?}"
    );
    for signal in [Signal::KILL, Signal::TERM] {
        let hold = stage.agent.hold_reply("guest-fsfreeze-status");
        let mut shell = stage.shell("60s").spawn();
        hold.wait();
        shell.signal_group(signal);
        shell.wait_for_exit();
        hold.forward();
        drop(shell);
        assert!(stage.guest.is_frozen());
        stage.assert_clean();
    }
    stage.qmpsh().args(["thaw", "--stale"]).run().expect_code(0);
    assert!(stage.guest.is_frozen());
}

#[test]
fn two_guests_that_one_run_froze_are_both_thawed() {
    let (one, other) = (Stage::new(), Guest::boot());
    let script = r#"
        with vm(args[0]).agent.fsfreeze() as f {
            with vm(args[1]).agent.fsfreeze() as g { print("frozen"); sleep("1h"); }
        }
    "#;
    for signal in [Signal::KILL, Signal::TERM] {
        let hold = one.hold(Step::RecordWritten);
        let targets = [one.target(), other.target()];
        let shell = one.script(script).args(targets).spawn();
        hold.wait();
        hold.forward();
        shell.wait_for_stdout("frozen");
        assert!(one.guest.is_frozen() && other.is_frozen());
        shell.signal_group(signal);
        assert!(one.thaws());
        one.assert_clean();
        // Its guardian is gone, so it has thawed.
        assert!(!other.is_frozen());
        drop(shell);
    }
}

#[test]
fn a_guardian_thaws_also_when_the_state_folder_was_removed() {
    let stage = Stage::new();
    let mut shell = frozen_run(&stage);
    std::fs::remove_dir_all(shell.state_dir()).unwrap();
    shell.signal_group(Signal::KILL);
    shell.wait_for_exit();
    assert!(stage.thaws());
}

#[test]
fn an_agent_that_was_named_by_a_relative_path_is_found_from_everywhere() {
    let stage = Stage::new();
    let script = r#"with vm(args[0]).agent.fsfreeze() as f { print("frozen"); sleep("1h"); }"#;
    for is_guarded in [true, false] {
        let folder = stage.guest.folder().path();
        let run = stage.script(script).current_dir(folder);
        let mut shell = run.arg("agent=unix:qga").spawn();
        shell.wait_for_stdout("frozen");
        assert!(stage.guest.is_frozen());
        if !is_guarded {
            kill_guardian(&stage);
        }
        shell.signal_group(Signal::KILL);
        shell.wait_for_exit();
        assert_eq!(stage.thaws(), is_guarded);
    }
    stage.qmpsh().args(["thaw", "--stale"]).run().expect_code(0);
    assert!(!stage.guest.is_frozen());
    stage.assert_clean();
}

#[test]
fn thawing_a_guest_forgets_the_record_of_the_run_that_left_it() {
    let stage = Stage::new();
    dead_run(&stage);
    let target = stage.guest.target();
    stage.qmpsh().args(["thaw", &target]).run().expect_code(0);
    assert!(!stage.guest.is_frozen());
    stage.assert_clean();
}
