//! What work is done on: the runtime, the streams, the VMs, and the thread on which signals can stop it. A session adds
//! an engine and scripts to it; the one-shot commands do their work on it directly, so that both are interrupted, tell
//! what they wait for, and clean up in the same way.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::bridge::Bridge;
use super::called::Called;
use super::following::Following;
use super::output::Output;
use super::run::{Current, Run};
use crate::inventory::Inventory;

/// The stack of a script's thread: Rhai recurses where scripts nest, and a debug build takes far more for each step.
pub(super) const STACK: usize = if cfg!(debug_assertions) {
    256 << 20
} else {
    32 << 20
};

/// How long the guests' agents may take to close what an interrupted call left open.
const SETTLE: Duration = Duration::from_secs(5);

/// Where runs take place, one after the other.
pub struct Stage {
    bridge: Arc<Bridge>,
    output: Arc<Output>,
    called: Called,
    inventory: Arc<Inventory>,
    control: Control,
}

/// The run that a stage is in at the moment, for the thread that handles signals.
#[derive(Clone, Default)]
pub struct Control(Arc<Mutex<Option<Arc<Run>>>>);

impl Control {
    /// The run; none between runs.
    pub fn run(&self) -> Option<Arc<Run>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, run: Option<Arc<Run>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = run;
    }
}

/// A run that has ended. The error is a panic's payload.
pub struct Performed<T> {
    /// The run, for its stop and its notes.
    pub run: Arc<Run>,
    /// What became of the work.
    pub ended: thread::Result<T>,
}

impl Stage {
    /// A stage whose runs are given this. Fails if the runtime cannot start.
    pub fn new(output: Output, called: Called, inventory: Inventory) -> io::Result<Self> {
        Ok(Self {
            bridge: Bridge::new()?,
            output: Arc::new(output),
            called,
            inventory: Arc::new(inventory),
            control: Control::default(),
        })
    }

    /// For the thread that handles signals.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The VMs that runs can name.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    pub(super) fn shared_inventory(&self) -> Arc<Inventory> {
        self.inventory.clone()
    }

    pub(super) fn bridge(&self) -> &Arc<Bridge> {
        &self.bridge
    }

    /// The streams.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What follows events on this stage's runtime, and tells them on its streams.
    pub(super) fn following(&self, color: bool) -> Following {
        Following::new(self.bridge.clone(), self.output.clone(), color)
    }

    /// Does `work` as one run, on a thread of its own, and then waits for what it left behind in guests to be cleaned
    /// up. Blocks the calling thread. Fails if no thread can be made.
    pub fn perform<T: Send>(
        &self,
        work: impl FnOnce(&Current) -> T + Send,
    ) -> io::Result<Performed<T>> {
        self.perform_as(self.called.clone(), work)
    }

    /// As [`Stage::perform`], for a run that is given something else.
    pub(super) fn perform_as<T: Send>(
        &self,
        called: Called,
        work: impl FnOnce(&Current) -> T + Send,
    ) -> io::Result<Performed<T>> {
        let need = &self.inventory.fleet().settings().need;
        need.set(called.needed.clone());
        let run = Run::new(
            self.bridge.clone(),
            self.output.clone(),
            called,
            self.inventory.clone(),
        );
        self.control.set(Some(run.clone()));
        let current = Current::of(run.clone());
        let ended = thread::scope(|threads| {
            let on_its_thread = || {
                let _here = current.enter();
                let ended = catch_unwind(AssertUnwindSafe(|| work(&current)));
                settle(&current);
                ended
            };
            let thread = thread::Builder::new()
                .name("script".into())
                .stack_size(STACK)
                .spawn_scoped(threads, on_its_thread)?;
            Ok(thread.join().and_then(|ended| ended))
        });
        self.control.set(None);
        need.set(None);
        ended.map(|ended| Performed { run, ended })
    }
}

/// Waits for what interrupted calls left behind in guests to be cleaned up.
fn settle(current: &Current) {
    let settled = current.run().fleet().settings().settle(SETTLE);
    // It ends by itself, and nothing stops a clean-up.
    let _ = current.block_on_cleanup("open files in guests to be closed", settled);
}
