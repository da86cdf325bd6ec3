//! Functions that a script calls and nobody has, or that take other arguments; and imports and modules that are not there. What may be a function that a value holds is left to the run.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTFlags, EvalAltResult, FnAccess, Position, Stmt};

use super::kinds::{Kind, Native, Natives};
use super::modules::Module;
use super::options;
use super::seen::{Before, Call, Seen};
use crate::duration;
use crate::report::Report;
use crate::script::error;
use crate::script::names::{self, Names};

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
pub(super) type Known = BTreeMap<String, BTreeSet<usize>>;

/// What can be called in a script.
pub(super) struct Functions<'a> {
    natives: &'a Natives,
    names: Names<'a>,
    own: Known,
    pub(super) modules: BTreeMap<String, Module>,
    pub(super) constants: BTreeSet<String>,
}

pub(super) type Fault = Box<EvalAltResult>;

impl<'a> Functions<'a> {
    /// All functions, and what is wrong with the imports that they come from.
    pub(super) fn of(
        names: Names<'a>,
        natives: &'a Natives,
        script: &AST,
        seen: &Seen,
    ) -> (Self, Vec<Fault>) {
        let (engine, library) = (names.engine, names.library);
        let mut functions = Self {
            natives,
            names,
            own: of_script(script, true),
            modules: BTreeMap::new(),
            constants: variables(script, ASTFlags::CONSTANT),
        };
        let mut faults = Vec::new();
        let importer = script.source().unwrap_or_default();
        for import in &seen.imports {
            let Some(path) = &import.path else { continue };
            match library.compile(engine, importer, path, import.position) {
                Ok(module) => {
                    let module = Module {
                        path: path.clone(),
                        functions: of_script(&module, false),
                        exported: variables(&module, ASTFlags::EXPORTED),
                        words: Seen::of(&module, natives).words,
                        position: import.position,
                        script: module,
                    };
                    functions.modules.insert(import.name.clone(), module);
                }
                Err(_) if import.is_guarded => {}
                Err(error) => faults.push(error),
            }
        }
        (functions, faults)
    }

    /// Whether this is a function, which can be named as a value.
    pub(super) fn is_function(&self, name: &str) -> bool {
        let is_native = !self.natives.named(name).is_empty();
        self.own.contains_key(name) || is_native || OF_RHAI.contains(&name)
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
        if seen.calls("is_def_fn") {
            return None;
        }
        if OF_RHAI.contains(&call.name.as_str()) {
            return self.fault_of_pointer(call);
        }
        let is_method = call.before != Before::Nothing;
        let count = call.arguments.len();
        if call.of.as_ref().is_some_and(|of| of.is_handle("qmp")) {
            return fault_of_method(call);
        }
        if takes(&self.own, &call.name, count)
            || is_method && !call.is_of_known_handle() && self.may_be_held(call, seen)
        {
            return None;
        }
        // Of a value that is written out much is Rhai's own.
        let this = call.of.as_ref().filter(|_| call.is_of_known_handle());
        let first = usize::from(is_method);
        let all = self.natives.taking(&call.name, count + first, this);
        let all: Vec<&Native> = all.collect();
        if all.is_empty() {
            return Some(self.no_function(call, this));
        }
        let kind = |at: usize| call.kinds.get(at).and_then(Option::as_ref);
        let fits = |native: &&Native, at| self.natives.fits(native, at + first, kind(at));
        if all
            .iter()
            .any(|native| (0..count).all(|at| fits(native, at)))
        {
            let is_time = |at: &usize| {
                let mut fitting = all.iter().filter(|native| fits(native, *at));
                fitting.all(|native| native.takes_time(at + first))
            };
            let wrong_time = (0..count).filter(is_time).find_map(|at| no_time(call, at));
            let is_it = |native: &&&Native| (0..count).all(|at| fits(native, at));
            let fitting: Vec<&Native> = all.iter().filter(is_it).copied().collect();
            return wrong_time.or_else(|| options::fault(call, &fitting));
        }
        let wrong = (0..count).find(|at| !all.iter().any(|native| fits(native, *at)));
        let message = match wrong.zip(wrong.and_then(kind)) {
            Some((at, kind)) => format!(
                "`{}` cannot take {} as its {} argument",
                call.name,
                kind.told(),
                ordinal(at)
            ),
            None => format!("`{}` does not take these values together", call.name),
        };
        let place = wrong.and_then(|at| call.arguments[at].place(""));
        Some(at(
            &self.with_shapes(Report::usage(message), &call.name),
            place.unwrap_or(call.position),
        ))
    }

    /// That no function of that name takes so many values, or that there is none.
    fn no_function(&self, call: &Call, this: Option<&Kind>) -> Fault {
        let is_method = usize::from(call.before != Before::Nothing);
        let counts = (0..=MOST).filter(|count| {
            let mut natives = self.natives.taking(&call.name, count + is_method, this);
            natives.next().is_some() || takes(&self.own, &call.name, *count)
        });
        let counts: Vec<usize> = counts.collect();
        let name = &call.name;
        let report = match (counts.as_slice(), this) {
            ([], Some(this)) => Report::usage(format!("{} has no function `{name}`", this.told())),
            ([], None) => {
                let name = name.clone();
                return EvalAltResult::ErrorFunctionNotFound(name, call.position).into();
            }
            (counts, _) => {
                let takes = taken(counts, call.arguments.len());
                Report::usage(format!("`{name}` {takes}"))
            }
        };
        at(&self.with_shapes(report, name), call.position)
    }

    /// That a function is named by a text, and is not there.
    fn fault_of_pointer(&self, call: &Call) -> Option<Fault> {
        let given = call.arguments.first().filter(|_| call.name == "Fn")?;
        let name = given.text()?;
        if self.is_function(name) || name.contains("::") || names::is_operator(name) {
            return None;
        }
        let place = given.place("").unwrap_or(call.position);
        Some(EvalAltResult::ErrorFunctionNotFound(name.to_owned(), place).into())
    }

    /// With the forms of a function, or the nearest name.
    fn with_shapes(&self, report: Report, name: &str) -> Report {
        let mistake = EvalAltResult::ErrorFunctionNotFound(name.to_owned(), Position::NONE);
        let hint = self.names.near(&mistake, None);
        Report { hint, ..report }
    }

    /// Whether a method may be one that only the run knows: a command of QEMU's, or a closure in a map.
    fn may_be_held(&self, call: &Call, seen: &Seen) -> bool {
        let mut modules = self.modules.values();
        call.is_of("qmp")
            || seen.commands_kept > 0
            || seen.words.contains(&call.name)
            || seen.imports.len() != self.modules.len()
            || modules.any(|module| {
                module.words.contains(&call.name)
                    || module.words.contains("qmp")
                    || module.functions.contains_key(&call.name)
            })
    }
}

/// The most arguments that are looked for.
const MOST: usize = 8;

fn takes(known: &Known, name: &str, count: usize) -> bool {
    known
        .get(name)
        .is_some_and(|counts| counts.contains(&count))
}

/// How many arguments a function takes, and was given.
pub(super) fn taken(counts: &[usize], given: usize) -> String {
    let told: Vec<String> = counts.iter().map(ToString::to_string).collect();
    match counts {
        [0] => format!("takes no arguments, not {given}"),
        [1] => format!("takes 1 argument, not {given}"),
        _ => format!("takes {} arguments, not {given}", told.join(" or ")),
    }
}

pub(super) fn ordinal(at: usize) -> &'static str {
    ["first", "second", "third", "fourth", "fifth"]
        .get(at)
        .copied()
        .unwrap_or("last")
}

/// That a command which is written as a method is given something else than a map.
fn fault_of_method(call: &Call) -> Option<Fault> {
    let takes_map = match call.kinds.as_slice() {
        [] => true,
        [kind] => kind.as_ref().is_none_or(|kind| *kind == Kind::Map),
        _ => false,
    };
    let report = || {
        let name = &call.name;
        Report::usage("a QMP command takes its arguments as one map")
            .with_hint(format!("as in `v.qmp.{name}(#{{ id: \"cd0\" }})`"))
    };
    (!takes_map).then(|| at(&report(), call.position))
}

/// That an argument is no length of time.
fn no_time(call: &Call, argument: usize) -> Option<Fault> {
    let given = call.arguments.get(argument)?;
    let wrong = match (given.text(), call.kinds[argument].as_ref()?) {
        (Some(text), _) => duration::parse(text).err()?.to_string(),
        (None, Kind::Int | Kind::Float | Kind::Text) => return None,
        (None, kind) => format!("{} is no length of time", kind.told()),
    };
    let report = Report::usage(format!("{}: {wrong}", call.name));
    Some(at(&report, given.place("").unwrap_or(call.position)))
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

/// The variables that are declared with such a mark, or exported under another name.
fn variables(script: &AST, mark: ASTFlags) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    script.walk(&mut |path| {
        match path.last() {
            Some(rhai::ASTNode::Stmt(Stmt::Var(parts, flags, _))) if flags.intersects(mark) => {
                names.insert(parts.0.as_str().to_owned());
            }
            Some(rhai::ASTNode::Stmt(Stmt::Export(parts, _))) => {
                let (name, alias) = &**parts;
                let exported = if alias.as_str().is_empty() {
                    name
                } else {
                    alias
                };
                names.insert(exported.as_str().to_owned());
            }
            _ => {}
        }
        true
    });
    names
}
