//! Signals that end the process which froze the guest.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::{Running, Signal};

use super::stage::{Fate, Stage, Step};
use super::table::Table;

/// Each signal at each step, on one guest.
pub(super) fn table(signals: &[Signal]) -> Table {
    let mut table = Table::default();
    let mut stage = Stage::new();
    for &signal in signals {
        for step in Step::ALL {
            for fate in [Fate::Late, Fate::Lost] {
                table.try_on(&mut stage, name(signal), step, |stage| {
                    case(stage, step, fate, signal)
                });
            }
        }
    }
    table
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::KILL => "SIGKILL",
        Signal::TERM => "SIGTERM",
        Signal::INT => "SIGINT",
        Signal::HUP => "SIGHUP",
        _ => "another signal",
    }
}

fn case(stage: &Stage, step: Step, fate: Fate, signal: Signal) -> bool {
    let hold = stage.hold(step);
    let mut shell = stage.shell("60s").spawn();
    stage.reach(step, &hold);
    strike(&mut shell, step, signal);
    fate.befall(hold);
    if !stage.thaws() {
        return false;
    }
    let outcome = shell.wait();
    match signal {
        Signal::KILL => assert_eq!(outcome.signal, Some(signal.as_raw()), "{outcome:#?}"),
        _ => {
            outcome.expect_code(128 + signal.as_raw());
        }
    }
    stage.assert_clean();
    true
}

/// Sends the signal and returns when it has had its effect: the message that is held moves on only after that.
fn strike(shell: &mut Running, step: Step, signal: Signal) {
    if signal == Signal::KILL {
        shell.signal_group(signal);
    } else {
        send(shell, signal);
    }
    // Elsewhere it waits for the agent, and cannot end before that.
    if signal == Signal::KILL || matches!(step, Step::FreezeAnswered | Step::InTransaction) {
        shell.wait_for_exit();
    }
}

/// Sends a signal that qmpsh handles, and returns when it has.
pub(super) fn send(shell: &Running, signal: Signal) {
    let before = rests(shell.id());
    assert!(before != Rest::None, "qmpsh handles no signals");
    shell.signal_group(signal);
    let unmoved = [Rest::Awake, before];
    let end = Instant::now() + Duration::from_secs(60);
    while unmoved.contains(&rests(shell.id())) {
        assert!(Instant::now() < end, "qmpsh takes no notice of {signal:?}");
        sleep(Duration::from_millis(1));
    }
}

/// What qmpsh's thread for signals does.
#[derive(PartialEq, Eq)]
enum Rest {
    Awake,
    /// It sleeps, after having gone to sleep so often.
    Asleep(u64),
    /// There is none, or no more.
    None,
}

fn rests(pid: u32) -> Rest {
    let Some(status) = thread_status(pid) else {
        return Rest::None;
    };
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
    match (field("State:\tS"), field("voluntary_ctxt_switches:\t")) {
        (Some(_), Some(count)) => Rest::Asleep(count.parse().unwrap()),
        _ => Rest::Awake,
    }
}

fn thread_status(pid: u32) -> Option<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let thread = tasks
        .filter_map(|task| Some(task.ok()?.path()))
        .find(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "signals\n"))?;
    fs::read_to_string(thread.join("status")).ok()
}
