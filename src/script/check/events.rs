//! Events that a script waits for by names that stand in it, compared with those that a QEMU has.

use rhai::Position;
use serde_json::Value;

use super::commands::{Target, Told, about};
use super::functions::Functions;
use super::seen::{Before, Call, Seen};
use crate::report::Report;
use crate::vm::event::Filter;
use crate::vm::event::missing::missing;
use crate::vm::schema::{Finding, Marked, Problem, Schema};

/// What is wrong with a call, or notable, if it watches events.
pub(super) fn findings(
    call: &Call,
    seen: &Seen,
    functions: &Functions,
    targets: &[&Target],
) -> Vec<Told> {
    let names = names(call).filter(|_| call.is_of_known_handle() || !may_be_held(seen, functions));
    let Some(names) = names else {
        return Vec::new();
    };
    let filters: Vec<Filter> = names.iter().map(|(filter, _)| filter.clone()).collect();
    let mut told = Vec::new();
    for target in targets {
        for one in missing(&filters, &target.schema) {
            // Where a version is asked for before, or a failure is caught, only what no QEMU has is wrong.
            if one.versions.is_empty() || !call.is_guarded {
                told.push(Told {
                    target: target.name.clone(),
                    report: Report {
                        message: format!("there is no event `{}`", one.filter),
                        vm: None,
                        ..Report::of_missing(&target.name, &one)
                    },
                    position: names[one.place].1,
                    is_error: true,
                });
            }
        }
        if let [(filter, position)] = names.as_slice() {
            told.extend(mark(filter, &target.schema).map(|problem| Told {
                target: target.name.clone(),
                report: about(&target.name, &problem),
                position: *position,
                is_error: false,
            }));
        }
    }
    told
}

/// Whether `watch` may be a function of the script's own, or one that a map holds.
fn may_be_held(seen: &Seen, functions: &Functions) -> bool {
    seen.words.contains("watch") || functions.is_own("watch")
}

/// The names that a call watches, with their places; none where one of them is not written out.
fn names(call: &Call) -> Option<Vec<(Filter, Position)>> {
    let is_watch = call.name == "watch" && call.before != Before::Nothing && call.module.is_none();
    let given = match call.arguments.as_slice() {
        [given] if is_watch => given,
        _ => return None,
    };
    let name = |(path, value): (String, &Value)| {
        let filter = value.as_str()?.parse().ok()?;
        Some((filter, given.place(&path).unwrap_or(call.position)))
    };
    match &given.value {
        Value::Array(list) => {
            let items = list.iter().enumerate();
            items.map(|(at, one)| name((at.to_string(), one))).collect()
        }
        value => Some(vec![name((String::new(), value))?]),
    }
}

/// How QEMU has marked an event that is watched by itself: who watches several does so for several versions.
fn mark(filter: &Filter, schema: &Schema) -> Option<Finding> {
    let event = schema.event(&filter.to_string())?;
    let problem = match event.features {
        marks if marks.deprecated => Problem::Deprecated(Marked::Event),
        marks if marks.unstable => Problem::Unstable(Marked::Event),
        _ => return None,
    };
    Some(Finding {
        command: event.name.clone(),
        path: String::new(),
        problem,
    })
}
