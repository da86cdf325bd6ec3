//! Functions that a script calls and nobody has, or that take another number of arguments; and imports of modules that are
//! not there. What may be a function that a value holds is left to the run.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Engine, EvalAltResult, FnAccess, Position};

use super::seen::{Before, Call, Seen};
use crate::nearest::did_you_mean;
use crate::report::Report;
use crate::script::library::Library;
use crate::script::{error, names};

/// What Rhai calls without a function of that name.
const OF_RHAI: [&str; 9] = [
    "Fn",
    "call",
    "curry",
    "debug",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "print",
    "type_of",
];

/// Names, each with the numbers of arguments that it takes.
type Known = BTreeMap<String, BTreeSet<usize>>;

/// What can be called in a script.
pub(super) struct Functions {
    native: Known,
    own: Known,
    modules: BTreeMap<String, Module>,
}

/// A module that the script imports.
struct Module {
    path: String,
    functions: Known,
    /// The words in it: what its values may hold.
    words: BTreeSet<String>,
}

type Fault = Box<EvalAltResult>;

impl Functions {
    /// All functions, and what is wrong with the imports that they come from.
    pub(super) fn of(
        engine: &Engine,
        library: &Library,
        script: &AST,
        seen: &Seen,
    ) -> (Self, Vec<Fault>) {
        let mut native = Known::new();
        let all = engine.collect_fn_metadata(
            None,
            |info| Some((info.metadata.name.to_string(), info.metadata.num_params)),
            true,
        );
        for (name, count) in all {
            native.entry(name).or_default().insert(count);
        }
        let mut functions = Self {
            native,
            own: of_script(script, true),
            modules: BTreeMap::new(),
        };
        let mut faults = Vec::new();
        let importer = script.source().unwrap_or_default();
        for (path, name, position, is_guarded) in &seen.imports {
            let Some(path) = path else { continue };
            match library.compile(engine, importer, path, *position) {
                Ok(module) => {
                    let module = Module {
                        path: path.clone(),
                        functions: of_script(&module, false),
                        words: Seen::of(&module).words,
                    };
                    functions.modules.insert(name.clone(), module);
                }
                Err(_) if *is_guarded => {}
                Err(error) => faults.push(error),
            }
        }
        (functions, faults)
    }

    /// Whether this is a function, which can be named as a value.
    pub(super) fn is_function(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.native.contains_key(name) || OF_RHAI.contains(&name)
    }

    /// Whether the script defines a function of that name.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.own.contains_key(name)
    }

    /// What is wrong with a call.
    pub(super) fn fault(&self, call: &Call, seen: &Seen) -> Option<Fault> {
        if let Some(module) = &call.module {
            return self.fault_in_module(call, module, seen);
        }
        if OF_RHAI.contains(&call.name.as_str()) || seen.calls("is_def_fn") {
            return None;
        }
        let count = call.arguments.len();
        let takes = |known: &Known, count: usize| {
            known
                .get(&call.name)
                .is_some_and(|counts| counts.contains(&count))
        };
        let is_there = if call.before == Before::Nothing {
            takes(&self.native, count) || takes(&self.own, count)
        } else {
            takes(&self.native, count + 1)
                || takes(&self.own, count)
                || self.may_be_held(call, seen)
        };
        if is_there {
            return None;
        }
        let name = call.name.clone();
        Some(EvalAltResult::ErrorFunctionNotFound(name, call.position).into())
    }

    /// Whether a method may be one that only the run knows: a command of QEMU's, or a closure in a map.
    fn may_be_held(&self, call: &Call, seen: &Seen) -> bool {
        let mut modules = self.modules.values();
        call.before == Before::Property("qmp".to_owned())
            || seen.commands_kept > 0
            || seen.words.contains(&call.name)
            || seen.imports.len() != self.modules.len()
            || modules.any(|module| {
                module.words.contains(&call.name)
                    || module.words.contains("qmp")
                    || module.functions.contains_key(&call.name)
            })
    }

    fn fault_in_module(&self, call: &Call, name: &str, seen: &Seen) -> Option<Fault> {
        // The same name may be given to several, and a computed path means any.
        let imports = seen.imports.iter().filter(|(_, known, ..)| known == name);
        let module = self.modules.get(name).filter(|_| imports.count() == 1)?;
        let (path, function) = (&module.path, &call.name);
        let report = match module.functions.get(function) {
            Some(counts) if counts.contains(&call.arguments.len()) => return None,
            Some(counts) => {
                let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
                let (takes, given) = (counts.join(" or "), call.arguments.len());
                let arguments = if takes == "1" {
                    "argument"
                } else {
                    "arguments"
                };
                Report::usage(format!(
                    "`{name}::{function}` takes {takes} {arguments}, not {given}"
                ))
            }
            None => {
                let names = module.functions.keys().map(String::as_str);
                let mut report =
                    Report::usage(format!("there is no function `{function}` in `{path}`"));
                report.hint = did_you_mean(function, names);
                report
            }
        };
        Some(at(&report, call.position))
    }
}

/// A report at a place, as scripts throw it.
pub(super) fn at(report: &Report, position: Position) -> Fault {
    let mut error = error::thrown(report);
    error.set_position(position);
    error
}

fn of_script(script: &AST, with_private: bool) -> Known {
    let mut known = Known::new();
    for function in script.iter_functions() {
        let is_open = with_private || function.access == FnAccess::Public;
        if is_open && !names::is_closure(function.name) {
            let counts = known.entry(function.name.to_owned()).or_default();
            counts.insert(function.params.len());
        }
    }
    known
}
