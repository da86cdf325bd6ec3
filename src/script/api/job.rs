//! `v.job(id)`: a job of QEMU's as a value.

use std::time::Duration;

use rhai::{Array, Dynamic, Engine, Map};

use super::agent::words;
use super::options;
use super::{Outcome, method, property, wait, wait_with_bar};
use crate::script::convert::from_json;
use crate::script::progress::Bar;
use crate::vm::job::Reached;
use crate::vm::{Job, Vm};

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Job>("job");
    engine.register_fn("to_string", |job: &mut Job| job.id().to_owned());
    method(
        "job",
        &["vm", "id: string", "job"],
        r#"
        A job by its id, whether QEMU knows it yet or not.

        ```rhai
        v.job("backup0").cancel();
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, id: &str| vm.job(id));
    method(
        "wait_for_jobs",
        &["vm", "ids: array", "()"],
        r#"
        Waits until all these jobs have ended well, and dismisses them. Throws QEMU's words as soon as one has failed, and
        when the guest was stopped meanwhile as it could not write; the others go on then. Shows one bar for all on a terminal, lines in a log.

        ```rhai
        v.wait_for_jobs(["backup0"]);
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, ids: Array| {
        let ids = words("wait_for_jobs", ids)?;
        let bar = Bar::new(vm.label());
        let waited = vm.wait_for_jobs(&ids, |done, all| bar.at(done, Some(all)));
        wait_with_bar(format!("{}: jobs", vm.label()), waited)
    });
    property(
        "job",
        "id",
        "string",
        r#"
        The job's id.

        ```rhai
        v.job("backup0").id == "backup0"
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| job.id().to_owned());
    property("job", "status",
        "map",
        r#"
        Where the job stands (QMP `query-jobs`, QEMU 3.0): `#{ status, current, total, error }`, or `()` when QEMU does not know it.
        `current` and `total` are in a unit of the job's own, mostly bytes; `total` may grow.

        ```rhai
        let status = v.job("backup0").status;
        if status != () { print(`${status.current} of ${status.total}`) }
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| {
        let progress = wait(format_args!("job {}: query-jobs", job.id()), job.progress())?;
        Outcome::Ok(progress.map_or(Dynamic::UNIT, |progress| from_json(progress.to_value())))
    });
    method(
        "wait",
        &["job", "string"],
        r#"
        Waits until the job has ended, and gives `"concluded"`; or until a mirror or an active commit is ready to be
        completed, and gives `"ready"`. An ended job is dismissed. Throws QEMU's words when the job failed. Shows a bar on a
        terminal, and a line now and then in a log. Without a `timeout` it waits for as long as the job takes.

        ```rhai
        let job = v.job("mirror0");
        if job.wait() == "ready" { job.complete(); job.wait(); }
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| wait_for(job, None));
    method(
        "wait",
        &["job", "options: map", "string"],
        r#"
        The same, at most for `timeout`; the job goes on after that.

        ```rhai
        v.job("backup0").wait(#{ timeout: "1h" });
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job, options: Map| {
        wait_for(job, wait_options(&options)?)
    });
    steps(engine);
}

/// The options of `wait`, be it for a job or a migration.
pub(super) fn wait_options(map: &Map) -> Outcome<Option<Duration>> {
    options::read("wait", map, |given| given.length("timeout"))
}

fn steps(engine: &mut Engine) {
    method(
        "complete",
        &["job", "()"],
        r#"
        Asks a ready job for its last step, as a mirror for its pivot (QMP `job-complete`, QEMU 3.0). `wait` waits for its end.

        ```rhai
        v.job("mirror0").complete();
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| wait(format_args!("job {}: job-complete", job.id()), job.complete()));
    method(
        "cancel",
        &["job", "()"],
        r#"
        Asks the job to end without its result (QMP `job-cancel`, QEMU 3.0). A ready mirror ends well all the same, without a pivot.

        ```rhai
        v.job("mirror0").cancel();
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| wait(format_args!("job {}: job-cancel", job.id()), job.cancel()));
    method(
        "dismiss",
        &["job", "()"],
        r#"
        Lets QEMU forget an ended job (QMP `job-dismiss`, QEMU 3.0); `wait` does so by itself.

        ```rhai
        v.job("mirror0").dismiss();
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| {
        wait(format_args!("job {}: job-dismiss", job.id()), job.dismiss())
    });
    method(
        "pause",
        &["job", "()"],
        r#"
        Stops the job for a while (QMP `job-pause`, QEMU 3.0).

        ```rhai
        v.job("mirror0").pause();
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| {
        wait(format_args!("job {}: job-pause", job.id()), job.pause())
    });
    method(
        "resume",
        &["job", "()"],
        r#"
        Lets a paused job go on (QMP `job-resume`, QEMU 3.0).

        ```rhai
        v.job("mirror0").resume();
        ```"#,
    )
    .register_into_engine(engine, |job: &mut Job| {
        wait(format_args!("job {}: job-resume", job.id()), job.resume())
    });
}

fn wait_for(job: &Job, timeout: Option<Duration>) -> Outcome<String> {
    let bar = Bar::new(&format!("{}: job {}", job.vm().label(), job.id()));
    let reached = wait_with_bar(
        format!("job {}", job.id()),
        job.wait(timeout, |progress| {
            bar.at(progress.current, Some(progress.total));
        }),
    )?;
    Ok(match reached {
        Reached::Concluded => "concluded".to_owned(),
        Reached::Ready => "ready".to_owned(),
    })
}
