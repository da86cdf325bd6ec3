//! What functions of modules do on this host, by themselves and by what they call. The header that allows it is that of the
//! script which calls them. What a function does only where its caller wants it, or may fail to do, does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{Engine, Position};

use super::functions::{Fault, at};
use super::host::Touch;
use super::kinds::Natives;
use super::seen::{Before, Call, Seen};
use crate::report::Report;
use crate::script::header::Header;
use crate::script::library::Library;

/// A function: its name, and how many parameters it has.
type Function = (String, usize);

/// The modules that were read.
pub(super) struct Reach<'a> {
    engine: &'a Engine,
    library: &'a Library,
    modules: BTreeMap<(String, String), Option<Rc<Text>>>,
}

/// A module.
struct Text {
    /// Where it is from.
    source: String,
    seen: Seen,
}

impl<'a> Reach<'a> {
    pub(super) fn new(engine: &'a Engine, library: &'a Library) -> Self {
        Self {
            engine,
            library,
            modules: BTreeMap::new(),
        }
    }

    /// What the header of a script does not allow of a module's function that it calls.
    pub(super) fn faults(
        &mut self,
        call: &Call,
        importer: &str,
        seen: &Seen,
        header: &Header,
        natives: &Natives,
    ) -> Vec<Fault> {
        let Some(alias) = call.module.as_ref().filter(|_| !call.is_guarded) else {
            return Vec::new();
        };
        let Some(module) = self.imported(importer, seen, alias, natives) else {
            return Vec::new();
        };
        let name = &call.name;
        let mut touches = Vec::new();
        self.follow(
            &module,
            function(call),
            natives,
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
        let of_function = |report: Report| Report {
            message: format!("{alias}::{name}: {}", report.message),
            ..report
        };
        let reports = told.into_iter().map(of_function);
        reports.map(|report| at(&report, call.position)).collect()
    }

    /// Takes note of what a function touches, and what it calls.
    fn follow(
        &mut self,
        module: &Rc<Text>,
        function_of_it: Function,
        natives: &Natives,
        known: &mut BTreeSet<(String, Function)>,
        touches: &mut Vec<Touch>,
    ) {
        if !known.insert((module.source.clone(), function_of_it.clone())) {
            return;
        }
        let is_in_it = |call: &&Call| {
            call.within.as_ref() == Some(&function_of_it) && !call.is_guarded && !call.is_choice
        };
        for call in module.seen.calls.iter().filter(is_in_it) {
            if let Some(alias) = &call.module {
                if let Some(other) = self.imported(&module.source, &module.seen, alias, natives) {
                    self.follow(&other, function(call), natives, known, touches);
                }
            } else if let Some(touch) = Touch::of(call) {
                if !touches.contains(&touch) {
                    touches.push(touch);
                }
            } else if call.before == Before::Nothing {
                self.follow(module, function(call), natives, known, touches);
            }
        }
    }

    /// The module that a text imports by a name, if there is one.
    fn imported(
        &mut self,
        importer: &str,
        seen: &Seen,
        alias: &str,
        natives: &Natives,
    ) -> Option<Rc<Text>> {
        let mut imports = seen.imports.iter().filter(|import| import.name == alias);
        let path = imports.next()?.path.clone()?;
        if imports.next().is_some() {
            return None;
        }
        let (engine, library) = (self.engine, self.library);
        let key = (importer.to_owned(), path);
        let module = self
            .modules
            .entry(key)
            .or_insert_with_key(|(importer, path)| {
                let script = library.compile(engine, importer, path, Position::NONE);
                let script = script.ok()?;
                Some(Rc::new(Text {
                    source: script.source().unwrap_or_default().to_owned(),
                    seen: Seen::of(&script, natives),
                }))
            });
        module.clone()
    }
}

/// The function that a call means.
fn function(call: &Call) -> Function {
    (call.name.clone(), call.arguments.len())
}
