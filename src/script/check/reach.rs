//! What functions of modules do on this host, by themselves and by what they call. The header that allows it is that of the
//! script which calls them. What a function does only where its caller wants it, or may fail to do, does not count.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::functions::{Fault, at};
use super::host::Touch;
use super::seen::{Before, Call};
use super::texts::{Function, Text, Texts, function};
use crate::report::Report;
use crate::script::header::Header;

/// What a script's header does not allow of a function that it calls, of a module that it imports as `alias`.
pub(super) fn faults(
    call: &Call,
    alias: &str,
    module: &Rc<Text>,
    header: &Header,
    texts: &mut Texts,
) -> Vec<Fault> {
    let mut touches = Vec::new();
    follow(
        module,
        function(call),
        texts,
        &mut BTreeSet::new(),
        &mut touches,
    );
    let lacks = |touch: &Touch| touch.lacks(&header.allow);
    // Who may write may look as well.
    if touches
        .iter()
        .any(|touch| touch.writes() && lacks(touch).is_some())
    {
        touches.retain(|touch| !touch.only_looks());
    }
    let mut told: Vec<Report> = Vec::new();
    for report in touches.iter().filter_map(lacks) {
        if told.iter().all(|other| other.message != report.message) {
            told.push(report);
        }
    }
    let name = &call.name;
    let of_function = |report: Report| Report {
        message: format!("{alias}::{name}: {}", report.message),
        ..report
    };
    let reports = told.into_iter().map(of_function);
    reports.map(|report| at(&report, call.position)).collect()
}

/// Takes note of what a function touches, and what it calls.
fn follow(
    module: &Rc<Text>,
    of: Function,
    texts: &mut Texts,
    known: &mut BTreeSet<(String, Function)>,
    touches: &mut Vec<Touch>,
) {
    if !known.insert((module.source.clone(), of.clone())) {
        return;
    }
    let is_in_it =
        |call: &&Call| call.within.as_ref() == Some(&of) && !call.is_guarded && !call.is_choice;
    for call in module.seen.calls.iter().filter(is_in_it) {
        if let Some(alias) = &call.module {
            if let Some(other) = texts.imported(&module.source, &module.seen, alias) {
                follow(&other, function(call), texts, known, touches);
            }
        } else if let Some(touch) = Touch::of(call) {
            if !touches.contains(&touch) {
                touches.push(touch);
            }
        } else if call.before == Before::Nothing {
            follow(module, function(call), texts, known, touches);
        }
    }
}
