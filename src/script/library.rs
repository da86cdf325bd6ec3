//! Where `import` finds modules: `std/...` in the binary, then beside the importing file, then the user's folder. Each is
//! run once a session, however it is spelled; a cycle is an error that shows the chain, a missing module one that lists the
//! paths tried.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{
    AST, Engine, EvalAltResult, GlobalRuntimeState, Module, ModuleResolver, Position, Scope, Shared,
};

use super::error;
use super::names;
use super::source::{self, Source, Sources};
use super::{bound, caught, own, words};
use crate::nearest::did_you_mean;
use crate::report::Report;

/// A module as Rhai keeps it.
type SharedModule = Shared<Module>;

/// The prefix of modules that are in the binary.
const STANDARD: &str = "std/";

/// Modules in the binary: path without `std/`, text.
pub(super) const EMBEDDED: &[(&str, &str)] = &[
    ("backup", include_str!("../../stdlib/backup.rhai")),
    ("beside", include_str!("../../stdlib/beside.rhai")),
    ("bitmaps", include_str!("../../stdlib/bitmaps.rhai")),
    ("blockdev", include_str!("../../stdlib/blockdev.rhai")),
    ("busy", include_str!("../../stdlib/busy.rhai")),
    ("chain", include_str!("../../stdlib/chain.rhai")),
    ("device", include_str!("../../stdlib/device.rhai")),
    ("disk", include_str!("../../stdlib/disk.rhai")),
    ("export", include_str!("../../stdlib/export.rhai")),
    ("file", include_str!("../../stdlib/file.rhai")),
    ("fleet", include_str!("../../stdlib/fleet.rhai")),
    ("guest", include_str!("../../stdlib/guest.rhai")),
    (
        "internal_snapshot",
        include_str!("../../stdlib/internal_snapshot.rhai"),
    ),
    ("machine", include_str!("../../stdlib/machine.rhai")),
    ("media", include_str!("../../stdlib/media.rhai")),
    ("memory", include_str!("../../stdlib/memory.rhai")),
    ("migrate", include_str!("../../stdlib/migrate.rhai")),
    ("points", include_str!("../../stdlib/points.rhai")),
    ("power", include_str!("../../stdlib/power.rhai")),
    ("preflight", include_str!("../../stdlib/preflight.rhai")),
    ("quiesce", include_str!("../../stdlib/quiesce.rhai")),
    ("restore", include_str!("../../stdlib/restore.rhai")),
    ("retention", include_str!("../../stdlib/retention.rhai")),
    ("shrunk", include_str!("../../stdlib/shrunk.rhai")),
    ("size", include_str!("../../stdlib/size.rhai")),
    ("snapshot", include_str!("../../stdlib/snapshot.rhai")),
    ("throttle", include_str!("../../stdlib/throttle.rhai")),
    ("time", include_str!("../../stdlib/time.rhai")),
    ("vcpu", include_str!("../../stdlib/vcpu.rhai")),
];

/// Path and text of every module in the binary.
pub fn standard() -> impl Iterator<Item = (String, &'static str)> {
    EMBEDDED
        .iter()
        .map(|(name, text)| (format!("{STANDARD}{name}"), *text))
}

/// Finds modules and keeps them.
#[derive(Clone)]
pub struct Library {
    embedded: &'static [(&'static str, &'static str)],
    user: Option<PathBuf>,
    sources: Sources,
    modules: Arc<Mutex<HashMap<String, SharedModule>>>,
}

thread_local! {
    /// The modules that this thread is in the middle of importing, outermost first: the file, and what it was called.
    static IMPORTING: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

impl Library {
    pub(super) fn new(
        embedded: &'static [(&'static str, &'static str)],
        user: Option<PathBuf>,
        sources: Sources,
    ) -> Self {
        Self {
            embedded,
            user,
            sources,
            modules: Arc::default(),
        }
    }

    /// The user's folder of modules.
    pub(super) fn user(&self) -> Option<&Path> {
        self.user.as_deref()
    }

    /// Name and shape of every function of the modules imported so far.
    pub(super) fn functions(&self) -> Vec<(String, String)> {
        let modules = self.modules();
        modules
            .values()
            .flat_map(|module| names::shapes(module))
            .collect()
    }

    /// The text of a script or module that was read.
    pub(super) fn text(&self, source: &str) -> Option<Arc<str>> {
        self.sources.text(source)
    }

    fn modules(&self) -> MutexGuard<'_, HashMap<String, SharedModule>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text of the module that a typed line calls `path`.
    pub(super) fn source(&self, path: &str) -> Result<Source, Report> {
        self.find("", path).map(|(source, _)| source)
    }

    /// The text of the module that `importer` calls `path`, and what it is known by, however it is spelled.
    fn find(&self, importer: &str, path: &str) -> Result<(Source, String), Report> {
        if let Some(name) = path.strip_prefix(STANDARD) {
            let source = self.find_embedded(path, name)?;
            return Ok((source, path.to_owned()));
        }
        let mut tried = Vec::new();
        for candidate in self.candidates(importer, path) {
            match File::open(&candidate).and_then(source::read) {
                Ok(bytes) => {
                    let shown = candidate.display().to_string();
                    let file = candidate.canonicalize().unwrap_or(candidate);
                    return String::from_utf8(bytes)
                        .map(|text| (Source::new(&shown, text), file.display().to_string()))
                        .map_err(|_| Report::usage(format!("`{shown}` is not UTF-8 text")));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tried.push(format!("    {}", candidate.display()));
                }
                Err(error) => {
                    let shown = candidate.display();
                    return Err(Report::usage(format!("`{shown}` cannot be read: {error}")));
                }
            }
        }
        Err(Report::usage(format!("there is no module `{path}`"))
            .with_hint(format!("looked for it at\n{}", tried.join("\n"))))
    }

    fn find_embedded(&self, path: &str, name: &str) -> Result<Source, Report> {
        if let Some((_, text)) = self.embedded.iter().find(|(known, _)| *known == name) {
            return Ok(Source::new(path, *text));
        }
        let names: Vec<String> = self
            .embedded
            .iter()
            .map(|(name, _)| format!("{STANDARD}{name}"))
            .collect();
        let hint = did_you_mean(path, names.iter().map(String::as_str))
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        Err(Report::usage(format!("there is no module `{path}` in qmpsh")).with_hint(hint))
    }

    fn candidates(&self, importer: &str, path: &str) -> Vec<PathBuf> {
        let mut file = PathBuf::from(path);
        if file.extension().is_none_or(|extension| extension != "rhai") {
            file.as_mut_os_string().push(".rhai");
        }
        if file.is_absolute() {
            return vec![file];
        }
        // What was typed, and what is in the binary, lies in no folder: the working directory is meant.
        let beside = Path::new(importer)
            .parent()
            .unwrap_or(Path::new(""))
            .join(&file);
        let user = self.user.iter().map(|folder| folder.join(&file));
        std::iter::once(beside).chain(user).collect()
    }

    /// The text of a module, not run.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        importer: &str,
        path: &str,
        position: Position,
    ) -> Result<AST, Box<EvalAltResult>> {
        let (source, _) = self
            .find(importer, path)
            .map_err(|report| failure(&report, position))?;
        let script = self.compiled(engine, &source);
        script.map_err(|error| {
            EvalAltResult::ErrorInModule(source.name.clone(), error, position).into()
        })
    }

    fn compiled(&self, engine: &Engine, source: &Source) -> Result<AST, Box<EvalAltResult>> {
        self.sources.add(source);
        bound::start_of_text();
        caught::start_of_text();
        words::start_of_text();
        let mut script = engine.compile(source.code())?;
        script.set_source(source.name.as_str());
        Ok(script)
    }

    fn load(&self, engine: &Engine, source: &Source) -> Result<SharedModule, Box<EvalAltResult>> {
        let script = own::functions(engine, self.compiled(engine, source)?);
        Module::eval_ast_as_new(Scope::new(), &script, engine).map(SharedModule::new)
    }

    fn import(
        &self,
        engine: &Engine,
        importer: &str,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        let (source, file) = self
            .find(importer, path)
            .map_err(|report| failure(&report, position))?;
        if let Some(module) = self.modules().get(&file) {
            return Ok(module.clone());
        }
        let importing =
            Importing::begin(&file, &source.name).map_err(|report| failure(&report, position))?;
        let loaded = self.load(engine, &source);
        drop(importing);
        let module = loaded.map_err(|error| {
            Box::new(EvalAltResult::ErrorInModule(
                source.name.clone(),
                error,
                position,
            ))
        })?;
        self.modules().insert(file, module.clone());
        Ok(module)
    }
}

/// Marks a module as being imported by this thread, until dropped.
struct Importing;

impl Importing {
    fn begin(file: &str, name: &str) -> Result<Self, Report> {
        IMPORTING.with_borrow_mut(|chain| {
            if let Some(first) = chain.iter().position(|(other, _)| other == file) {
                let names = chain[first..]
                    .iter()
                    .map(|(_, name)| name.as_str())
                    .chain([name]);
                let chain = names.collect::<Vec<_>>().join(" -> ");
                return Err(Report::usage(format!(
                    "modules import each other in a circle: {chain}"
                )));
            }
            chain.push((file.to_owned(), name.to_owned()));
            Ok(Self)
        })
    }
}

impl Drop for Importing {
    fn drop(&mut self) {
        IMPORTING.with_borrow_mut(Vec::pop);
    }
}

fn failure(report: &Report, position: Position) -> Box<EvalAltResult> {
    let mut error = error::thrown(report);
    error.set_position(position);
    error
}

impl ModuleResolver for Library {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        self.import(engine, source.unwrap_or_default(), path, position)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _scope: &mut Scope,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        self.import(engine, global.source().unwrap_or_default(), path, position)
    }
}
