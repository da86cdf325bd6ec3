//! An agent that stands still until a deadline of qmpsh's has passed, and then goes on.

use harness::Signal;

use super::stage::{Fate, Stage, Step};
use super::table::Table;

/// What becomes of qmpsh while the agent stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Alive,
    Killed,
}

/// An agent stopped at each step, on one guest.
pub(super) fn table(then: Then) -> Table {
    let mut table = Table::default();
    let mut stage = Stage::new();
    let cause = match then {
        Then::Alive => "agent stopped",
        Then::Killed => "agent stopped, SIGKILL",
    };
    for step in Step::ALL {
        table.try_on(&mut stage, cause, step, |stage| case(stage, step, then));
    }
    table
}

fn case(stage: &Stage, step: Step, then: Then) -> bool {
    let hold = stage.hold(step);
    let mut shell = stage.shell("2s").spawn();
    stage.reach(step, &hold);
    stage.guest.stop_agent();
    // After a deadline qmpsh asks the agent to synchronize, so that is how it is seen to have passed.
    let deadline = stage.agent.hold_request("guest-sync-delimited");
    let late = match step {
        // Its reply must not come before the deadline.
        Step::FreezeSent | Step::ThawSent => Some(hold),
        _ => {
            Fate::Late.befall(hold);
            None
        }
    };
    deadline.wait();
    deadline.forward();
    if then == Then::Killed {
        shell.signal_group(Signal::KILL);
        shell.wait_for_exit();
    }
    if let Some(hold) = late {
        Fate::Late.befall(hold);
    }
    stage.guest.cont_agent();
    if !stage.thaws() {
        return false;
    }
    let outcome = shell.wait();
    assert_eq!(
        outcome.signal.is_some(),
        then == Then::Killed,
        "{outcome:#?}"
    );
    stage.assert_clean();
    true
}
