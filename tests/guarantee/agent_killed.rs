//! An agent that dies and is started again; what it had read and not answered is lost.

use super::stage::{Fate, Stage, Step};
use super::table::Table;

/// An agent killed at each step, on one guest.
pub(super) fn table() -> Table {
    let mut table = Table::default();
    let mut stage = Stage::new();
    for step in Step::ALL {
        for fate in [Fate::Late, Fate::Lost] {
            table.try_on(&mut stage, "agent killed", step, |stage| {
                case(stage, step, fate)
            });
        }
    }
    table
}

fn case(stage: &Stage, step: Step, fate: Fate) -> bool {
    let hold = stage.hold(step);
    // The transaction is the monitor's, and is not lost with an agent.
    let fate = match step {
        Step::FreezeAnswered | Step::InTransaction => Fate::Late,
        _ => fate,
    };
    let shell = stage.shell("2s").spawn();
    stage.reach(step, &hold);
    stage.guest.kill_agent();
    fate.befall(hold);
    if !stage.thaws() {
        return false;
    }
    // How it ends depends on what was lost; it must end by itself.
    let outcome = shell.wait();
    assert!(outcome.code.is_some(), "{outcome:#?}");
    stage.assert_clean();
    true
}
