//! `parallel`: the same work on many items at once, each on a thread of its own, one result per item in order.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rhai::{Array, Dynamic, Engine, FnPtr, Map, NativeCallContext};

use super::{Outcome, function, options};
use crate::report::{Kind, Report};
use crate::script::error;
use crate::script::run::{Current, current};
use crate::script::stage::STACK;

/// How many items are worked on at once unless the script says otherwise.
const JOBS: i64 = 8;

/// How many at most: each has a thread.
const MOST_JOBS: i64 = 256;

pub(super) fn register(engine: &mut Engine) {
    function(
        "parallel",
        &["items: array", "options: map", "work: Fn", "array"],
        r"
        Does the work on every item, `jobs` (8) at a time, and gives one result per item, in order: `#{ item, ok }` with
        the work's value, or `#{ item, error }` with the error as a map. With `fail_fast: true` the first error ends the
        others and is thrown. What the closure captures is copied for each item: a change to it is not seen outside.

        ```rhai
        let results = parallel([1, 2, 3], #{ jobs: 2 }, |x| x * 2);
        results[2].ok == 6
        ```",
    )
    .register_into_engine(engine, |context: NativeCallContext, items: Array, options: Map, work: FnPtr| {
        parallel(&context, items, &options, &work)
    });
    function(
        "parallel",
        &["items: array", "work: Fn", "array"],
        r#"
        Does the work on every item, 8 at a time, and gives one result per item, in order.

        ```rhai
        parallel(["a", "b"], |x| x + "!")[0].ok == "a!"
        ```"#,
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, items: Array, work: FnPtr| {
            parallel(&context, items, &Map::new(), &work)
        },
    );
}

/// How many at a time, and whether the first error ends all.
pub(super) fn parallel_options(map: &Map) -> Outcome<(i64, bool)> {
    options::read("parallel", map, |given| {
        let jobs = given.number("jobs", 1..=MOST_JOBS)?.unwrap_or(JOBS);
        Ok((jobs, given.flag("fail_fast")?))
    })
}

fn parallel(context: &NativeCallContext, items: Array, options: &Map, work: &FnPtr) -> Outcome {
    let (jobs, fail_fast) = parallel_options(options)?;
    let current = current()?;
    // Under a scope of its own, so that the first error can end the others.
    let mut workers = current.under(current.stop().branch());
    if items.len() > 1 {
        workers = workers.one_of_many();
    }
    let fleet = Fleet {
        context,
        work,
        current: workers,
        fail_fast,
        results: items.iter().map(|_| Mutex::default()).collect(),
        items: items.into_iter().map(|item| unshared(&item)).collect(),
        next: AtomicUsize::new(0),
    };
    fleet.work(usize::try_from(jobs).unwrap_or(1))?;
    // The run itself was stopped: the script ends, whatever the workers had.
    if let Some(cause) = current.stop().cause() {
        return Err(error::stopped(cause));
    }
    fleet.results()
}

struct Fleet<'a> {
    context: &'a NativeCallContext<'a>,
    work: &'a FnPtr,
    current: Current,
    fail_fast: bool,
    items: Vec<Dynamic>,
    results: Vec<Mutex<Option<Outcome>>>,
    next: AtomicUsize,
}

impl Fleet<'_> {
    /// Works through the items on `jobs` threads. A panic of one goes on in the caller once all have ended.
    fn work(&self, jobs: usize) -> Outcome<()> {
        let jobs = jobs.min(self.items.len());
        let panics = thread::scope(|threads| {
            let mut workers = Vec::with_capacity(jobs);
            for number in 0..jobs {
                let builder = thread::Builder::new()
                    .name(format!("worker {number}"))
                    .stack_size(STACK);
                match builder.spawn_scoped(threads, || self.worker()) {
                    Ok(worker) => workers.push(worker),
                    // Fewer workers do the same work.
                    Err(_) if !workers.is_empty() => break,
                    Err(failure) => {
                        let report =
                            Report::new(Kind::Fault, format!("no thread for parallel: {failure}"));
                        return Err(error::thrown(&report));
                    }
                }
            }
            Ok(workers
                .into_iter()
                .filter_map(|worker| worker.join().err())
                .collect::<Vec<_>>())
        })?;
        match panics.into_iter().next() {
            Some(panic) => resume_unwind(panic),
            None => Ok(()),
        }
    }

    fn worker(&self) {
        let _here = self.current.enter();
        let _alarm = Alarm(&self.current);
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(slot)) = (self.items.get(index), self.results.get(index)) else {
                return;
            };
            if self.current.stop().cause().is_some() {
                return;
            }
            let work = unshared_function(self.work);
            let result = work.call_within_context::<Dynamic>(self.context, (unshared(item),));
            if self.fail_fast {
                if let Err(failure) = &result {
                    if error::cause_of(failure).is_none() {
                        self.current.stop().end(error::to_report(failure));
                    }
                }
            }
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    }

    fn results(self) -> Outcome {
        let results: Vec<Option<Outcome>> = self
            .results
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect();
        if self.fail_fast {
            let failed = |result: &Option<Outcome>| match result {
                Some(Err(failure)) => error::cause_of(failure).is_none(),
                _ => false,
            };
            if let Some(index) = results.iter().position(failed) {
                if let Some(Err(failure)) = results.into_iter().nth(index).flatten() {
                    return Err(failure);
                }
                return Ok(Dynamic::UNIT);
            }
        }
        let rows = self.items.into_iter().zip(results).map(|(item, result)| {
            let mut row = Map::from([("item".into(), item)]);
            match result {
                Some(Ok(value)) => row.insert("ok".into(), value.flatten()),
                Some(Err(failure)) => row.insert(
                    "error".into(),
                    error::to_map(&error::to_report(&failure)).into(),
                ),
                None => {
                    let report = Report::new(Kind::Interrupted, "it was not begun");
                    row.insert("error".into(), error::to_map(&report).into())
                }
            };
            row.into()
        });
        Ok(Dynamic::from_array(rows.collect()))
    }
}

/// A worker's panic ends the others, so that it can go on in the caller.
struct Alarm<'a>(&'a Current);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0
                .stop()
                .end(Report::new(Kind::Interrupted, "another worker failed"));
        }
    }
}

/// A copy that shares nothing with its original: Rhai's workers would find each other's values locked.
fn unshared(value: &Dynamic) -> Dynamic {
    let value = value.flatten_clone();
    if value.is_fnptr() {
        return value
            .clone()
            .try_cast::<FnPtr>()
            .map_or(value, |function| unshared_function(&function).into());
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map
            .iter()
            .map(|(key, member)| (key.clone(), unshared(member)))
            .collect::<Map>()
            .into();
    }
    if let Some(array) = value.read_lock::<Array>() {
        return Dynamic::from_array(array.iter().map(unshared).collect());
    }
    value
}

fn unshared_function(function: &FnPtr) -> FnPtr {
    let mut copy = function.clone();
    for captured in copy.iter_curry_mut() {
        *captured = unshared(captured);
    }
    copy
}
