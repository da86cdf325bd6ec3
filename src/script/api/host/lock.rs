//! `host.lock`: one run at a time works in a folder. The lock ends with the process, however that ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Engine, EvalAltResult, Map};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, stat};
use rustix::io::Errno;

use super::{Host, allowed, done, left_out};
use crate::report::{Kind, Report};
use crate::script::api::{Outcome, function, observed, options};
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
        lock(path, options::read("lock", &map, |given| given.flag("remove"))?)
    });
}

/// A lock in a script.
#[derive(Clone)]
struct Held(Arc<Lock>);

struct Lock {
    path: PathBuf,
    /// Nothing in a dry run, or once it was released.
    file: Mutex<Option<File>>,
    remove: bool,
}

impl Guard for Lock {
    fn describe(&self) -> String {
        format!("the lock on `{}`", self.path.display())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = file.take() {
            // While it is locked: who opened it meanwhile sees that it has no name any more.
            if self.remove && has_its_name(&file, &self.path) {
                let removed = std::fs::remove_file(&self.path);
                done(&self.path.to_string_lossy(), "removed", removed)?;
            }
        }
        Ok(())
    }
}

fn lock(path: &str, remove: bool) -> Outcome<Held> {
    let real = allowed(Access::Write, path)?;
    let mut file = None;
    let is_left_out = left_out("lock", &real)?;
    let is_free = observed(&format!("host: lock {path}"), || {
        if is_left_out {
            return Ok(true);
        }
        match locked(&real) {
            Ok(locked) => {
                file = Some(locked);
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
        file: Mutex::new(file),
        remove,
    });
    current()?.run().keep(held.clone());
    Ok(Held(held))
}

/// The file of this name, locked.
fn locked(path: &Path) -> Result<File, Errno> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?);
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        // Whoever held it before may have removed it since it was opened.
        if has_its_name(&file, path) {
            return Ok(file);
        }
    }
}

fn has_its_name(file: &File, path: &Path) -> bool {
    let same = |file: rustix::fs::Stat, there: rustix::fs::Stat| {
        (file.st_dev, file.st_ino) == (there.st_dev, there.st_ino)
    };
    fstat(file).is_ok_and(|file| stat(path).is_ok_and(|there| same(file, there)))
}
