//! A session: one engine, its library and its variables, in which scripts are run one after the other. `run`, `eval` and the
//! tests go through [`Session::run`], the REPL through [`Session::line`]: they alone give a script its thread and its stop,
//! release the guards that it left, and turn whatever ended it into an [`Outcome`].

mod aside;
mod asked;
mod called;
mod examined;
mod following;

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Scope};

use super::called::Called;
use super::error;
use super::following::Following;
use super::kept::{self, Held, Kept};
use super::library::{EMBEDDED, Library};
use super::outcome::{Ending, Failure, Outcome, fault};
use super::output::Output;
use super::own;
use super::reference::{self, Entry, Reference};
use super::run::Current;
use super::source::{Source, Sources};
use super::stage::{Control, Performed, Stage};
use super::stop::Cause;
use super::{bound, caught, engine, with, words};
use crate::inventory::Inventory;
use crate::report::{Kind, Report};
use crate::vm::mode::Mode;
use crate::vm::{self, Fleet};

pub use aside::{Aside, Told};
pub use asked::Named;
pub use examined::Fault;

/// What a session is made from.
pub struct Settings {
    /// Where results and messages go.
    pub output: Output,
    /// What scripts are given.
    pub called: Called,
    /// The user's folder of modules.
    pub modules: Option<PathBuf>,
    /// Whether errors are drawn in colour.
    pub color: bool,
    /// Whether errors show the script's lines: for who wrote it, and not for who only runs it.
    pub lines: bool,
    /// The VMs that scripts can name.
    pub inventory: Inventory,
}

impl Default for Settings {
    fn default() -> Self {
        let vms = vm::Settings::new(vm::settings::default_state_dir());
        Self {
            output: Output::of_process(false),
            called: Called::default(),
            modules: None,
            color: false,
            lines: true,
            inventory: Inventory::new(Fleet::new(vms), Vec::new()),
        }
    }
}

/// One engine, its library and its variables.
pub struct Session {
    engine: Engine,
    stage: Stage,
    library: Library,
    sources: Sources,
    scope: Scope<'static>,
    kept: Kept,
    following: Following,
    asks: bool,
    color: bool,
    lines: bool,
}

/// A variable of a session.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Dynamic,
}

impl Session {
    /// A session. Fails if the runtime cannot start.
    pub fn new(settings: Settings) -> io::Result<Self> {
        Self::with_modules(settings, EMBEDDED)
    }

    pub(super) fn with_modules(
        settings: Settings,
        embedded: &'static [(&'static str, &'static str)],
    ) -> io::Result<Self> {
        let sources = Sources::default();
        let library = Library::new(embedded, settings.modules, sources.clone());
        let engine = engine::build(library.clone()).map_err(io::Error::other)?;
        let stage = Stage::new(settings.output, settings.called, settings.inventory)?;
        Ok(Self {
            engine,
            following: stage.following(settings.color),
            stage,
            asks: false,
            library,
            sources,
            scope: Scope::new(),
            kept: Kept::default(),
            color: settings.color,
            lines: settings.lines,
        })
    }

    /// The user's folder of modules.
    pub fn modules(&self) -> Option<&Path> {
        self.library.user()
    }

    /// Drops what the session holds as its process ends. The engine is left to the kernel, which takes all memory back at
    /// once: to free a thousand functions one by one is an eighth of what a short command does.
    pub fn leave(self) {
        mem::forget(self.engine);
    }

    /// The engine, for those who list or complete its functions.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to register more functions.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Whether somebody is asked before a line's destructive commands are sent, where that can be: by
    /// [`Asking`](super::consent::Asking).
    pub fn set_asks(&mut self, asks: bool) {
        self.asks = asks;
    }

    /// For the thread that handles signals.
    pub fn control(&self) -> Control {
        self.stage.control()
    }

    /// What becomes of the changes that scripts ask for.
    pub fn mode(&self) -> &Mode {
        &self.stage.inventory().fleet().settings().mode
    }

    /// The session's streams.
    pub fn output(&self) -> &Output {
        self.stage.output()
    }

    /// Compiles `source` and runs it to its end; variables that it leaves stay for the next. Blocks the calling thread.
    pub fn run(&mut self, source: &Source) -> Outcome {
        let script = match self.compile(source) {
            Ok(script) => own::functions(&self.engine, script),
            Err(failure) => return Outcome::of_failure(*failure),
        };
        let (engine, scope) = (&self.engine, &mut self.scope);
        let performed = self.stage.perform(|current| {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                engine.eval_ast_with_scope::<Dynamic>(scope, &script)
            }));
            release_all(engine, current, ended)
        });
        self.outcome(performed, source, &script)
    }

    /// As [`Session::run`], for what somebody types line after line: its functions and imports stay too, if it succeeds
    /// its guards are held until they are released or the session is left, its value becomes `last`, and its error
    /// `last_error`.
    pub fn line(&mut self, source: &Source) -> Outcome {
        let script = match self.compile(source) {
            Ok(script) => own::functions(&self.engine, script),
            Err(failure) => {
                self.remember_error(&failure.report);
                return Outcome::of_failure(*failure);
            }
        };
        let (engine, scope, kept) = (&self.engine, &mut self.scope, &mut self.kept);
        let asks = self.asks;
        let performed = self.stage.perform(|current| {
            if asks {
                current.run().consents().begin();
            }
            kept.guards().hand_to(current);
            let ended = catch_unwind(AssertUnwindSafe(|| kept.evaluate(engine, scope, &script)));
            let succeeded = matches!(ended, Ok(Ok(_))) && current.run().stop().cause().is_none();
            kept.guards().take_back(current, succeeded);
            if succeeded {
                kept.keep_functions(&script);
            }
            release_all(engine, current, ended)
        });
        let outcome = self.outcome(performed, source, &script);
        match &outcome.ending {
            // A statement without a value does not take the last one away.
            Ending::Value(value) if !value.is_unit() => {
                self.scope.set_or_push("last", value.clone());
            }
            Ending::Failed(failure) => self.remember_error(&failure.report),
            _ => {}
        }
        kept::without_shadowed(&mut self.scope);
        if script.iter_functions().next().is_none() {
            // No later error can be in it.
            self.sources.remove(&source.name);
        }
        outcome
    }

    fn remember_error(&mut self, report: &Report) {
        self.scope.set_or_push("last_error", error::to_map(report));
    }

    /// The guards that lines left to be held on.
    pub fn held(&self) -> Held {
        self.kept.guards().clone()
    }

    /// Releases all guards that are held; its notes say what failed in that. Blocks the calling thread.
    pub fn release_held(&mut self) -> Outcome {
        self.release_where(false)
    }

    /// Releases the guards whose state ended by itself, and tells so.
    pub fn release_ended(&mut self) -> Outcome {
        self.release_where(true)
    }

    fn release_where(&mut self, only_ended: bool) -> Outcome {
        let (engine, kept) = (&self.engine, &self.kept);
        let performed = self.stage.perform(|current| {
            kept.guards().hand_to(current);
            if only_ended {
                kept.guards().take_back(current, true);
            } else {
                kept.guards().forget();
            }
            release_all(engine, current, Ok(Ok(Dynamic::UNIT)))
        });
        self.outcome(performed, &Source::new("", ""), &AST::empty())
    }

    /// Whether a script compiles. Fails with what is wrong in it.
    pub fn check(&self, source: &Source) -> Result<(), Box<Failure>> {
        let checked = self.compile(source).map(|_| ());
        self.sources.remove(&source.name);
        checked
    }

    fn compile(&self, source: &Source) -> Result<AST, Box<Failure>> {
        self.sources.add(source);
        bound::start_of_text();
        caught::start_of_text();
        words::start_of_text();
        match self.engine.compile(source.code()) {
            Ok(mut script) => {
                script.set_source(source.name.as_str());
                Ok(script)
            }
            Err(error) => Err(Box::new(self.failure(&error.into(), None, &source.name))),
        }
    }

    fn outcome(
        &self,
        performed: io::Result<Performed<Ran>>,
        source: &Source,
        script: &AST,
    ) -> Outcome {
        let Performed { run, ended } = match performed {
            Ok(performed) => performed,
            Err(error) => return no_thread(&error),
        };
        let ended = ended.and_then(|ended| ended);
        // A stop that came in the script's last step or in its clean-up, as from a print that failed, ends the run all
        // the same: whoever sent a signal waits for an end by it.
        let ended = match (ended, run.stop().cause()) {
            (Ok(Ok(_)), Some(cause)) => Ok(Err(error::stopped(cause))),
            (ended, _) => ended,
        };
        let notes = run.take_notes();
        let ending = match ended {
            Ok(Ok(value)) => Ending::Value(value.flatten()),
            Ok(Err(error)) => match error::cause_of(&error) {
                Some(Cause::Exit(code)) => Ending::Exit(code, run.take_result().flatten()),
                Some(Cause::Signal(signal)) => Ending::Signal(signal),
                _ => Ending::Failed(self.failure(&error, Some(script), &source.name)),
            },
            Err(panic) => Ending::Failed(fault(&*panic)),
        };
        Outcome { ending, notes }
    }

    /// The variables, newest first.
    pub fn variables(&self) -> Vec<Variable> {
        self.scope
            .iter_raw()
            .map(|(name, _, value)| Variable {
                name: name.to_owned(),
                value: value.clone(),
            })
            .collect()
    }

    /// Looks at a variable, the newest of its name.
    pub fn with_variable<T>(&self, name: &str, look: impl FnOnce(&Dynamic) -> T) -> Option<T> {
        let mut newest_first = self.scope.iter_raw();
        let (_, _, value) = newest_first.find(|(own, ..)| *own == name)?;
        Some(look(value))
    }

    /// Names and types of the variables, newest first: cheaper than with their values.
    pub fn variable_types(&self) -> Vec<(String, String)> {
        let variables = self.scope.iter_raw();
        variables
            .map(|(name, _, value)| (name.to_owned(), self.type_name(value)))
            .collect()
    }

    /// What scripts can call; made anew each time.
    pub fn reference(&self) -> Reference {
        Reference::of(&self.engine)
    }

    /// The functions that lines defined, and those of the modules that they imported, each by the import's name.
    pub fn own_functions(&self) -> Vec<Entry> {
        let mut functions = self.kept.described();
        functions.append(&mut self.kept.imported());
        functions
    }

    /// What the type of a value is called in the reference.
    pub fn type_name(&self, value: &Dynamic) -> String {
        reference::type_name(&self.engine, value)
    }
}

type Ran = thread::Result<Result<Dynamic, Box<EvalAltResult>>>;

/// Releases the guards that the script left bare, last in first out, whatever ended it. The first failed release is the
/// error of a script that otherwise succeeded.
fn release_all(engine: &Engine, current: &Current, mut ended: Ran) -> Ran {
    while let Some(guard) = current.run().take_last_guard() {
        let released = catch_unwind(AssertUnwindSafe(|| with::release(engine, current, &guard)));
        match (released, &ended) {
            (Ok(Ok(())), _) => {}
            (Ok(Err(failure)), Ok(Ok(_))) => ended = Ok(Err(failure)),
            (Ok(Err(failure)), Ok(Err(first)))
                if error::to_report(first).message == error::to_report(&failure).message => {}
            (Ok(Err(failure)), _) => current.run().note(error::to_report(&failure)),
            (Err(panic), Ok(_)) => ended = Err(panic),
            (Err(panic), Err(_)) => current.run().note(fault(&*panic).report),
        }
    }
    ended
}

/// Not even a thread could be had.
fn no_thread(error: &io::Error) -> Outcome {
    let report = Report::new(Kind::Fault, format!("no thread for the script: {error}"));
    Outcome::of_failure(Failure::bare(report))
}
