//! `v.watch(...)`: events, subscribed before their cause so that none is missed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

use super::time::length;
use super::{Outcome, failed, method, wait};
use crate::script::convert::from_json;
use crate::script::error;
use crate::script::run::{Current, current};
use crate::vm::event::Filter;
use crate::vm::watch::event_value;
use crate::vm::{Error, ErrorKind, Vm, Watch};
use crate::wire::Event;

/// A subscription in a script. It is moved out while it waits, so that a condition may use the VM.
#[derive(Clone)]
struct Watching(Arc<Mutex<Option<Watch>>>);

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Watching>("watch");
    method(
        "watch",
        &["vm", "names", "watch"],
        r#"
        Follows the events of that name, or of the names in an array, from now on. Do it before what causes them. A name
        may be a pattern, as in `BLOCK_*`. One that this QEMU has no event for is an error, unless other versions have it and
        another of the names has an event here.

        ```rhai
        let gone = v.watch("DEVICE_DELETED");
        v.qmp("device_del", #{ id: "nic1" });
        print(gone.wait("30s").data.device);
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, names: Dynamic| watch(vm, &names));
    method(
        "watch",
        &["vm", "watch"],
        r"
        Follows all events from now on.

        ```rhai
        let all = v.watch();
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        watch(vm, &Dynamic::from_array(Vec::new()))
    });
    method(
        "wait",
        &["watch", "time: time", "map"],
        r#"
        The next event, `#{ event, data, timestamp }`, one that has come already or one within the time; else an error of
        kind `timeout`. A dry run that has left out a change since does not wait, and gives an event without data.

        ```rhai
        let stopped = v.watch("STOP");
        v.qmp("stop");
        stopped.wait("5s");
        ```"#,
    )
    .register_into_engine(engine, |watching: &mut Watching, time: Dynamic| wait_for(watching, &time, |_| Ok(true)));
    method(
        "wait",
        &["watch", "time: time", "condition: Fn", "map"],
        r#"
        The next event for which the condition is true; those before it are gone.

        ```rhai
        let changes = v.watch("JOB_STATUS_CHANGE");
        changes.wait("1m", |e| e.data.id == "backup0" && e.data.status == "concluded");
        ```"#,
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, watching: &mut Watching, time: Dynamic, condition: FnPtr| {
            wait_for(watching, &time, |event| {
                let holds = condition.call_within_context::<Dynamic>(&context, (event.clone(),))?;
                holds.as_bool().map_err(|kind| {
                    error::usage(format!(
                        "wait: the condition gave a value of type {kind}, not true or false"
                    ))
                })
            })
        },
    );
    method(
        "drain",
        &["watch", "array"],
        r"
        The events that have come and were not waited for yet, oldest first. At most 1024 are kept; when some were
        dropped, the error stream says how many.

        ```rhai
        for event in w.drain() { print(event.event) }
        ```",
    )
    .register_into_engine(engine, drain);
}

fn watch(vm: &Vm, names: &Dynamic) -> Outcome<Watching> {
    let wrong = || error::usage("watch: an event's name is text, as in `DEVICE_DELETED`");
    let filter = |name: &Dynamic| {
        let name = name.clone().into_string().map_err(|_| wrong())?;
        let no_pattern = |why| error::usage(format!("watch: `{name}` names no event: {why}"));
        name.parse().map_err(no_pattern)
    };
    let filters: Vec<Filter> = match names.read_lock::<Array>() {
        Some(list) => list.iter().map(filter).collect::<Outcome<_>>()?,
        None => vec![filter(names)?],
    };
    let watch = wait(format_args!("{}: the monitor", vm.label()), async {
        // In this order: an event that comes while the schema is read is one of the watch's.
        let watch = vm.watch(&filters).await?;
        vm.expect_events(&filters).await?;
        Ok::<_, Error>(watch)
    })?;
    Ok(Watching(Arc::new(Mutex::new(Some(watch)))))
}

impl Watching {
    fn take(&self) -> Outcome<Watch> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take()
            .ok_or_else(|| error::usage("this watch is waited on already"))
    }

    fn put(&self, watch: Watch) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
    }
}

/// Waits event by event, so that the condition runs outside of the runtime and may itself ask the VM.
fn wait_for(
    watching: &Watching,
    time: &Dynamic,
    mut condition: impl FnMut(&Dynamic) -> Outcome<bool>,
) -> Outcome {
    let time = length(time, "wait")?;
    let end = Instant::now() + time;
    let mut watch = watching.take()?;
    let outcome = loop {
        let came = if watch.awaits_pretended() {
            match watch.take_ready() {
                Some(event) => Ok(event),
                None => break pretended(&watch),
            }
        } else {
            next(&mut watch, end, time)
        };
        let event = match came {
            Ok(event) => from_json(event_value(&event)),
            Err(error) => break Err(error),
        };
        match condition(&event) {
            Ok(true) => break Ok(event),
            Ok(false) => {}
            Err(error) => break Err(error),
        }
    };
    watching.put(watch);
    outcome
}

/// The next event before `end`, which is `time` after the wait began.
fn next(watch: &mut Watch, end: Instant, time: Duration) -> Result<Arc<Event>, Box<EvalAltResult>> {
    let current = current()?;
    let what = watch.describe();
    let left = end.saturating_duration_since(Instant::now());
    let came = current.block_on(what, watch.wait(left, |_| Ok::<bool, Error>(true)))?;
    tell_dropped(&current, watch.take_dropped());
    came.map_err(|mut error| {
        if let ErrorKind::NoEvent { after, .. } = &mut error.kind {
            *after = time;
        }
        failed(&error)
    })
}

/// A dry run waits for no event that may come from a change which it did not make.
fn pretended(watch: &Watch) -> Outcome {
    let told = format!(
        "{}: taken to have come: what may cause it was not done",
        watch.describe()
    );
    // A closed error stream is no reason to end.
    let _ = current()?.run().output().message(&told);
    Ok(from_json(event_value(&watch.pretended())))
}

fn tell_dropped(current: &Current, dropped: u64) {
    if dropped > 0 {
        let told = format!("{dropped} events were dropped before these, unread");
        // A closed error stream is no reason to lose the events.
        let _ = current.run().output().message(&told);
    }
}

fn drain(watching: &mut Watching) -> Outcome<Array> {
    let mut watch = watching.take()?;
    let current = current()?;
    let drained = current.block_on(watch.describe(), watch.drain());
    watching.put(watch);
    let (dropped, events) = drained?;
    tell_dropped(&current, dropped);
    Ok(events
        .iter()
        .map(|event| from_json(event_value(event)))
        .collect())
}
