//! What can be told of a script without running it: that it compiles and its header reads, that the functions, variables and
//! modules are there that it names, that its header allows what it does on this host, and that QEMU takes the commands
//! and has the events whose names stand in it. What only a run can know is taken to be right: a fault that is none costs more than one that
//! the run shows.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `seen` | what a script calls, names and imports |
//! | `given` | the arguments of a call, as far as they are written out |
//! | `functions` | functions and modules that are not there |
//! | `commands` | commands that a QEMU does not take |
//! | `events` | events that a QEMU does not have |
//! | `host` | what the header does not allow |

mod commands;
mod events;
mod functions;
mod given;
mod host;
mod seen;

use rhai::{AST, Engine, EvalAltResult, Position};

use self::functions::Functions;
use self::seen::Seen;
use super::header::Header;
use super::library::Library;
use crate::report::Report;

pub use commands::Target;

/// Something that is wrong in a script, or notable.
pub(super) struct Found {
    pub(super) error: Box<EvalAltResult>,
    /// Whether the script cannot do what it says; else it does so with some QEMUs only.
    pub(super) is_error: bool,
}

/// That a variable is not there, and where it is if it is anywhere.
fn no_variable(name: &str, position: Position, seen: &Seen) -> Box<EvalAltResult> {
    if !seen.declared.contains(name) {
        return EvalAltResult::ErrorVariableNotFound(name.to_owned(), position).into();
    }
    let report = Report::usage(format!("there is no variable `{name}` here")).with_hint(
        "a variable is there from its `let` to the end of its block, and functions see only their parameters and their \
         own variables",
    );
    functions::at(&report, position)
}

/// What is wrong with a script that compiled, in the order of its text.
pub(super) fn examine(
    engine: &Engine,
    library: &Library,
    script: &AST,
    header: &Header,
    targets: &[&Target],
) -> Vec<Found> {
    let seen = Seen::of(script);
    let (functions, mut errors) = Functions::of(engine, library, script, &seen);
    if !seen.calls("is_def_var") {
        let unknown = seen.unknown.iter();
        let unknown = unknown.filter(|(name, _)| !functions.is_function(name));
        errors.extend(unknown.map(|(name, position)| no_variable(name, *position, &seen)));
    }
    let mut found = Vec::new();
    for call in &seen.calls {
        errors.extend(functions.fault(call, &seen));
        errors.extend(host::fault(call, header, script));
        let told = commands::findings(call, &seen, targets);
        for told in told
            .into_iter()
            .chain(events::findings(call, &seen, &functions, targets))
        {
            found.push(Found {
                error: functions::at(&told.report, told.position),
                is_error: told.is_error,
            });
        }
    }
    found.extend(errors.into_iter().map(|error| Found {
        error,
        is_error: true,
    }));
    found.sort_by_key(|found| {
        let position = found.error.position();
        (position.line(), position.position())
    });
    found.dedup_by_key(|found| (found.error.position(), found.error.to_string()));
    found
}
