//! `with EXPR as NAME { ... }`: the one idiom that guarantees an undoing. EXPR gives a guard; its release runs after the
//! block, whatever ends it: a value, an error, `exit`, `return`, `break`, `continue`, a panic or a stop.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Expression, Map, ParseError, Position};

use super::error;
use super::guard::{self, AS_GUARD, Guard, SharedGuard, Window};
use super::lookup;
use super::run::{Current, current};
use crate::report::Report;

/// What is said about it where functions are told.
pub(super) const ABOUT: &str = r#"
`with EXPR as NAME { ... }` holds a guard for a block, and releases it behind that, whatever ends it: a value, an error, `exit`,
`return`, `break`, a panic or an interrupt. The last that was begun is released first. Its value is that of the block.

EXPR gives the guard: a freeze, overlays, targets, an open file, a lock, or what `guard` makes; any other value is an error of kind
`usage`. A guard without a `with` is released at the end of the run. An error of the release is thrown; where the block had one,
that is thrown, with the other in its words and as its `release`. Waits for as long as the release takes, which no interrupt cuts off.

```rhai
let made = [];
with guard("the list", || made.clear()) as held {
    made.push(1);
}
made.len() == 0
```"#;

type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// Teaches `engine` the syntax.
pub(super) fn register(engine: &mut Engine) -> Result<(), ParseError> {
    let syntax = ["with", "$expr$", "as", "$ident$", "$block$"];
    engine
        .register_custom_syntax(syntax, true, evaluate)
        .map(|_| ())
}

fn evaluate(context: &mut EvalContext, inputs: &[Expression]) -> Outcome {
    let [expression, name, block] = inputs else {
        return Err(error::usage(
            "`with` is written `with EXPR as NAME { ... }`",
        ));
    };
    let current = current()?;
    lookup::variables_first(context);
    let value = expression.eval_with_context(context)?;
    let guard = as_guard(context, &value, expression.position())?;
    let scope = guard
        .window()
        .map_or_else(|| current.stop().clone(), Window::enter_with);
    let before = context.scope().len();
    context.scope_mut().push(
        name.get_string_value().unwrap_or_default().to_owned(),
        value,
    );
    let ended = {
        let _inside = current.under(scope.clone()).enter();
        catch_unwind(AssertUnwindSafe(|| block.eval_with_context(context)))
    };
    context.scope_mut().rewind(before);
    let released = release(context.engine(), &current, &guard);
    let result = ended.unwrap_or_else(|panic| {
        note_failed_release(&current, &released);
        resume_unwind(panic)
    });
    let result = in_time(
        error::settle(&scope, result),
        guard.window().and_then(Window::ended),
    );
    join(&current, result, released, expression.position())
}

fn as_guard(
    context: &mut EvalContext,
    value: &Dynamic,
    position: Position,
) -> Result<Arc<dyn Guard>, Box<EvalAltResult>> {
    // Not `call_native_fn`, which puts `this` before the arguments where it is bound, as in a method of a map.
    let found = context.call_native_fn_raw(AS_GUARD, false, &mut [&mut value.clone()]);
    match found.map(Dynamic::cast::<SharedGuard>) {
        Ok(shared) => Ok(shared.0),
        Err(error) if matches!(*error, EvalAltResult::ErrorFunctionNotFound(..)) => {
            let given = guard::type_of(context.engine(), value);
            let report = Report::usage(format!(
                "`with` needs a guard, and this is a value of type {given}"
            ))
            .with_hint(
                "a guard is what must be undone, such as the result of `v.agent.fsfreeze()`",
            );
            let mut error = error::thrown(&report);
            error.set_position(position);
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// What a block that came to its end after its window had closed did is not to be trusted.
fn in_time(result: Outcome, ended: Option<Arc<Report>>) -> Outcome {
    match (result, ended) {
        (Err(error), _) if !error.is_pseudo_error() => Err(error),
        (_, Some(report)) => Err(error::thrown(&report)),
        (result, None) => result,
    }
}

/// Releases `guard` where no stop cuts it off.
pub(super) fn release(
    engine: &Engine,
    current: &Current,
    guard: &Arc<dyn Guard>,
) -> Result<(), Box<EvalAltResult>> {
    let _beyond_stops = current.cleaning_up().enter();
    let _waiting = current
        .run()
        .wait_for(format!("releasing {}", guard.describe()));
    let released = guard.release(engine);
    current.run().forget(guard);
    released
}

/// The block's end and the release's: neither hides the other's error.
fn join(
    current: &Current,
    result: Outcome,
    released: Result<(), Box<EvalAltResult>>,
    position: Position,
) -> Outcome {
    let Err(mut failure) = released else {
        return result;
    };
    match result {
        Err(mut first) if !first.is_pseudo_error() => {
            if !attach(&mut first, &failure) {
                current.run().note(error::to_report(&failure));
            }
            Err(first)
        }
        // A value, `return`, `break` or `continue`: the block did what it should, only the release failed.
        _ => {
            if failure.position().is_none() {
                failure.set_position(position);
            }
            Err(failure)
        }
    }
}

fn note_failed_release(current: &Current, released: &Result<(), Box<EvalAltResult>>) {
    if let Err(failure) = released {
        current.run().note(error::to_report(failure));
    }
}

/// Puts the release's error into the block's, where that is a map: as `release`, and in the words.
fn attach(first: &mut EvalAltResult, failure: &EvalAltResult) -> bool {
    let inner = match first {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _)
        | EvalAltResult::ErrorInModule(_, inner, _) => {
            return attach(inner, failure);
        }
        EvalAltResult::ErrorRuntime(value, _) => value,
        _ => return false,
    };
    let Some(mut map) = inner.write_lock::<Map>() else {
        return false;
    };
    let report = error::to_report(failure);
    let message = map
        .get("message")
        .map(ToString::to_string)
        .unwrap_or_default();
    // A window that ended by itself is told by the block and by the release.
    if message == report.message {
        return true;
    }
    map.insert(
        "message".into(),
        format!("{message}; and then: {}", report.message).into(),
    );
    map.insert("release".into(), error::to_map(&report).into());
    true
}
