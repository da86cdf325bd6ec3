//! One run of a script: what all its threads share ([`Run`]), and where each thread is in it ([`Current`]): under which
//! stop it works. Rhai's operation counter is called with no context, so the place is kept per thread; native functions
//! ask [`current`]. It owns no engine and no script text.

mod named;
mod waits;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rhai::{Dynamic, EvalAltResult};

use self::waits::{Waiting, Waits};
use super::bridge::{self, Bridge};
use super::called::Called;
use super::consent::Consents;
use super::error::{self, Ended};
use super::guard::{self, Guard, Window};
use super::output::Output;
use super::permit::Permit;
use super::stop::{Cause, Stop};
use crate::client::call::SYNC;
use crate::inventory::Inventory;
use crate::report::{Kind, Report};
use crate::vm::Fleet;

/// What all threads of one run share.
pub struct Run {
    bridge: Arc<Bridge>,
    stop: Stop,
    output: Arc<Output>,
    called: Called,
    inventory: Arc<Inventory>,
    guards: Mutex<Vec<Arc<dyn Guard>>>,
    notes: Mutex<Vec<Report>>,
    result: Mutex<Dynamic>,
    waits: Waits,
    consents: Consents,
}

/// Where a thread is: in which run, under which stop.
#[derive(Clone)]
pub struct Current {
    run: Arc<Run>,
    stop: Stop,
    is_one_of_many: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// The run that this thread works for. Fails outside of one: a fault of ours.
pub fn current() -> Result<Current, Box<EvalAltResult>> {
    CURRENT.with_borrow(Clone::clone).ok_or_else(|| {
        error::thrown(&Report::new(
            Kind::Fault,
            "a native function was called outside of a run",
        ))
    })
}

/// Why this thread must end now: for the engine's operation counter, which calls it at every operation.
pub(super) fn poll_stop(operations: u64) -> Option<Cause> {
    CURRENT.with_borrow(|current| {
        current
            .as_ref()
            .and_then(|current| current.stop.poll(operations))
    })
}

impl Run {
    pub(super) fn new(
        bridge: Arc<Bridge>,
        output: Arc<Output>,
        called: Called,
        inventory: Arc<Inventory>,
    ) -> Arc<Self> {
        Arc::new(Self {
            bridge,
            stop: Stop::root(),
            output,
            called,
            inventory,
            guards: Mutex::default(),
            notes: Mutex::default(),
            result: Mutex::default(),
            waits: Waits::default(),
            consents: Consents::default(),
        })
    }

    /// The scope of the whole run.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The crossing to the runtime, for those who start tasks or need it driven.
    pub fn bridge(&self) -> &Arc<Bridge> {
        &self.bridge
    }

    /// Where the script's results and messages go.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What of this host the script may touch.
    pub fn permit(&self) -> &Permit {
        &self.called.permit
    }

    /// What the script finds in `args`.
    pub(super) fn args(&self) -> &Dynamic {
        &self.called.args
    }

    /// The VMs that the session can name.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The VMs that the session has named.
    pub fn fleet(&self) -> &Fleet {
        self.inventory.fleet()
    }

    /// What was allowed in it.
    pub(super) fn consents(&self) -> &Consents {
        &self.consents
    }

    /// What the run waits for or cleans up at the moment, oldest first.
    pub fn waits(&self) -> Vec<String> {
        self.waits.list()
    }

    /// After how long somebody at a terminal is told what is waited for: two thirds of the shortest deadline.
    fn notice_after(&self) -> Duration {
        let shortest = self.fleet().settings().timeout.unwrap_or(SYNC).min(SYNC);
        shortest * 2 / 3
    }

    /// Remembers a problem that no error can carry (a release that failed while a stop goes on): shown at the end.
    pub fn note(&self, report: Report) {
        lock(&self.notes).push(report);
    }

    /// The problems that were noted, once.
    pub fn take_notes(&self) -> Vec<Report> {
        std::mem::take(&mut lock(&self.notes))
    }

    /// Keeps the value of a run that ends otherwise than by its last statement.
    pub fn set_result(&self, value: Dynamic) {
        *lock(&self.result) = value;
    }

    pub(super) fn take_result(&self) -> Dynamic {
        std::mem::take(&mut *lock(&self.result))
    }

    /// Has `guard` released at the run's end, last in first out, unless it is before.
    pub fn keep(&self, guard: Arc<dyn Guard>) {
        lock(&self.guards).push(guard);
    }

    /// The guard was released: nothing is left to do at the end.
    pub fn forget(&self, guard: &Arc<dyn Guard>) {
        lock(&self.guards).retain(|kept| !guard::same(kept, guard));
    }

    /// What is to be released, oldest first.
    pub(super) fn guards(&self) -> Vec<Arc<dyn Guard>> {
        lock(&self.guards).clone()
    }

    pub(super) fn take_last_guard(&self) -> Option<Arc<dyn Guard>> {
        lock(&self.guards).pop()
    }

    /// Has [`Run::waits`] tell of `what` until the guard is dropped.
    pub(super) fn wait_for(&self, what: String) -> Waiting<'_> {
        self.waits.begin(what)
    }
}

/// Holds lists only, which no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Current {
    pub(super) fn of(run: Arc<Run>) -> Self {
        let stop = run.stop.clone();
        Self {
            run,
            stop,
            is_one_of_many: false,
        }
    }

    /// The run.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// The stop that this thread works under.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The same run under another stop.
    #[must_use]
    pub fn under(&self, stop: Stop) -> Self {
        Self {
            run: self.run.clone(),
            stop,
            is_one_of_many: self.is_one_of_many,
        }
    }

    /// The same for a thread that does what others do on other items.
    #[must_use]
    pub(super) fn one_of_many(self) -> Self {
        Self {
            is_one_of_many: true,
            ..self
        }
    }

    pub(super) fn is_one_of_many(&self) -> bool {
        self.is_one_of_many
    }

    /// Makes this the place of the calling thread until the guard is dropped.
    pub(super) fn enter(&self) -> Entered {
        Entered {
            before: CURRENT.replace(Some(self.clone())),
        }
    }

    /// Waits for `work`, a cancel-safe future; `what` says to people what is waited for. A stop ends the wait with the
    /// error that ends the script, which `catch` cannot swallow.
    pub fn block_on<T>(
        &self,
        what: impl fmt::Display,
        work: impl Future<Output = T>,
    ) -> Result<T, Box<EvalAltResult>> {
        self.wait(what, work).map_err(error::stopped)
    }

    /// As [`Current::block_on`], for work that no script asked for.
    pub fn ask<T, E: Into<Report>>(
        &self,
        what: impl fmt::Display,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Ended> {
        match self.wait(what, work) {
            Ok(done) => done.map_err(Ended::from),
            Err(cause) => Err(Ended::Stopped(cause)),
        }
    }

    /// As [`Current::ask`], for what is long because the user wants it so: nobody is told.
    pub fn stay<T, E: Into<Report>>(
        &self,
        what: impl Into<String>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Ended> {
        match self.rest_or_stop(what.into(), work) {
            Ok(done) => done.map_err(Ended::from),
            Err(cause) => Err(Ended::Stopped(cause)),
        }
    }

    fn wait<T>(&self, what: impl fmt::Display, work: impl Future<Output = T>) -> Result<T, Cause> {
        let what = what.to_string();
        let output = &self.run.output;
        let notice = output.is_watched().then(|| self.run.notice_after());
        let told = format!("waiting for {what}");
        self.rest_or_stop(
            what,
            bridge::noticed(work, notice, || {
                // Whoever is asked knows what is waited for.
                if !self.run.consents.is_asking() {
                    drop(output.message(&told));
                }
            }),
        )
    }

    /// As [`Current::block_on`], for what is long because the script wants it so: nobody is told.
    pub fn rest<T>(
        &self,
        what: impl Into<String>,
        work: impl Future<Output = T>,
    ) -> Result<T, Box<EvalAltResult>> {
        self.rest_or_stop(what.into(), work).map_err(error::stopped)
    }

    fn rest_or_stop<T>(&self, what: String, work: impl Future<Output = T>) -> Result<T, Cause> {
        let _waiting = self.run.wait_for(what);
        self.run.bridge.block_on(&self.stop, work)
    }

    /// Waits for `work` where no stop cuts it off: for clean-up. It must end by itself.
    pub fn block_on_cleanup<T>(
        &self,
        what: impl fmt::Display,
        work: impl Future<Output = T>,
    ) -> Result<T, Box<EvalAltResult>> {
        self.cleaning_up().block_on(what, work)
    }

    /// The error that ends a script which was told to stop.
    pub fn stopped(&self) -> Box<EvalAltResult> {
        error::stopped(self.stop.cause().unwrap_or(Cause::Exit(0)))
    }

    /// The same run where no stop reaches.
    pub(super) fn cleaning_up(&self) -> Self {
        self.under(Stop::root())
    }

    /// A window for a guard made here.
    pub fn window(&self) -> Window {
        Window::open(self.run.stop.clone(), &self.stop)
    }
}

/// Restores the thread's former place when dropped.
pub(super) struct Entered {
    before: Option<Current>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}
