//! The course of a script: `sleep`, `timeout`, `retry`, `fail`, `exit`. All of them can be interrupted.

use std::time::{Duration, Instant, SystemTime};

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::function;
use super::observed;
use super::options;
use super::time::length;
use crate::duration;
use crate::report::{Kind, Report};
use crate::script::run::current;
use crate::script::stop::Cause;
use crate::script::{bridge, error};

type Outcome<T = Dynamic> = Result<T, Box<EvalAltResult>>;

/// How often work is tried that says nothing else.
const TRIES: i64 = 3;
/// How long is waited between two tries.
const DELAY: Duration = Duration::from_secs(1);

pub(super) fn register(engine: &mut Engine) {
    function(
        "sleep",
        &["time: time", "()"],
        r#"
        Waits. The time is seconds, or text such as "500ms", "30s", "5m".

        ```rhai
        sleep("5ms");
        sleep(0.001);
        ```"#,
    )
    .register_into_engine(engine, |time: Dynamic| sleep(&time));
    // Rhai's own, which nothing interrupts, come first for exactly these types.
    engine.register_fn("sleep", |seconds: i64| sleep(&seconds.into()));
    engine.register_fn("sleep", |seconds: f64| sleep(&seconds.into()));

    function(
        "timeout",
        &["time: time", "work: Fn", "value"],
        r#"
        Does the work and gives its value, or throws an error of kind `timeout` when the time is over. What the work
        waits for is given up then; clean-up still runs.

        ```rhai
        timeout("5s", || 1 + 1) == 2
        ```"#,
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, time: Dynamic, work: FnPtr| timeout(&context, &time, &work),
    );

    function(
        "retry",
        &["options: map", "work: Fn", "value"],
        r#"
        Does the work until it succeeds and gives its value. `times` is how often at most (3), `delay` what is waited in
        between ("1s"). The last error is thrown. The work may take the number of the try, from 1.

        ```rhai
        retry(#{ times: 3, delay: "1ms" }, |n| {
            if n < 3 { throw "not yet" } else { n }
        }) == 3
        ```"#,
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, options: Map, work: FnPtr| retry(&context, &options, &work),
    );

    function(
        "now",
        &["string"],
        r#"
        The time on this host as text, in UTC: `2026-03-01T02:15:00Z`.

        ```rhai
        now().ends_with("Z")
        ```"#,
    )
    .register_into_engine(engine, || {
        observed("now()", || {
            Ok(humantime::format_rfc3339_seconds(SystemTime::now()).to_string())
        })
    });

    function(
        "now_ns",
        &["int"],
        r"
        The time on this host in nanoseconds since 1970, as the guest's agent counts time.

        ```rhai
        now_ns() / 1000000000 > 1700000000
        ```",
    )
    .register_into_engine(engine, || {
        observed("now_ns()", || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let nanoseconds = since.map(|since| i64::try_from(since.as_nanos()));
            Ok(nanoseconds.map_or(0, |count| count.unwrap_or(i64::MAX)))
        })
    });

    function(
        "fail",
        &["text: string", "()"],
        r#"
        Ends the script with an error: exit code 1, unless it is caught.

        ```rhai
        try { fail("no disk is writable") } catch (e) { log(e.message) }
        ```"#,
    )
    .register_into_engine(engine, |text: &str| {
        Outcome::<()>::Err(error::thrown(&Report::new(Kind::Script, text)))
    });

    function(
        "exit",
        &["code: int", "()"],
        r"
        Ends the script at once, and the process with this code (0 to 255; without one 0). Guards are released first; `catch` does not
        see it.

        ```rhai
        if 1 > 2 { exit(3) }
        ```",
    )
    .register_into_engine(engine, exit);
    engine.register_fn("exit", || exit(0));
    function(
        "exit_code",
        &["error", "int"],
        r#"
        The exit code of a run that this error ends, for a script that tells of several errors and ends by itself.

        ```rhai
        try { timeout("1ms", || sleep(5)) } catch (e) { return exit_code(e) == 5 }
        ```"#,
    )
    .register_into_engine(engine, |thrown: Dynamic| -> i64 {
        error::from_thrown(&thrown).exit.code().into()
    });
    function(
        "exit",
        &["code: int", "value", "()"],
        r#"
        The same with the value that the run is to have all the same: `--json` prints it.

        ```rhai
        if 1 > 2 { exit(1, #{ failed: ["web01"] }) }
        ```"#,
    )
    .register_into_engine(engine, |code: i64, value: Dynamic| {
        current()?.run().set_result(value);
        exit(code)
    });
}

fn sleep(time: &Dynamic) -> Outcome<()> {
    rest(length(time, "sleep")?)
}

fn rest(time: Duration) -> Outcome<()> {
    current()?.rest(
        format!("sleep({})", duration::show(time)),
        bridge::sleep(time),
    )
}

fn timeout(context: &NativeCallContext, time: &Dynamic, work: &FnPtr) -> Outcome {
    let time = length(time, "timeout")?;
    let shown = duration::show(time);
    let current = current()?;
    let report = Report::new(Kind::Timeout, format!("it took longer than {shown}"));
    let scope = current.stop().branch_until(Instant::now() + time, report);
    let _inside = current.under(scope.clone()).enter();
    error::settle(&scope, work.call_within_context(context, ()))
}

/// How often, and how long to wait before the next try.
pub(super) fn retry_options(map: &Map) -> Outcome<(i64, Duration)> {
    options::read("retry", map, |given| {
        let times = given.number("times", 1..=i64::MAX)?.unwrap_or(TRIES);
        Ok((times, given.length("delay")?.unwrap_or(DELAY)))
    })
}

fn retry(context: &NativeCallContext, options: &Map, work: &FnPtr) -> Outcome {
    // Found wrong before the work is done, not after it failed.
    let (times, delay) = retry_options(options)?;
    let mut number = 0;
    loop {
        number += 1;
        match call_with_number(context, work, number) {
            Err(failure) if number < times && is_catchable(&failure) => rest(delay)?,
            last => return last,
        }
    }
}

/// Whether this is an error and no stop, not even one in the guise of a failed call.
fn is_catchable(failure: &EvalAltResult) -> bool {
    failure.is_catchable() && error::cause_of(failure).is_none()
}

/// Calls `work` with the number of the try if it takes one.
fn call_with_number(context: &NativeCallContext, work: &FnPtr, number: i64) -> Outcome {
    work.call_raw_with_extra_args("retry", context, None, [], [number.into()], None)
}

fn exit(code: i64) -> Outcome<()> {
    let code = u8::try_from(code).map_err(|_| {
        error::usage(format!(
            "exit: a process's exit code is 0 to 255, not {code}"
        ))
    })?;
    let run = current()?.run().clone();
    run.stop().trip(Cause::Exit(code));
    Err(error::stopped(
        run.stop().cause().unwrap_or(Cause::Exit(code)),
    ))
}
