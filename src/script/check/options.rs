//! Options that stand in a script: those that a function does not have, and values that it does not take. What reads them in a
//! run reads them here.

use rhai::{Dynamic, Map, Position};

use super::functions::{Fault, at};
use super::given::Given;
use super::kinds::Native;
use super::seen::{Before, Call};
use crate::script::api::readers::Reader;
use crate::script::convert::from_json;
use crate::script::error;

/// What is wrong with the options of a call, which may be one of any of these functions.
pub(super) fn fault(call: &Call, functions: &[&Native]) -> Option<Fault> {
    let is_method = call.before != Before::Nothing;
    let options = functions.iter().map(|native| native.options(is_method));
    let options: Vec<(usize, Reader)> = options.collect::<Option<_>>()?;
    let place = options.first()?.0;
    let given = call.arguments.get(place)?;
    let mut found: Vec<(Position, Fault)> = Vec::new();
    for name in given.object()?.keys() {
        let map = Map::from([(name.as_str().into(), value(given, name))]);
        let refused = |(own, reader): &(usize, Reader)| {
            let refused = reader(&map).err();
            refused.filter(|_| *own == place)
        };
        // Whichever of them it is.
        let refusals: Option<Vec<Fault>> = options.iter().map(refused).collect();
        if let Some(refusal) = refusals.into_iter().flatten().next() {
            let position = given.place(name).unwrap_or(call.position);
            found.push((position, at(&error::to_report(&refusal), position)));
        }
    }
    let first = found
        .into_iter()
        .min_by_key(|(at, _)| (at.line(), at.position()));
    first.map(|(_, fault)| fault)
}

/// The value of an option. One that only the run knows is as if left out, so that its name alone counts.
fn value(given: &Given, name: &str) -> Dynamic {
    if given.has_open_part(name) {
        return Dynamic::UNIT;
    }
    given
        .object()
        .and_then(|options| options.get(name))
        .map_or(Dynamic::UNIT, |value| from_json(value.clone()))
}
