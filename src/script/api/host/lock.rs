//! `host.lock`: one run at a time works in a folder. The lock ends with the process, however that ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Engine, EvalAltResult, Map};
use rustix::io::Errno;

use super::{Host, allowed, done, left_out};
use crate::report::{Kind, Report};
use crate::script::api::{Outcome, function, observed, options};
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::permit::Access;
use crate::script::run::current;
use crate::vm::lock;

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Held>("lock");
    register_guard::<Held>(engine, |held| held.0.clone());
    function(
        "lock",
        &["host", "path: string", "lock"],
        r#"
        A guard that holds a file locked, which is made if it is not there and stays: no other run that locks it goes on
        meanwhile. Throws an error of kind `busy` at once while another one holds it. Needs `write` in the header.

        ```rhai
        try {
            with host.lock("/tmp/report.lock") as lock { host.write_text("/tmp/report", "done\n"); }
        } catch (e) { log(e.message) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| lock(path, false));
    function(
        "lock",
        &["host", "path: string", "options: map", "lock"],
        r#"
        The same with options. With `remove: true` the file is removed at the end: only those that lock it by this function
        then still keep each other out.

        ```rhai
        try {
            with host.lock("/tmp/report.lock", #{ remove: true }) as lock { host.write_text("/tmp/report", "done\n"); }
        } catch (e) { log(e.message) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str, map: Map| {
        lock(path, lock_options(&map)?)
    });
}

/// Whether the file is removed at the end.
pub(in crate::script::api) fn lock_options(map: &Map) -> Outcome<bool> {
    options::read("lock", map, |given| given.flag("remove"))
}

/// A lock in a script.
#[derive(Clone)]
struct Held(Arc<Lock>);

struct Lock {
    path: PathBuf,
    /// Nothing in a dry run, or once it was released.
    held: Mutex<Option<lock::Lock>>,
    remove: bool,
}

impl Guard for Lock {
    fn describe(&self) -> String {
        format!("the lock on `{}`", self.path.display())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = held.take().filter(|_| self.remove) {
            done(&self.path.to_string_lossy(), "removed", lock.remove())?;
        }
        Ok(())
    }
}

fn lock(path: &str, remove: bool) -> Outcome<Held> {
    let real = allowed(Access::Write, path)?;
    let mut held = None;
    let is_left_out = left_out("lock", &real)?;
    let is_free = observed(&format!("host: lock {path}"), || {
        if is_left_out {
            return Ok(true);
        }
        match lock::Lock::take(&real, 0o666) {
            Ok(locked) => {
                held = Some(locked);
                Ok(true)
            }
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(failure) => Err(format!("`{path}` cannot be locked: {failure}")),
        }
    })?;
    if !is_free {
        let report = Report::new(
            Kind::Busy,
            format!("`{path}` is locked: another run works there"),
        );
        return Err(error::thrown(
            &report.with_hint("run it again when the other one has ended"),
        ));
    }
    let held = Arc::new(Lock {
        path: real,
        held: Mutex::new(held),
        remove,
    });
    current()?.run().keep(held.clone());
    Ok(Held(held))
}
