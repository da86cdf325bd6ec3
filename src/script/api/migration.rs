//! `v.migration`: the migration of a VM, from it or into it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rhai::{Dynamic, Engine, Map};

use super::job::wait_options;
use super::{Outcome, method, property, wait, wait_with_bar};
use crate::script::convert::from_json;
use crate::script::progress::Bar;
use crate::vm::Vm;
use crate::vm::arrival::Arrival;
use crate::vm::migration::Migration;

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Migration>("migration");
    property(
        "vm",
        "migration",
        "migration",
        r"
        The migration of the VM, from it or into it, whether there is one yet or not.

        ```rhai
        v.migration.status == ()
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| vm.migration());
    property(
        "migration",
        "status",
        "map",
        r"
        Where the migration stands, as QEMU tells it (QMP `query-migrate`, QEMU 0.14), or `()` when there was none: `status`,
        and of one that goes on `ram` with bytes and the times in milliseconds.

        ```rhai
        let status = v.migration.status;
        if status != () { print(status.status) }
        ```",
    )
    .register_into_engine(engine, |migration: &mut Migration| {
        let progress = wait("query-migrate", migration.progress())?;
        Outcome::Ok(progress.map_or(Dynamic::UNIT, |progress| from_json(progress.told)))
    });
    method(
        "wait",
        &["migration", "map"],
        r#"
        Waits until the migration is completed, and gives what QEMU tells of it: `status`, `downtime` and `total-time` in
        milliseconds, `ram`. Throws QEMU's words when it failed, and an error when it was cancelled. Shows a bar on a terminal, lines in a log.

        ```rhai
        try {
            v.qmp("migrate", #{ uri: "exec:cat >/dev/null" });
            print(v.migration.wait().downtime);
            v.qmp("cont");
        } catch (err) { log(err.message) }
        ```"#,
    )
    .register_into_engine(engine, |migration: &mut Migration| wait_for(migration, None));
    method(
        "wait",
        &["migration", "options: map", "map"],
        r#"
        The same, at most for `timeout`; the migration goes on after that.

        ```rhai
        try { v.migration.wait(#{ timeout: "10m" }) } catch (err) { log(err.message) }
        ```"#,
    )
    .register_into_engine(engine, |migration: &mut Migration, options: Map| {
        wait_for(migration, wait_options(&options)?)
    });
    method(
        "cancel",
        &["migration", "()"],
        r"
        Asks for its end (QMP `migrate_cancel`, QEMU 0.14): the VM goes on where it is. One that has ended stays so.

        ```rhai
        v.migration.cancel();
        ```",
    )
    .register_into_engine(engine, |migration: &mut Migration| {
        wait("migrate_cancel", migration.cancel())
    });
    arrival(engine);
}

/// The arrival of a guest in a script.
#[derive(Clone)]
struct Arriving(Arc<Mutex<Arrival>>);

fn arrival(engine: &mut Engine) {
    engine.register_type_with_name::<Arriving>("arrival");
    method(
        "arrival",
        &["migration", "arrival"],
        r"
        Watches from now on whether the guest that is to come in begins to run.

        ```rhai
        let arrival = v.migration.arrival();
        ```",
    )
    .register_into_engine(engine, |migration: &mut Migration| {
        let arrival = wait("the guest's arrival", migration.vm().arrival())?;
        Outcome::Ok(Arriving(Arc::new(Mutex::new(arrival))))
    });
    method(
        "has_failed",
        &["arrival", "bool"],
        r"
        Whether it is certain that QEMU has ended and the guest never ran in it, so that it may go on where it came from. What this
        host cannot see for itself is not certain: a QEMU that is reached over TCP or libvirt, or that another user runs.

        ```rhai
        v.migration.arrival().has_failed() == false
        ```",
    )
    .register_into_engine(engine, |arriving: &mut Arriving| {
        let mut arrival = arriving.0.lock().unwrap_or_else(PoisonError::into_inner);
        wait("the guest's arrival", arrival.has_failed())
    });
}

fn wait_for(migration: &Migration, timeout: Option<Duration>) -> Outcome {
    let what = format!("the migration of {}", migration.vm().label());
    let bar = Bar::new(&what);
    let ended = wait_with_bar(
        what,
        migration.wait(timeout, |progress| {
            if let Some((total, remaining)) = progress.memory {
                bar.at(total.saturating_sub(remaining), Some(total));
            }
        }),
    )?;
    Ok(from_json(ended.told))
}
