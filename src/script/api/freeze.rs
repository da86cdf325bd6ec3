//! `v.agent.fsfreeze()`: the guard of a frozen guest, in scripts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rhai::{Dynamic, Engine, EvalAltResult, Map};

use super::agent::ask;
use super::options;
use super::{Outcome, failed, method, property};
use crate::report::{Kind, Report};
use crate::script::bridge::{self, Driven};
use crate::script::error;
use crate::script::guard::{FrozenGuest, Guard, Window, register_guard};
use crate::script::run::current;
use crate::vm::freeze::FreezeError;
use crate::vm::{Error, ErrorKind, Freeze, FreezeOptions, GuestAgent};

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Frozen>("freeze");
    register_guard::<Frozen>(engine, |frozen| frozen.0.clone());
    method(
        "fsfreeze",
        &["agent", "freeze"],
        r#"
        Freezes the guest's file systems (`guest-fsfreeze-freeze`, QEMU 0.15) for at most 60 s; returns when they are. The
        value is a guard: the guest is thawed after its `with` block, or at the end of the run, whatever ends it, a kill of
        qmpsh among them. A guest that is frozen already is refused and left alone.

        `count` is the number of frozen file systems; after the release, `frozen_ms` how long they were.

        ```rhai
        with v.agent.fsfreeze() as f {
            v.transaction([#{ type: "blockdev-snapshot", data: #{ node: "disk0", overlay: "snap0" } }]);
        }
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| freeze(agent, &Map::new()));
    method(
        "fsfreeze",
        &["agent", "options: map", "freeze"],
        r#"
        The same with options: `mountpoints` (an array of those to freeze, QEMU 2.2) and `max` (the longest that the guest
        stays frozen). At its `max` the guest is thawed even while the script is busy, and the script gets an error of kind
        `frozen`: what it did in the window may be inconsistent.

        ```rhai
        with v.agent.fsfreeze(#{ mountpoints: ["/data"], max: "10s" }) as f { print(f.count) }
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, options: Map| freeze(agent, &options));
    property(
        "freeze",
        "count",
        "int",
        r"
        How many file systems were frozen.

        ```rhai
        with v.agent.fsfreeze() as f { print(f.count) }
        ```",
    )
    .register_into_engine(engine, |frozen: &mut Frozen| frozen.0.freeze.count());
    property(
        "freeze",
        "pretended",
        "bool",
        r#"
        Whether nothing was frozen because this is a dry run.

        ```rhai
        with v.agent.fsfreeze() as f { if !f.pretended { print("it is frozen") } }
        ```"#,
    )
    .register_into_engine(engine, |frozen: &mut Frozen| frozen.0.freeze.is_pretended());
    property("freeze", "frozen_ms",
        "int",
        r"
        How long the guest was frozen, in milliseconds: from the sending of the freeze to the answer of the thaw. `()` before that.

        ```rhai
        let f = v.agent.fsfreeze();
        f.release();
        print(f.frozen_ms);
        ```",
    )
    .register_into_engine(engine, |frozen: &mut Frozen| match frozen.0.freeze.frozen() {
        Some(time) => i64::try_from(time.as_millis()).unwrap_or(i64::MAX).into(),
        None => Dynamic::UNIT,
    });
    method(
        "release",
        &["freeze", "()"],
        r"
        Thaws the guest now, and makes sure of it. A second release does nothing, but throws what the first one met.

        ```rhai
        let f = v.agent.fsfreeze();
        f.release();
        ```",
    )
    .register_into_engine(engine, |frozen: &mut Frozen| frozen.0.thaw());
    method(
        "fsthaw",
        &["agent", "int"],
        r"
        Thaws the guest, whoever froze it (`guest-fsfreeze-thaw`, QEMU 0.15); gives how many file systems it thawed.

        ```rhai
        v.agent.fsthaw();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-fsfreeze-thaw", agent.fsthaw()));
    method(
        "fsstatus",
        &["agent", "string"],
        r#"
        Whether the guest is `"frozen"` or `"thawed"`, as far as its agent knows (`guest-fsfreeze-status`, QEMU 0.15).

        ```rhai
        print(v.agent.fsstatus());
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-fsfreeze-status", agent.fsstatus()));
}

/// A freeze in a script.
#[derive(Clone)]
struct Frozen(Arc<Held>);

struct Held {
    freeze: Freeze,
    window: Arc<Window>,
    // Drives the timer that thaws at the `max` while the script computes; needed until the release.
    driven: Mutex<Option<Driven>>,
    // The time is told once, by whoever releases first.
    told: AtomicBool,
}

impl Guard for Held {
    fn describe(&self) -> String {
        format!("the frozen guest of {}", self.freeze.vm().label())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        self.thaw()
    }

    fn window(&self) -> Option<&Window> {
        Some(&self.window)
    }

    fn is_over(&self) -> bool {
        self.freeze.frozen().is_some() || self.freeze.has_lost_vm()
    }

    fn frozen(&self) -> Option<FrozenGuest> {
        let is_frozen = !self.is_over() && !self.freeze.is_expired() && !self.freeze.is_pretended();
        is_frozen.then(|| FrozenGuest {
            vm: self.freeze.vm().label().to_owned(),
            until: self.freeze.until(),
        })
    }
}

impl Held {
    fn thaw(&self) -> Outcome<()> {
        let current = current()?;
        let what = format!("{}: thawing the guest", self.freeze.vm().label());
        let released = current.block_on_cleanup(what, self.freeze.release());
        drop(
            self.driven
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if let Some(time) = self
            .freeze
            .frozen()
            .filter(|_| !self.freeze.is_pretended() && !self.told.swap(true, Ordering::Relaxed))
        {
            let count = self.freeze.count();
            let systems = if count == 1 {
                "file system was"
            } else {
                "file systems were"
            };
            let told = format!(
                "{}: {count} {systems} frozen for {} ms",
                self.freeze.vm().label(),
                time.as_millis()
            );
            // A closed error stream must not turn a good thaw into an error.
            let _ = current.run().output().message(&told);
        }
        released?.map_err(|error| failed(&error))
    }
}

fn freeze(agent: &GuestAgent, options: &Map) -> Outcome<Frozen> {
    let options = freeze_options(options)?;
    let current = current()?;
    let bridge = current.run().bridge().clone();
    let driven = bridge
        .keep_driven(Instant::now() + options.max)
        .map_err(|failure| {
            error::thrown(&Report::new(
                Kind::Fault,
                format!("no thread for the freeze: {failure}"),
            ))
        })?;
    let what = format!("{}: freezing the guest", agent.vm().label());
    // Not cut off by a stop but told of it: a freeze that is under way must be thawed, not forgotten.
    let stop = async { drop(bridge::stopped(current.stop()).await) };
    let frozen = current.block_on_cleanup(what, agent.fsfreeze(&options, stop))?;
    let freeze = match frozen {
        Ok(freeze) => freeze,
        Err(Error {
            kind: ErrorKind::Interrupted,
            ..
        }) if current.stop().cause().is_some() => {
            return Err(current.stopped());
        }
        Err(error) => return Err(failed(&error)),
    };
    let window = Arc::new(current.window());
    let held = Arc::new(Held {
        freeze: freeze.clone(),
        window: window.clone(),
        driven: Mutex::new(Some(driven)),
        told: AtomicBool::new(false),
    });
    current.run().keep(held.clone());
    let max = options.max;
    bridge.handle().spawn(async move {
        if freeze.ended().await {
            let error = Error {
                vm: freeze.vm().label().to_owned(),
                kind: FreezeError::WindowExpired { max }.into(),
            };
            window.expire(Report::from(&error));
        }
    });
    Ok(Frozen(held))
}

pub(super) fn freeze_options(map: &Map) -> Outcome<FreezeOptions> {
    options::read("fsfreeze", map, |given| {
        let mut options = FreezeOptions {
            mountpoints: given.words("mountpoints")?,
            ..FreezeOptions::default()
        };
        if let Some(max) = given.length("max")? {
            if max.is_zero() {
                return Err(given.wrong("max", "longer than 0"));
            }
            options.max = max;
        }
        Ok(options)
    })
}
