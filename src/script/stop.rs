//! Stopping: why a script must end now, and who asked for it. A [`Stop`] is one scope of a tree: the run is the root, a
//! `timeout`, a freeze window or a `parallel` worker a branch. Tripping a scope stops it and all below it; who opened the
//! scope turns its own stop back into the right error. Nothing here waits or knows the runtime: the bridge selects on
//! [`Stop::stopped`], and the engine asks [`Stop::poll`] at every operation.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::report::Report;

/// How many operations of a pure loop may pass before its deadline is looked at (a look at the clock costs as much as
/// several operations).
const OPERATIONS_PER_CLOCK: u64 = 256;

/// Tells one scope from all others of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeId(u64);

/// Why a scope was stopped.
#[derive(Clone, Debug)]
pub enum Cause {
    /// The process got a signal.
    Signal(u8),
    /// The script called `exit`.
    Exit(u8),
    /// The scope itself ended: its deadline passed, or its owner ended it. The report is the error that the owner throws.
    Ended(ScopeId, Arc<Report>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::Exit(code) => write!(f, "exit({code})"),
            Self::Ended(_, report) => report.fmt(f),
        }
    }
}

/// One scope that can be stopped. Cheap to clone; all clones are the same scope.
#[derive(Clone)]
pub struct Stop(Arc<Scope>);

struct Scope {
    id: ScopeId,
    parent: Option<Stop>,
    /// Set in this scope and all below it, so that asking is one load.
    tripped: AtomicBool,
    cause: OnceLock<Cause>,
    deadline: Option<(Instant, Arc<Report>)>,
    /// The nearest deadline of this scope and all above it.
    nearest: Option<Instant>,
    reach: Mutex<Reach>,
}

/// Who must hear of a stop: the branches below, and the tasks that wait.
#[derive(Default)]
struct Reach {
    branches: Vec<Weak<Scope>>,
    waiting: Vec<(u64, Waker)>,
    next_key: u64,
}

impl Stop {
    /// A scope with nothing above it: a run, or a clean-up that no stop may cut off.
    pub fn root() -> Self {
        Self::open(None, None)
    }

    /// A root that ends at `deadline` with `report`.
    pub fn root_until(deadline: Instant, report: Report) -> Self {
        Self::open(None, Some((deadline, Arc::new(report))))
    }

    /// A scope below this one, ended by its owner with [`Stop::end`].
    #[must_use]
    pub fn branch(&self) -> Self {
        Self::open(Some(self.clone()), None)
    }

    /// A scope below this one that also ends at `deadline`, with `report`.
    #[must_use]
    pub fn branch_until(&self, deadline: Instant, report: Report) -> Self {
        Self::open(Some(self.clone()), Some((deadline, Arc::new(report))))
    }

    fn open(parent: Option<Self>, deadline: Option<(Instant, Arc<Report>)>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let own = deadline.as_ref().map(|(at, _)| *at);
        let above = parent.as_ref().and_then(|parent| parent.0.nearest);
        let scope = Arc::new(Scope {
            id: ScopeId(NEXT.fetch_add(1, Ordering::Relaxed)),
            tripped: AtomicBool::new(false),
            cause: OnceLock::new(),
            deadline,
            nearest: own.into_iter().chain(above).min(),
            reach: Mutex::default(),
            parent,
        });
        if let Some(parent) = &scope.parent {
            let mut reach = parent.0.reach();
            reach.branches.retain(|branch| branch.strong_count() > 0);
            reach.branches.push(Arc::downgrade(&scope));
            // Under the parent's lock, so that a stop that comes now reaches us or is seen here.
            if parent.0.tripped.load(Ordering::Acquire) {
                scope.tripped.store(true, Ordering::Release);
            }
        }
        Self(scope)
    }

    /// Which scope this is.
    pub fn id(&self) -> ScopeId {
        self.0.id
    }

    /// Stops this scope and all below it. The first cause stays; later ones are dropped.
    pub fn trip(&self, cause: Cause) {
        // Only the first cause counts: what ends a script is what it is told.
        let _ = self.0.cause.set(cause);
        self.0.reach_down();
    }

    /// Ends this scope by its owner's will; its owner is to throw `report`.
    pub fn end(&self, report: Report) {
        self.trip(Cause::Ended(self.id(), Arc::new(report)));
    }

    /// Why work under this scope must end now, the outermost cause first; none if it may go on. One load when it may.
    pub fn cause(&self) -> Option<Cause> {
        if !self.0.tripped.load(Ordering::Acquire) {
            return None;
        }
        self.chain()
            .filter_map(|scope| scope.cause.get())
            .last()
            .cloned()
    }

    /// As [`Stop::cause`], and now and then looks whether a deadline passed: for the engine's operation counter.
    pub fn poll(&self, operations: u64) -> Option<Cause> {
        if operations % OPERATIONS_PER_CLOCK == 0 && self.0.nearest.is_some() {
            self.expire(Instant::now());
        }
        self.cause()
    }

    /// Stops every scope from here up whose deadline is not after `now`.
    pub fn expire(&self, now: Instant) {
        if self.0.nearest.is_none_or(|nearest| now < nearest) {
            return;
        }
        for scope in self.chain() {
            if let Some((deadline, report)) = &scope.deadline {
                if *deadline <= now {
                    let _ = scope.cause.set(Cause::Ended(scope.id, report.clone()));
                    scope.reach_down();
                }
            }
        }
    }

    /// The error of this scope's own end, if it ended by itself or by its owner.
    pub fn ended(&self) -> Option<Arc<Report>> {
        match self.0.cause.get() {
            Some(Cause::Ended(id, report)) if *id == self.0.id => Some(report.clone()),
            _ => None,
        }
    }

    /// The nearest deadline of this scope and all above it.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.nearest
    }

    /// Completes with the cause when this scope is stopped. Deadlines complete it only once somebody calls [`Stop::expire`].
    pub fn stopped(&self) -> Stopped<'_> {
        Stopped {
            stop: self,
            key: None,
        }
    }

    fn chain(&self) -> impl Iterator<Item = &Scope> {
        std::iter::successors(Some(&*self.0), |scope| {
            scope.parent.as_ref().map(|parent| &*parent.0)
        })
    }
}

impl Scope {
    /// Holds plain lists only, which no panic leaves half changed.
    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach_down(&self) {
        let (branches, waiting) = {
            let mut reach = self.reach();
            self.tripped.store(true, Ordering::Release);
            (reach.branches.clone(), std::mem::take(&mut reach.waiting))
        };
        for (_, waker) in waiting {
            waker.wake();
        }
        for branch in branches.iter().filter_map(Weak::upgrade) {
            branch.reach_down();
        }
    }
}

/// Future of [`Stop::stopped`].
pub struct Stopped<'a> {
    stop: &'a Stop,
    key: Option<u64>,
}

impl Future for Stopped<'_> {
    type Output = Cause;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Cause> {
        let stop = self.stop;
        let mut reach = stop.0.reach();
        if let Some(cause) = stop.cause() {
            return Poll::Ready(cause);
        }
        let key = *self.key.get_or_insert_with(|| {
            reach.next_key += 1;
            reach.next_key
        });
        match reach.waiting.iter_mut().find(|(other, _)| *other == key) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => reach.waiting.push((key, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.stop
                .0
                .reach()
                .waiting
                .retain(|(other, _)| *other != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Cause, OPERATIONS_PER_CLOCK, Stop};
    use crate::report::{Kind, Report};

    fn report() -> Report {
        Report::new(Kind::Timeout, "too late")
    }

    #[test]
    fn a_stop_reaches_every_scope_below_and_none_above() {
        let root = Stop::root();
        let middle = root.branch();
        let leaf = middle.branch();
        middle.trip(Cause::Exit(3));
        assert!(root.cause().is_none());
        assert!(matches!(middle.cause(), Some(Cause::Exit(3))));
        assert!(matches!(leaf.cause(), Some(Cause::Exit(3))));
    }

    #[test]
    fn a_scope_opened_below_a_stopped_one_is_stopped() {
        let root = Stop::root();
        root.trip(Cause::Signal(2));
        assert!(matches!(
            root.branch().branch().cause(),
            Some(Cause::Signal(2))
        ));
    }

    #[test]
    fn the_outermost_cause_wins_over_a_scopes_own() {
        let root = Stop::root();
        let scope = root.branch();
        scope.end(report());
        root.trip(Cause::Signal(15));
        assert!(matches!(scope.cause(), Some(Cause::Signal(15))));
    }

    #[test]
    fn the_first_cause_of_a_scope_stays() {
        let root = Stop::root();
        root.trip(Cause::Exit(1));
        root.trip(Cause::Signal(2));
        assert!(matches!(root.cause(), Some(Cause::Exit(1))));
    }

    #[test]
    fn a_deadline_ends_its_own_scope_and_names_it() {
        let root = Stop::root();
        let now = Instant::now();
        let outer = root.branch_until(now + Duration::from_secs(1), report());
        let inner = outer.branch_until(now + Duration::from_secs(60), report());
        assert_eq!(inner.deadline(), Some(now + Duration::from_secs(1)));
        inner.expire(now);
        assert!(inner.cause().is_none());
        inner.expire(now + Duration::from_secs(2));
        let Some(Cause::Ended(scope, _)) = inner.cause() else {
            panic!("not ended");
        };
        assert_eq!(scope, outer.id());
        assert!(root.cause().is_none());
    }

    #[test]
    fn a_pure_loop_sees_a_passed_deadline_within_a_few_operations() {
        let scope = Stop::root().branch_until(Instant::now(), report());
        let seen = (1..=OPERATIONS_PER_CLOCK).find(|operations| scope.poll(*operations).is_some());
        assert_eq!(seen, Some(OPERATIONS_PER_CLOCK));
    }
}
