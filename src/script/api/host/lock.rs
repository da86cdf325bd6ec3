//! `host.lock`: one run at a time works in a folder. The lock ends with the process, however that ends.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Engine, EvalAltResult};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;

use super::{Host, allowed, done, left_out};
use crate::report::{Kind, Report};
use crate::script::api::{Outcome, function, observed};
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::permit::Access;
use crate::script::run::current;

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
    .register_into_engine(engine, |_: &mut Host, path: &str| lock(path));
}

/// A lock in a script.
#[derive(Clone)]
struct Held(Arc<Lock>);

struct Lock {
    path: PathBuf,
    /// Nothing in a dry run, or once it was released.
    file: Mutex<Option<File>>,
}

impl Guard for Lock {
    fn describe(&self) -> String {
        format!("the lock on `{}`", self.path.display())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        drop(
            self.file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        Ok(())
    }
}

fn lock(path: &str) -> Outcome<Held> {
    let real = allowed(Access::Write, path)?;
    let file = if left_out("lock", &real)? {
        None
    } else {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let opened = rustix::fs::open(&real, flags, mode).map(File::from);
        Some(done(path, "locked", opened.map_err(Into::into))?)
    };
    let is_free = observed(&format!("host: lock {path}"), || {
        let locked = file.as_ref().map_or(Ok(()), |file| {
            flock(file, FlockOperation::NonBlockingLockExclusive)
        });
        match locked {
            Ok(()) => Ok(true),
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
        file: Mutex::new(file),
    });
    current()?.run().keep(held.clone());
    Ok(Held(held))
}
