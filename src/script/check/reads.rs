//! Which options a function of a standard module reads: the members of its parameter `options`, in its text and in that of the
//! functions which it hands the whole of them to. Whatever else is done with them, as to go through them, leaves it open.

use std::collections::BTreeSet;

use super::functions::{Fault, at};
use super::seen::Call;
use super::texts::{Text, Texts, function};
use super::uses::{Parameter, Use, uses};
use crate::nearest::did_you_mean;
use crate::report::Report;

/// The name of such a parameter.
const OPTIONS: &str = "options";

/// What is wrong with the options that a call gives a standard module's function.
pub(super) fn fault(call: &Call, module: &Text, texts: &mut Texts) -> Option<Fault> {
    if !module.source.starts_with("std/") {
        return None;
    }
    let of = module.definition(&call.name, Some(call.arguments.len()))?;
    let place = of.params.iter().position(|name| name == OPTIONS)?;
    let given = call.arguments.get(place)?;
    let mut known = BTreeSet::new();
    let is_closed = read(
        module,
        (function(call), place),
        texts,
        &mut BTreeSet::new(),
        &mut known,
    );
    let names = || known.iter().map(String::as_str);
    let mut unknown = given.object()?.keys().filter(|name| !known.contains(*name));
    let option = unknown.next().filter(|_| is_closed && !known.is_empty())?;
    let message = format!("{}: there is no option `{option}`", call.name);
    let hint = did_you_mean(option, names()).unwrap_or_else(|| {
        let names: Vec<&str> = names().collect();
        format!("it takes `{}`", names.join("`, `"))
    });
    Some(at(
        &Report::usage(message).with_hint(hint),
        given.place(option).unwrap_or(call.position),
    ))
}

/// Takes note of the members of a parameter that are read. False where it may be any of them.
fn read(
    module: &Text,
    parameter: Parameter,
    texts: &mut Texts,
    seen: &mut BTreeSet<(String, Parameter)>,
    members: &mut BTreeSet<String>,
) -> bool {
    if !seen.insert((module.source.clone(), parameter.clone())) {
        return true;
    }
    let ((name, count), place) = parameter;
    let Some(function) = module.definition(&name, Some(count)) else {
        return false;
    };
    for (one, _) in uses(function, &function.params[place]) {
        let is_known = match one {
            Use::Member(name) | Use::Asked(name) => {
                members.insert(name);
                true
            }
            // Names that nobody reads are looked for.
            Use::Method(name, 0) if name == "keys" => true,
            Use::Captured(closure, place) => {
                let count = module
                    .definition(&closure, None)
                    .map(|own| own.params.len());
                count.is_some_and(|count| {
                    read(module, ((closure, count), place), texts, seen, members)
                })
            }
            Use::Passed(None, to) => read(module, to, texts, seen, members),
            Use::Passed(Some(alias), to) => {
                let other = texts.imported(&module.source, &module.seen, &alias);
                other.is_some_and(|other| read(&other, to, texts, seen, members))
            }
            _ => false,
        };
        if !is_known {
            return false;
        }
    }
    true
}
