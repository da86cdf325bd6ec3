//! What scripts can call, one file per subject. Each file has one `register`, and describes every function next to it
//! with `function`: that one table serves help, completion and the reference.
//!
//! A new subject is a file with `pub(super) fn register(engine: &mut Engine)`, called below. In it
//! - a function is `function(name, parameters, about).register_into_engine(engine, |...| ...)`, a method one whose first
//!   parameter is `&mut Handle`; so registered it may be called on constants too, unlike with `Engine::register_fn`;
//! - what waits does so by `current()?.block_on(what, future)`, which every stop ends, and clean-up by
//!   `block_on_cleanup`, which none does; the future must be cancel-safe;
//! - an error is `error::thrown(&report)`, a value nobody can take `error::usage(message)`;
//! - JSON goes through `convert`, a length of time through `time::length`, a map of options (`options: map`) through
//!   `options::read`, and who reads it stands in `readers`;
//! - what must be undone implements `guard::Guard`, is made known by `register_guard`, and is given to
//!   `current()?.run().keep(...)` as soon as it exists; if it can end by itself it has a `current()?.window()`.

mod agent;
mod block_graph;
mod claim;
mod commit;
mod disks;
mod exec;
mod files;
mod fill;
mod flow;
mod freeze;
mod guard;
mod host;
mod image;
mod job;
mod migration;
mod options;
pub(super) mod output;
mod parallel;
mod qmp;
pub(super) mod readers;
mod screen;
mod targets;
mod text;
mod time;
mod vm;
mod watch;

use std::fmt::Display;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Map};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::report::{Kind, Report};
use crate::script::convert::{from_json, to_arguments, to_json};
use crate::script::error;
use crate::script::run::current;
use crate::vm::{Arguments, Error};

/// What a script function gives.
type Outcome<T = Dynamic> = Result<T, Box<EvalAltResult>>;

/// Registers every subject.
pub(super) fn register(engine: &mut Engine) {
    flow::register(engine);
    guard::register(engine);
    host::register(engine);
    image::register(engine);
    output::register(engine);
    text::register(engine);
    parallel::register(engine);
    vm::register(engine);
    qmp::register(engine);
    disks::register(engine);
    block_graph::register(engine);
    screen::register(engine);
    targets::register(engine);
    claim::register(engine);
    commit::register(engine);
    job::register(engine);
    migration::register(engine);
    watch::register(engine);
    agent::register(engine);
    files::register(engine);
    fill::register(engine);
    exec::register(engine);
    freeze::register(engine);
}

/// The value of `host`.
pub(super) fn host() -> Dynamic {
    Dynamic::from(host::Host)
}

/// Begins the registration of a script function. `parameters` are `name: type` pairs and last the type of the result
/// (`""` for none); `about` is Markdown: one sentence, then details, then an example in a `rhai` block, which a test runs.
fn function(name: &str, parameters: &[&str], about: &str) -> FuncRegistration {
    described(FuncRegistration::new(name), parameters, about)
}

/// As [`function`], for a method of a handle: a thing outside of the script, so that the method also works on a constant.
fn method(name: &str, parameters: &[&str], about: &str) -> FuncRegistration {
    function(name, parameters, about).with_purity(true)
}

/// As [`method`], for a property of the handle that scripts know as a value of type `handle`.
fn property(handle: &str, name: &str, kind: &str, about: &str) -> FuncRegistration {
    described(FuncRegistration::new_getter(name), &[handle, kind], about).with_purity(true)
}

fn described(function: FuncRegistration, parameters: &[&str], about: &str) -> FuncRegistration {
    function
        .in_global_namespace()
        .with_params_info(parameters)
        // In one piece: line by line, this would be a fifth of what a short command takes.
        .with_comments([about])
}

/// Waits for what a VM or its guest is asked; `what` says to people what is waited for.
fn wait<T>(what: impl Display, work: impl Future<Output = Result<T, Error>>) -> Outcome<T> {
    current()?
        .block_on(what, work)?
        .map_err(|error| failed(&error))
}

/// As [`wait`], for what shows by a bar how far it is: there nobody has to be told what is waited for.
fn wait_with_bar<T>(
    what: impl Into<String>,
    work: impl Future<Output = Result<T, Error>>,
) -> Outcome<T> {
    current()?.rest(what, work)?.map_err(|error| failed(&error))
}

/// The error that a script sees.
fn failed(error: &Error) -> Box<EvalAltResult> {
    error::thrown(&Report::from(error))
}

/// What this host shows or tells, which decides the run: in a replay, what was recorded under `of`.
fn observed<T: Serialize + DeserializeOwned>(
    of: &str,
    look: impl FnOnce() -> Result<T, String>,
) -> Outcome<T> {
    let current = current()?;
    let recording = &current.run().fleet().settings().recording;
    let seen: Result<T, String> = recording
        .observe(of, look)
        .map_err(|difference| error::thrown(&Report::from(&difference)))?;
    seen.map_err(host::failed)
}

/// A script's map as the arguments of `command`.
fn arguments(command: &str, map: &Map) -> Outcome<Arguments> {
    to_arguments(map)
        .map_err(|unfit| error::usage(format!("{command}: {}", unfit.message("arguments"))))
}

/// A script's value as JSON; `name` is what the script's documentation calls it.
fn json(name: &str, value: &Dynamic) -> Outcome<serde_json::Value> {
    to_json(value).map_err(|unfit| error::usage(unfit.message(name)))
}

/// A plain value of ours as a script's; what it does not have is `()`.
fn data(of: &impl Serialize) -> Outcome {
    serde_json::to_value(of)
        .map(from_json)
        .map_err(|wrong| error::thrown(&Report::new(Kind::Fault, wrong.to_string())))
}
