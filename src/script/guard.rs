//! Guards: values that stand for a state which must be undone (a frozen guest, a paused VM). A script names one in
//! `with`, or leaves it bare; either way [`Guard::release`] runs. This file owns the trait and how a script value is
//! known to be a guard; `with` is in `with.rs`, the end of a run in `session.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration};

use super::stop::{Cause, Stop};
use crate::report::Report;

/// The native function that turns a script value into its guard; no script can name it.
pub(super) const AS_GUARD: &str = "guard of";

/// Something that must be undone.
pub trait Guard: Send + Sync {
    /// What is held, for people: ``the frozen guest of `web01` ``.
    fn describe(&self) -> String;

    /// Undoes it. Called once by `with` or at the run's end, maybe also by the script before: the second time it does
    /// nothing. Runs where no stop cuts it off; it must have a deadline of its own. `engine` is for guards that call back
    /// into the script.
    fn release(&self, engine: &Engine) -> Result<(), Box<EvalAltResult>>;

    /// The window in which work under this guard makes sense, if it can end by itself.
    fn window(&self) -> Option<&Window> {
        None
    }

    /// Whether there is nothing left to undo, as far as that can be seen at once: it was undone, or is gone.
    fn is_over(&self) -> bool {
        false
    }

    /// The guest that this keeps frozen, while it does.
    fn frozen(&self) -> Option<FrozenGuest> {
        None
    }
}

/// A guest that a guard keeps frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenGuest {
    /// What the user called its VM.
    pub vm: String,
    /// When it is thawed by itself.
    pub until: Instant,
}

/// Makes `T` a guard in scripts: `with` accepts it. `guard` gives the shared state, always the same one for clones.
pub fn register_guard<T: Clone + Send + Sync + 'static>(
    engine: &mut Engine,
    guard: fn(&T) -> Arc<dyn Guard>,
) {
    FuncRegistration::new(AS_GUARD)
        .register_into_engine(engine, move |value: &mut T| SharedGuard(guard(value)));
}

/// A guard on its way from a script value to `with`.
#[derive(Clone)]
pub(super) struct SharedGuard(pub(super) Arc<dyn Guard>);

/// Whether two guards are the same one.
pub(super) fn same(one: &Arc<dyn Guard>, other: &Arc<dyn Guard>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

/// The time in which a guard's state lasts. When it ends by itself, the script must hear of it: in `with`, the block
/// ends with the error; a bare guard's end is the end of the run.
pub struct Window {
    place: Mutex<Place>,
    in_with: AtomicBool,
}

/// What the window's end ends: the scope that `with` works under, and the run.
#[derive(Clone)]
struct Place {
    scope: Stop,
    run: Stop,
}

impl Window {
    pub(super) fn open(run: Stop, below: &Stop) -> Self {
        let scope = below.branch();
        Self {
            place: Mutex::new(Place { scope, run }),
            in_with: AtomicBool::new(false),
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session holds the guard on: from now on the window's end is another run's to hear. An end that came before stays.
    pub(super) fn move_to(&self, run: &Stop) {
        let mut place = self.place();
        if place.scope.ended().is_none() {
            *place = Place {
                scope: run.branch(),
                run: run.clone(),
            };
        }
    }

    /// The window has ended before its work did; `report` says so to the script. For any thread.
    pub fn expire(&self, report: Report) {
        let place = self.place();
        let cause = Cause::Ended(place.scope.id(), Arc::new(report));
        place.scope.trip(cause.clone());
        if !self.in_with.load(Ordering::Acquire) {
            place.run.trip(cause);
        }
    }

    /// The error of the window's end, once it ended before its guard was released.
    pub(super) fn ended(&self) -> Option<Arc<Report>> {
        self.place().scope.ended()
    }

    /// From now on a `with` block is what the window's end ends.
    pub(super) fn enter_with(&self) -> Stop {
        self.in_with.store(true, Ordering::Release);
        self.place().scope.clone()
    }
}

/// The script value of a guard, for the message when `with` got something else.
pub(super) fn type_of(engine: &Engine, value: &Dynamic) -> String {
    engine.map_type_name(value.type_name()).to_owned()
}
