//! The session at a terminal: the time from its start to its first prompt, the memory that it takes there, and the time
//! from a Ctrl-C to the next prompt.

use std::cell::Cell;
use std::time::Duration;

use harness::{Folder, Qemu, Qmpsh, Signal};

use crate::processes::resident;
use crate::qmpsh::PROGRAM;
use crate::rounds::{Contender, in_turn, timed};
use crate::table::{Quantity, Table, Target};

const ROUNDS: usize = 20;
const PROMPT_WITHIN: Target = Target::TimeAtMost(Duration::from_millis(20));
const INTERRUPTED_WITHIN: Target = Target::TimeAtMost(Duration::from_millis(100));
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
    interrupts(table);
}

/// What a Ctrl-C ends: a line that computes, and one that waits for a QEMU which does not answer.
fn interrupts(table: &mut Table) {
    let mut qemu = Qemu::bare().start();
    let terminal = Qmpsh::new(PROGRAM).on_terminal();
    terminal.resize(200, 50);
    let target = qemu.qmp().display().to_string();
    terminal.types(&format!("let v = vm(\"{target}\"); v.status\r"));
    terminal.wait_for_end("running\nqmpsh>");
    qemu.process().signal(Signal::STOP);
    let begun = Cell::new(0);
    let interrupted = |work: &'static str| -> Contender<'_> {
        let (terminal, begun) = (&terminal, &begun);
        Box::new(move || {
            // What earlier rounds wrote is not to be taken for this one's.
            let mark = format!("round {}", begun.get());
            begun.set(begun.get() + 1);
            terminal.types(&format!("print(\"{mark}\"); {work}\r"));
            terminal.wait_for(&format!("\n{mark}"));
            timed(|| {
                terminal.types("\x03");
                terminal.wait_for_end(&format!("{mark}\n^Cinterrupted\nqmpsh>"));
            })
        })
    };
    let contenders = vec![interrupted("loop { }"), interrupted("v.status")];
    let rounds = in_turn(ROUNDS, contenders);
    for (place, what) in [
        "session: from Ctrl-C to prompt, in a loop",
        "session: from Ctrl-C to prompt, in a call to a stopped QEMU",
    ]
    .into_iter()
    .enumerate()
    {
        table.alone(
            what,
            Quantity::Time(rounds.median(place)),
            Some(INTERRUPTED_WITHIN),
        );
    }
    qemu.process().signal(Signal::CONT);
}
