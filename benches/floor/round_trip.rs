//! `query-status`, again and again: what a call costs beside QEMU's own time.
//!
//! QEMU reads a request a byte at a time, so its own time grows with each: with an id, which only tells replies apart,
//! a request as short as this one takes it a quarter longer. The floor sends ids too, as each client has to that must
//! not take a late reply for another's; what they cost is shown by a loop without.

use harness::Qemu;
use serde_json::{Map, Value};

use crate::peers;
use crate::qmpsh::{Layer, Script};
use crate::raw::{Raw, request};
use crate::rounds::{Contender, Rounds, in_turn, timed};
use crate::table::{Quantity, Table, Target};

const ROUNDS: usize = 50;
/// Each starts a Python.
const PEER_ROUNDS: usize = 8;
/// Calls in a round: long enough that the start of a script does not count.
const CALLS: u32 = 200;

pub(crate) fn measure(table: &mut Table) {
    let qemu = Qemu::bare().start();
    let socket = qemu.qmp();
    let target = socket.to_str().unwrap();
    let script = format!("for i in 0..{CALLS} {{ v.qmp(\"query-status\") }}");

    let raw = |request: fn(u32) -> Vec<u8>| -> Contender<'_> {
        let socket = &socket;
        Box::new(move || {
            let mut raw = Raw::monitor(socket);
            timed(|| {
                for number in 0..CALLS {
                    raw.exchange(&request(number));
                }
            })
        })
    };
    let script = Box::new(|| Script::new(target, None, "v.qmp(\"query-status\")").run(&script));
    let layer = Box::new(|| {
        let layer = Layer::new(target);
        let call = || layer.wait(layer.vm.call("query-status", Map::new()));
        call();
        timed(|| {
            for _ in 0..CALLS {
                call();
            }
        })
    });
    let rounds = in_turn(ROUNDS, vec![raw(with_id), script, layer, raw(without_id)]);
    let each = |rounds: &Rounds, contender| Quantity::Time(rounds.median(contender) / CALLS);
    for (contender, what, target) in [
        (
            1,
            "query-status in a script's loop",
            Some(Target::RatioAtMost(1.10)),
        ),
        (2, "  the same on the VM layer", None),
        (3, "  a plain loop without ids", None),
    ] {
        table.compare(
            what,
            each(&rounds, 0),
            each(&rounds, contender),
            rounds.ratio(contender, 0),
            target,
        );
    }

    if let Some(python) = peers::python() {
        let python = Box::new(|| peers::qmp_loop(&python, &socket, CALLS));
        let rounds = in_turn(PEER_ROUNDS, vec![raw(with_id), python]);
        let (floor, measured) = (each(&rounds, 0), each(&rounds, 1));
        table.compare(
            "peer: qemu.qmp in a Python loop",
            floor,
            measured,
            rounds.ratio(1, 0),
            None,
        );
    }
}

/// A request with an id as long as those of qmpsh.
fn with_id(number: u32) -> Vec<u8> {
    format!("{{\"execute\":\"query-status\",\"id\":\"{number:06x}\"}}\n").into_bytes()
}

fn without_id(_: u32) -> Vec<u8> {
    request("query-status", Value::Null)
}
