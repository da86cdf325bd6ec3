//! The session at a terminal: the time from its start to its first prompt, and the memory that it takes there.

use std::time::Duration;

use harness::{Folder, Qmpsh};

use crate::processes::resident;
use crate::qmpsh::PROGRAM;
use crate::rounds::{Contender, in_turn, timed};
use crate::table::{Quantity, Table, Target};

const ROUNDS: usize = 20;
const PROMPT_WITHIN: Target = Target::TimeAtMost(Duration::from_millis(20));
const AT_REST: Target = Target::MemoryAtMost(20 << 20);

pub(crate) fn measure(table: &mut Table) {
    let home = std::sync::Arc::new(Folder::new());
    let prompt: Contender<'_> = Box::new(|| {
        let mut begun = None;
        let time = timed(|| {
            let terminal = Qmpsh::at_home(PROGRAM, &home).on_terminal();
            terminal.wait_for("qmpsh>");
            begun = Some(terminal);
        });
        // Its end is not what is measured.
        drop(begun);
        time
    });
    let rounds = in_turn(ROUNDS, vec![prompt]);
    table.alone(
        "session: from start to prompt, at a new terminal",
        Quantity::Time(rounds.median(0)),
        Some(PROMPT_WITHIN),
    );
    let terminal = Qmpsh::at_home(PROGRAM, &home).on_terminal();
    terminal.wait_for("qmpsh>");
    table.alone(
        "session: memory at the prompt",
        Quantity::Memory(resident(terminal.id())),
        Some(AT_REST),
    );
}
