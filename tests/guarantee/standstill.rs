//! A qmpsh that stands still, and one that is told to end at once: its guardian thaws.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use harness::Signal;

use super::signals::send;
use super::stage::{Fate, Stage, Step};

#[test]
fn a_shell_that_stands_still_in_the_window_is_replaced_and_learns_that_its_window_expired() {
    let stage = Stage::new();
    let hold = stage.hold(Step::InTransaction);
    let shell = stage.shell("2s").spawn();
    stage.reach(Step::InTransaction, &hold);
    shell.signal(Signal::STOP);
    assert!(stage.thaws());
    Fate::Late.befall(hold);
    shell.signal(Signal::CONT);
    let outcome = shell.wait();
    assert!(outcome.stderr.contains("window expired"), "{outcome:#?}");
    assert!(outcome.code.is_some_and(|code| code != 0), "{outcome:#?}");
    stage.assert_clean();
}

#[test]
fn a_shell_that_stands_still_while_its_freeze_is_answered_is_replaced() {
    let stage = Stage::new();
    let hold = stage.hold(Step::FreezeSent);
    let shell = stage.shell("2s").spawn();
    stage.reach(Step::FreezeSent, &hold);
    shell.signal(Signal::STOP);
    Fate::Late.befall(hold);
    assert!(stage.thaws());
    shell.signal(Signal::CONT);
    let outcome = shell.wait();
    assert!(outcome.code.is_some_and(|code| code != 0), "{outcome:#?}");
    stage.assert_clean();
}

#[test]
fn a_shell_that_stands_still_in_its_thaw_is_replaced_when_a_try_should_be_over() {
    let stage = Stage::new();
    let hold = stage.hold(Step::BeforeThaw);
    let shell = stage.shell("60s").spawn();
    stage.reach(Step::BeforeThaw, &hold);
    shell.signal(Signal::STOP);
    Fate::Lost.befall(hold);
    shell.wait_for_stderr("the shell hangs");
    assert!(stage.thaws());
    shell.signal(Signal::CONT);
    shell.wait();
    stage.assert_clean();
}

#[test]
fn a_signal_before_the_freeze_ends_the_shell_while_the_agent_is_silent() {
    let stage = Stage::new();
    let asked = stage.agent.hold_request("guest-fsfreeze-status");
    let mut shell = stage.shell("60s").spawn();
    asked.wait();
    send(&shell, Signal::INT);
    shell.wait_for_exit();
    shell.wait().expect_code(128 + Signal::INT.as_raw());
    drop(asked);
    assert!(!stage.guest.is_frozen());
    stage.assert_clean();
}

#[test]
fn a_third_signal_ends_the_shell_and_its_guardian_thaws_once_the_agent_goes_on() {
    let stage = Stage::new();
    third_signal(&stage, "2>&2");
    // Nobody reads what it says, and there is no room left for more.
    let pipe = full_pipe(&stage);
    third_signal(&stage, &format!("2<>{}", pipe.display()));
}

fn third_signal(stage: &Stage, redirection: &str) {
    let hold = stage.hold(Step::BeforeThaw);
    let mut shell = stage.shell_behind(redirection).spawn();
    stage.reach(Step::BeforeThaw, &hold);
    stage.guest.stop_agent();
    hold.forward();
    for _ in 0..3 {
        send(&shell, Signal::INT);
    }
    shell.wait_for_exit();
    assert!(stage.guest.is_frozen());
    stage.guest.cont_agent();
    assert!(stage.thaws());
    shell.wait().expect_code(128 + Signal::INT.as_raw());
    stage.assert_clean();
}

/// A named pipe that takes no byte more.
pub(super) fn full_pipe(stage: &Stage) -> PathBuf {
    const NONBLOCK: i32 = 0o4000;
    let path = stage.home.join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let pipe = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(NONBLOCK)
        .open(&path);
    let mut pipe = pipe.unwrap();
    while pipe.write(&[b'.'; 4096]).is_ok() {}
    // What is in a pipe is gone when nobody has it open.
    std::mem::forget(pipe);
    path
}
