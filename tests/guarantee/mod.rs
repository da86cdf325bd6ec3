//! The proof of the thaw guarantee: whatever ends or stops qmpsh, or its agent, at whatever step of a freeze, the guest
//! is thawed within ten seconds once its agent can answer.
//!
//! A [`Stage`] is a real guest behind proxies that hold the message of a [`Step`], so that each cause strikes at a known
//! moment. The witness that a guest is thawed is its kernel, never the agent or qmpsh.

mod agent_killed;
mod agent_stopped;
mod dead_runs;
mod limits;
mod panics;
mod ready_made;
mod signals;
mod stage;
mod standstill;
mod table;

use std::thread;

use harness::Signal;

use self::stage::{Stage, Step};
use self::table::Table;

/// The table of the proof: each cause has a guest of its own.
#[test]
fn no_cause_at_any_step_leaves_a_guest_frozen() {
    let columns: [fn() -> Table; 6] = [
        || signals::table(&[Signal::KILL, Signal::TERM]),
        || signals::table(&[Signal::INT, Signal::HUP]),
        panics::table,
        agent_killed::table,
        || agent_stopped::table(agent_stopped::Then::Alive),
        || agent_stopped::table(agent_stopped::Then::Killed),
    ];
    let mut table = Table::default();
    thread::scope(|threads| {
        for column in columns.map(|column| threads.spawn(column)) {
            table.add(column.join().unwrap());
        }
    });
    println!("{table}");
    assert_eq!(table.left_frozen(), 0, "\n{table}");
}
