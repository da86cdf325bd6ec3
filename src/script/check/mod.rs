//! What can be told of a script without running it: that it compiles and its header reads, that the functions, variables and
//! modules are there that it names, that its header allows what it does on this host, and that QEMU takes the commands
//! and has the events whose names stand in it. What only a run can know is taken to be right: a fault that is none costs more than one that
//! the run shows.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `walk` | reads the syntax tree |
//! | `seen` | what a script calls, names and imports |
//! | `given` | the arguments of a call, as far as they are written out |
//! | `kinds` | what values are, and what functions take and give |
//! | `asked` | what runs only where it was asked for, or may fail |
//! | `functions` | functions that are not there, or take other arguments |
//! | `modules` | modules that are not there, and what they do not have |
//! | `options` | options that a function does not have |
//! | `commands` | commands that a QEMU does not take |
//! | `events` | events that a QEMU does not have |
//! | `host` | what the header does not allow |
//! | `reach` | the same of functions of modules |
//! | `reads` | options that a function of a standard module does not read |
//! | `wants` | values that it cannot take |
//! | `uses` | what a function does with its parameters |
//! | `texts` | modules that are imported |

mod asked;
mod commands;
mod events;
mod functions;
mod given;
mod host;
mod kinds;
mod modules;
mod options;
mod reach;
mod reads;
mod seen;
mod texts;
mod uses;
mod walk;
mod wants;

use std::collections::BTreeSet;
use std::rc::Rc;

use rhai::{AST, Engine, EvalAltResult, Position, Scope};

use self::commands::Told;
use self::functions::{Fault, Functions};
use self::kinds::{Kind, Natives};
use self::seen::{Call, NoProperty, Seen};
use self::texts::Texts;
use super::header::Header;
use super::library::Library;
use super::names::{self, Names};
use crate::nearest::did_you_mean;
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

/// That a closure has a function in place of the variable of that name around it.
fn not_captured(name: &str, position: Position) -> Box<EvalAltResult> {
    let report = Report::usage(format!(
        "`{name}` is the function of that name here, and not the variable"
    ))
    .with_hint("a closure captures no variable that is called as a function of the script is: call the variable otherwise");
    functions::at(&report, position)
}

/// That a value has no such property, as the run says it.
fn no_property(missing: &NoProperty) -> Box<EvalAltResult> {
    let words = format!(
        "Unknown property '{}' - a getter is not registered for type '{}'",
        missing.name, missing.of
    );
    EvalAltResult::ErrorDotExpr(words, missing.position).into()
}

/// That a condition is no `true` or `false`, as the run says it.
fn no_condition((kind, position): &(Kind, Position)) -> Box<EvalAltResult> {
    EvalAltResult::ErrorMismatchDataType("bool".to_owned(), kind.type_name(), *position).into()
}

/// What is read from `args`, and the header does not declare.
fn no_argument(name: &str, position: Position, header: &Header) -> Option<Box<EvalAltResult>> {
    let declared = header.arguments.as_deref()?;
    let names = || declared.iter().map(|argument| argument.name.as_str());
    if names().any(|known| known == name) {
        return None;
    }
    let mut report = Report::usage(format!("the header declares no argument `{name}`"));
    report.hint = did_you_mean(name, names()).or_else(|| {
        let names: Vec<&str> = names().collect();
        (!names.is_empty()).then(|| format!("it declares `{}`", names.join("`, `")))
    });
    Some(functions::at(&report, position))
}

/// One finding for all QEMUs that it is the same for.
fn joined(told: Vec<Told>) -> impl Iterator<Item = Found> {
    let mut all: Vec<Told> = Vec::new();
    for one in told {
        let is_same = |other: &&mut Told| {
            other.report.message == one.report.message && other.position == one.position
        };
        match all.iter_mut().find(is_same) {
            Some(same) => {
                let target = format!("{}, {}", same.target, one.target);
                *same = Told { target, ..one };
            }
            None => all.push(one),
        }
    }
    all.into_iter().map(|told| {
        let message = format!("{}: {}", told.target, told.report.message);
        Found {
            error: functions::at(
                &Report {
                    message,
                    ..told.report
                },
                told.position,
            ),
            is_error: told.is_error,
        }
    })
}

/// What a script is looked at with.
pub(super) struct Examiner<'a> {
    engine: &'a Engine,
    library: &'a Library,
    natives: Rc<Natives>,
    targets: &'a [&'a Target],
    texts: Texts<'a>,
    /// The modules that were looked at.
    modules: BTreeSet<String>,
}

impl<'a> Examiner<'a> {
    pub(super) fn new(engine: &'a Engine, library: &'a Library, targets: &'a [&'a Target]) -> Self {
        let natives = Rc::new(Natives::of(engine));
        Self {
            engine,
            library,
            natives: natives.clone(),
            targets,
            texts: Texts::new(engine, library, natives),
            modules: BTreeSet::new(),
        }
    }

    /// What is wrong with a script that compiled, in the order of its text. Of a module, `called` are its functions that are
    /// called.
    pub(super) fn examine(
        &mut self,
        script: &AST,
        header: Option<&Header>,
        called: Option<&BTreeSet<String>>,
    ) -> Vec<Found> {
        let mut seen = Seen::of(script, &self.natives);
        asked::follow(&mut seen.calls, called);
        let scope = Scope::new();
        let names = Names {
            engine: self.engine,
            library: self.library,
            own: names::of_script(script),
            scope: &scope,
        };
        let natives = self.natives.clone();
        let (functions, mut errors) = Functions::of(names, &natives, script, &seen);
        if !seen.calls("is_def_var") {
            let unknown = seen.unknown.iter();
            let unknown = unknown.filter(|(name, _)| !functions.is_function(name));
            errors.extend(unknown.map(|(name, position)| no_variable(name, *position, &seen)));
        }
        let hidden = seen.not_captured.iter();
        let hidden = hidden.filter(|(name, _)| functions.is_own(name));
        errors.extend(hidden.map(|(name, position)| not_captured(name, *position)));
        errors.extend(seen.no_property.iter().map(no_property));
        errors.extend(seen.no_condition.iter().map(no_condition));
        let qualified = seen.qualified.iter();
        errors.extend(qualified.filter_map(|named| functions.fault_of_name(named, &seen)));
        if let Some(header) = header {
            let asked = seen.asked_of_args.iter();
            errors.extend(asked.filter_map(|(name, at)| no_argument(name, *at, header)));
        }
        let mut found = Vec::new();
        let importer = script.source().unwrap_or_default();
        let allowing = header.filter(|_| !host::is_module(script));
        for call in &seen.calls {
            errors.extend(functions.fault(call, &seen));
            errors.extend(allowing.and_then(|header| host::fault(call, header)));
            errors.extend(self.faults_within(call, &seen, importer, allowing));
            let mut told = commands::findings(call, &seen, &functions, self.targets);
            told.extend(events::findings(call, &seen, &functions, self.targets));
            found.extend(joined(told));
        }
        found.extend(errors.into_iter().map(|error| Found {
            error,
            is_error: true,
        }));
        let others = functions.others(&seen).into_iter();
        let others: Vec<(AST, Position, BTreeSet<String>)> = others
            .map(|(module, called)| (module.script.clone(), module.position, called))
            .collect();
        for (module, position, called) in others {
            found.extend(self.module(&module, position, &called));
        }
        found.sort_by_key(|found| {
            let position = found.error.position();
            (position.line(), position.position())
        });
        found.dedup_by_key(|found| (found.error.position(), found.error.to_string()));
        found
    }

    /// What is wrong with a call of a module's function, by what that does.
    fn faults_within(
        &mut self,
        call: &Call,
        seen: &Seen,
        importer: &str,
        allowing: Option<&Header>,
    ) -> Vec<Fault> {
        let texts = &mut self.texts;
        let alias = call.module.as_deref();
        let Some((alias, module)) =
            alias.zip(alias.and_then(|alias| texts.imported(importer, seen, alias)))
        else {
            return Vec::new();
        };
        let header = allowing.filter(|_| !call.is_guarded);
        let mut faults = header.map_or_else(Vec::new, |header| {
            reach::faults(call, alias, &module, header, texts)
        });
        faults.extend(reads::fault(call, &module, texts));
        faults.extend(wants::fault(call, &module, texts, &self.natives));
        faults
    }

    /// What is wrong with a module that is imported at that place.
    fn module(&mut self, module: &AST, at: Position, called: &BTreeSet<String>) -> Vec<Found> {
        let name = module.source().unwrap_or_default().to_owned();
        if !self.modules.insert(name.clone()) {
            return Vec::new();
        }
        let found = self.examine(module, None, Some(called)).into_iter();
        let within = |found: Found| Found {
            error: EvalAltResult::ErrorInModule(name.clone(), found.error, at).into(),
            ..found
        };
        found.map(within).collect()
    }
}
