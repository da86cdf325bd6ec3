//! Modules that a script imports, and what it names in them that is not there.

use std::collections::BTreeSet;

use rhai::{AST, EvalAltResult, Position};

use super::functions::{Fault, Functions, Known, at, taken};
use super::seen::{Call, Qualified, Seen};
use crate::nearest::did_you_mean;
use crate::report::Report;

/// A module that the script imports.
pub(super) struct Module {
    pub(super) path: String,
    pub(super) script: AST,
    pub(super) position: Position,
    pub(super) functions: Known,
    /// What it exports beside them.
    pub(super) exported: BTreeSet<String>,
    /// The words in it: what its values may hold.
    pub(super) words: BTreeSet<String>,
}

impl Functions<'_> {
    /// The modules that are not in the binary, each with the functions of it that the script calls.
    pub(super) fn others(&self, seen: &Seen) -> Vec<(&Module, BTreeSet<String>)> {
        let modules = self.modules.iter();
        let others = modules.filter(|(_, module)| !module.path.starts_with("std/"));
        let called = |name: &str| {
            let calls = seen.calls.iter().filter(|call| !call.is_guarded);
            let calls = calls.filter(|call| call.module.as_deref() == Some(name));
            let named = seen.qualified.iter().filter(|one| one.module == name);
            let named = named.map(|one| one.name.clone());
            calls.map(|call| call.name.clone()).chain(named).collect()
        };
        others
            .map(|(name, module)| (module, called(name)))
            .collect()
    }

    /// The module that is imported by a name. None where that may be another one, for several have the name or the path is
    /// computed.
    pub(super) fn module(&self, name: &str, seen: &Seen) -> Option<&Module> {
        let imports = seen.imports.iter().filter(|import| import.name == name);
        self.modules.get(name).filter(|_| imports.count() == 1)
    }

    pub(super) fn fault_in_module(&self, call: &Call, name: &str, seen: &Seen) -> Option<Fault> {
        if name == "global" {
            return None;
        }
        if !seen.imports(name) {
            return Some(no_module(name, call.position, seen));
        }
        let module = self.module(name, seen)?;
        let (path, function) = (&module.path, &call.name);
        let report = match module.functions.get(function) {
            Some(counts) if counts.contains(&call.arguments.len()) => return None,
            Some(counts) => {
                let counts: Vec<usize> = counts.iter().copied().collect();
                let takes = taken(&counts, call.arguments.len());
                Report::usage(format!("`{name}::{function}` {takes}"))
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

    /// What is wrong with a name in a module that is not called.
    pub(super) fn fault_of_name(&self, it: &Qualified, seen: &Seen) -> Option<Fault> {
        let (module, name) = (&it.module, &it.name);
        let (message, hint) = if module == "global" {
            if self.constants.contains(name) {
                return None;
            }
            let constants = self.constants.iter().map(String::as_str);
            let message = format!("there is no constant `{name}`");
            (message, did_you_mean(name, constants))
        } else if seen.imports(module) {
            let imported = self.module(module, seen)?;
            if imported.exported.contains(name) || imported.functions.contains_key(name) {
                return None;
            }
            let functions = imported.functions.keys();
            let exported = imported.exported.iter();
            let names = exported.chain(functions).map(String::as_str);
            let message = format!("there is no `{name}` in `{}`", imported.path);
            (message, did_you_mean(name, names))
        } else {
            return Some(no_module(module, it.position, seen));
        };
        let mut report = Report::usage(message);
        report.hint = hint;
        Some(at(&report, it.position))
    }
}

fn no_module(name: &str, position: Position, seen: &Seen) -> Fault {
    let imports = seen.imports.iter().map(|import| import.name.as_str());
    match did_you_mean(name, imports) {
        Some(hint) => {
            let report = Report::usage(format!("there is no module `{name}` here"));
            at(&report.with_hint(hint), position)
        }
        None => EvalAltResult::ErrorModuleNotFound(name.to_owned(), position).into(),
    }
}
