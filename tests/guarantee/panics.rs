//! A panic in the process that froze the guest; the process goes on afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::stage::snapshot;
use super::table::Table;
use super::{Fate, Stage, Step};

pub(super) const CAUSE: &str = "panic";

/// A panic at each step, on one guest.
pub(super) fn all() -> Table {
    let mut table = Table::default();
    let stage = Stage::new();
    for step in Step::ALL {
        for fate in [Fate::Late, Fate::Lost] {
            table.note(CAUSE, step, case(&stage, step, fate));
        }
    }
    table
}

fn case(stage: &Stage, step: Step, fate: Fate) -> bool {
    let hold = stage.hold(step);
    let (light, fuse) = oneshot::channel();
    let vm = stage.vm(stage.settings());
    thread::scope(|threads| {
        let (panicked, panics) = oneshot::channel();
        let shell = threads.spawn(|| {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let work = async {
                tokio::select! {
                    result = snapshot(&vm, Duration::from_secs(60)) => panic!("too early: {result:?}"),
                    _ = fuse => resume_unwind(Box::new(step)),
                }
            };
            let end = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
            assert_eq!(end.unwrap_err().downcast_ref(), Some(&step));
            panicked.send(()).unwrap();
            // The process goes on, and the VM with it.
            let status = runtime.block_on(vm.agent().fsstatus());
            assert_eq!(status.unwrap(), "thawed");
        });
        stage.reach(step, &hold);
        light.send(()).unwrap();
        panics.blocking_recv().unwrap();
        fate.befall(hold);
        let thawed = stage.thaws();
        stage.assert_clean();
        shell.join().unwrap();
        thawed
    })
}

#[test]
fn a_panic_at_any_step_leaves_no_guest_frozen() {
    let table = all();
    println!("{table}");
    assert_eq!(table.left_frozen(), 0);
}
