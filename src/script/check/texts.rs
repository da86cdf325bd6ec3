//! The texts of modules that scripts and modules import, each read once.

use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{AST, Engine, Position, ScriptFuncDef};

use super::kinds::Natives;
use super::seen::{Call, Seen};
use crate::script::library::Library;

/// A function: its name, and how many parameters it has.
pub(super) type Function = (String, usize);

/// The function that a call means.
pub(super) fn function(call: &Call) -> Function {
    (call.name.clone(), call.arguments.len())
}

/// A script or a module.
pub(super) struct Text {
    /// Where it is from.
    pub(super) source: String,
    pub(super) script: AST,
    pub(super) seen: Seen,
}

impl Text {
    /// The text of a function in it; of a closure any, as its name is its own.
    pub(super) fn definition(&self, name: &str, count: Option<usize>) -> Option<&ScriptFuncDef> {
        let mut all = self.script.shared_lib().iter_script_fn_info();
        let found = all.find(|(_, _, own, parameters, _)| {
            *own == name && count.is_none_or(|count| count == *parameters)
        })?;
        Some(found.4)
    }
}

/// The modules that were read.
pub(super) struct Texts<'a> {
    engine: &'a Engine,
    library: &'a Library,
    natives: Rc<Natives>,
    read: BTreeMap<(String, String), Option<Rc<Text>>>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(engine: &'a Engine, library: &'a Library, natives: Rc<Natives>) -> Self {
        Self {
            engine,
            library,
            natives,
            read: BTreeMap::new(),
        }
    }

    /// The module that a text imports by a name. None where that is not one, or may be several.
    pub(super) fn imported(
        &mut self,
        importer: &str,
        seen: &Seen,
        alias: &str,
    ) -> Option<Rc<Text>> {
        let mut imports = seen.imports.iter().filter(|import| import.name == alias);
        let path = imports.next()?.path.clone()?;
        if imports.next().is_some() {
            return None;
        }
        let (engine, library, natives) = (self.engine, self.library, &self.natives);
        let key = (importer.to_owned(), path);
        let text = self.read.entry(key).or_insert_with_key(|(importer, path)| {
            let script = library.compile(engine, importer, path, Position::NONE);
            let script = script.ok()?;
            Some(Rc::new(Text {
                source: script.source().unwrap_or_default().to_owned(),
                seen: Seen::of(&script, natives),
                script,
            }))
        });
        text.clone()
    }
}
