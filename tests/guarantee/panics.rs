//! A panic in the process that froze the guest; the process goes on afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use qmpsh::client::{Channel, Direction, Tap, TapLine};
use qmpsh::inventory::Inventory;
use qmpsh::script::{Ending, Session, Settings, Source};
use qmpsh::vm::Fleet;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::stage::{Fate, SCRIPT, Stage, Step, snapshot};
use super::table::Table;

/// A panic at each step, on one guest: of whoever waits for the freeze beside other things, and of what looks at each
/// message under a script.
pub(super) fn table() -> Table {
    let mut table = Table::default();
    let mut stage = Stage::new();
    for step in Step::ALL {
        for fate in [Fate::Late, Fate::Lost] {
            table.try_on(&mut stage, "panic", step, |stage| beside(stage, step, fate));
        }
        table.try_on(&mut stage, "panic", step, |stage| {
            under_a_script(stage, step)
        });
    }
    table
}

fn beside(stage: &Stage, step: Step, fate: Fate) -> bool {
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
            runtime.block_on(vm.agent().fsstatus()).unwrap()
        });
        stage.reach(step, &hold);
        light.send(()).unwrap();
        panics.blocking_recv().unwrap();
        fate.befall(hold);
        let status = shell.join().unwrap();
        if !stage.thaws() {
            return false;
        }
        assert_eq!(status, "thawed");
        stage.assert_clean();
        true
    })
}

fn under_a_script(stage: &Stage, step: Step) -> bool {
    let mut vms = stage.settings();
    vms.tap = Some(Arc::new(Bomb {
        step,
        state: Mutex::new(State::Waiting),
    }));
    let mut session = Session::new(Settings {
        called: qmpsh::script::called::Called {
            args: vec![rhai::Dynamic::from(stage.target()), "60s".into()].into(),
            ..Default::default()
        },
        inventory: Inventory::new(Fleet::new(vms), Vec::new()),
        ..Settings::default()
    })
    .unwrap();
    let outcome = session.run(&Source::new("snapshot.rhai", SCRIPT));
    assert!(matches!(outcome.ending, Ending::Failed(_)), "{outcome:?}");
    if !stage.thaws() {
        return false;
    }
    stage.assert_clean();
    true
}

/// Panics once, when it sees the message of the step.
struct Bomb {
    step: Step,
    state: Mutex<State>,
}

enum State {
    Waiting,
    Answer,
    Done,
}

impl Tap for Bomb {
    fn message(&self, line: &TapLine<'_>) {
        let (channel, command, is_reply) = match self.step {
            Step::RecordWritten => (Channel::Agent, "guest-fsfreeze-freeze", false),
            Step::FreezeSent => (Channel::Agent, "guest-fsfreeze-freeze", true),
            Step::FreezeAnswered => (Channel::Qmp, "transaction", false),
            Step::InTransaction => (Channel::Qmp, "transaction", true),
            Step::BeforeThaw => (Channel::Agent, "guest-fsfreeze-thaw", false),
            Step::ThawSent => (Channel::Agent, "guest-fsfreeze-thaw", true),
        };
        if line.channel != channel || line.message.redacted().get("event").is_some() {
            return;
        }
        let mut state = self.state.lock().unwrap();
        let explodes = match (&*state, line.direction) {
            (State::Waiting, Direction::Sent) if line.message.redacted()["execute"] == command => {
                *state = State::Answer;
                !is_reply
            }
            (State::Answer, Direction::Received) => true,
            _ => false,
        };
        if explodes {
            *state = State::Done;
            drop(state);
            resume_unwind(Box::new("a panic at the step"));
        }
    }
}
