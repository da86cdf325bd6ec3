//! What scripts can call, one file per subject. Each file has one `register`, and describes every function next to it
//! with [`function`]: that one table serves help, completion and the reference.

mod flow;
mod guard;
mod host;
mod output;
mod parallel;
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
