//! What scripts can call, one file per subject. Each file has one `register`, and describes every function next to it
//! with [`function`]: that one table serves help, completion and the reference.
//!
//! A new subject is a file with `pub(super) fn register(engine: &mut Engine)`, called below. In it
//! - a function is `function(name, parameters, about).register_into_engine(engine, |...| ...)`, a method one whose first
//!   parameter is `&mut Handle`; so registered it may be called on constants too, unlike with `Engine::register_fn`;
//! - what waits does so by `current()?.block_on(what, future)`, which every stop ends, and clean-up by
//!   `block_on_cleanup`, which none does; the future must be cancel-safe;
//! - an error is `error::thrown(&report)`, a value nobody can take `error::usage(message)`;
//! - JSON goes through `convert`, a length of time through `time::length`;
//! - what must be undone implements `guard::Guard`, is made known by `register_guard`, and is given to
//!   `current()?.run().keep(...)` as soon as it exists; if it can end by itself it has a `current()?.window()`.

mod flow;
mod guard;
mod host;
mod output;
mod parallel;
mod program;
mod time;

use rhai::{Dynamic, Engine, FuncRegistration};

/// Registers every subject.
pub(super) fn register(engine: &mut Engine) {
    flow::register(engine);
    guard::register(engine);
    host::register(engine);
    output::register(engine);
    parallel::register(engine);
}

/// The value of `host`.
pub(super) fn host() -> Dynamic {
    Dynamic::from(host::Host)
}

/// Begins the registration of a script function. `parameters` are `name: type` pairs and last the type of the result
/// (`""` for none); `about` is Markdown: one sentence, then details, then an example in a `rhai` block, which a test runs.
fn function(name: &str, parameters: &[&str], about: &str) -> FuncRegistration {
    FuncRegistration::new(name)
        .in_global_namespace()
        .with_params_info(parameters)
        .with_comments(
            about
                .trim()
                .lines()
                .map(|line| format!("/// {}", line.trim_start())),
        )
}
