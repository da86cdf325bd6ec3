//! What one line of a session leaves to the next besides its variables: the functions that it defined, its imports, the
//! constants that functions see, and its guards. Rhai itself ends all of these with each text that it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{
    AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, GlobalRuntimeState,
    ImmutableString, Locked, Module, Position, Scope, Shared, StmtBlock,
};

use super::guard::{self, FrozenGuest, Guard, Window};
use super::names;
use super::reference::{self, Entry};
use super::run::Current;

/// What is kept between lines.
#[derive(Default)]
pub(super) struct Kept {
    /// The functions of each line that defined some, oldest first: a later one of the same shape is the one that is called.
    functions: Vec<Shared<Module>>,
    imports: Vec<(ImmutableString, Shared<Module>)>,
    guards: Held,
}

/// The guards that a session holds between its lines, for those who show them.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Vec<Arc<dyn Guard>>>>);

impl Kept {
    /// Evaluates a line that is compiled already. What it imports stays, also when it fails later.
    pub(super) fn evaluate(
        &mut self,
        engine: &Engine,
        scope: &mut Scope<'static>,
        line: &AST,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        let mut global = engine.new_global_runtime_state();
        global.source = line.source().map(ImmutableString::from);
        global.lib.extend(self.functions.iter().cloned());
        global.lib.push(line.shared_lib().clone());
        global.constants = constants(scope);
        for (name, module) in &self.imports {
            global.push_import(name.clone(), module.clone());
        }
        let statements = StmtBlock::new(
            line.statements().iter().cloned(),
            Position::NONE,
            Position::NONE,
        );
        let statements = Expr::Stmt(Box::new(statements));
        let mut caches = Caches::new();
        let mut context = EvalContext::new(engine, &mut global, &mut caches, scope, None);
        let ended = in_place(&mut context, &statements);
        self.imports = imports(&global);
        match ended {
            Err(error) => match *error {
                EvalAltResult::Return(value, _) => Ok(value),
                _ => Err(error),
            },
            value => value,
        }
    }

    /// Keeps the functions of a line that succeeded.
    pub(super) fn keep_functions(&mut self, line: &AST) {
        if line
            .iter_functions()
            .all(|function| names::is_closure(function.name))
        {
            return;
        }
        let new = signatures(line.shared_lib());
        // What no call can reach any more goes.
        self.functions.retain(|old| {
            !signatures(old)
                .iter()
                .all(|signature| new.contains(signature))
        });
        self.functions.push(line.shared_lib().clone());
    }

    /// Name and shape of the functions that lines defined.
    pub(super) fn functions(&self) -> impl Iterator<Item = (String, String)> {
        self.functions
            .iter()
            .flat_map(|module| names::shapes(module))
    }

    /// The functions that lines defined, with their documentation.
    pub(super) fn described(&self) -> Vec<Entry> {
        self.functions
            .iter()
            .flat_map(|module| reference::of_module(module, None))
            .collect()
    }

    /// The functions of the imported modules, by the names of the imports.
    pub(super) fn imported(&self) -> Vec<Entry> {
        self.imports
            .iter()
            .flat_map(|(name, module)| reference::of_module(module, Some(name)))
            .collect()
    }

    pub(super) fn guards(&self) -> &Held {
        &self.guards
    }
}

#[expect(
    deprecated,
    reason = "Rhai marks it so because it may change, and its version is pinned"
)]
fn in_place(context: &mut EvalContext, statements: &Expr) -> Result<Dynamic, Box<EvalAltResult>> {
    // Without a rewind: the variables are to stay.
    context.eval_expression_tree_raw(&Expression::from(statements), false)
}

/// The constants of the session, which functions see as `global::NAME`.
fn constants(scope: &Scope) -> Option<Shared<Locked<BTreeMap<ImmutableString, Dynamic>>>> {
    let constants: BTreeMap<ImmutableString, Dynamic> = scope
        .iter()
        .filter(|(_, is_constant, _)| *is_constant)
        .map(|(name, _, value)| (name.into(), value))
        .collect();
    (!constants.is_empty()).then(|| Shared::new(Locked::new(constants)))
}

/// The newest import of each name.
fn imports(global: &GlobalRuntimeState) -> Vec<(ImmutableString, Shared<Module>)> {
    let mut kept: Vec<(ImmutableString, Shared<Module>)> = Vec::new();
    for (name, module) in global.scan_imports_raw() {
        kept.retain(|(other, _)| other != name);
        kept.push((name.clone(), module.clone()));
    }
    kept
}

/// Name and number of parameters of each function.
fn signatures(module: &Module) -> Vec<(String, usize)> {
    module
        .iter_script_fn_info()
        .filter(|(_, _, name, ..)| !names::is_closure(name))
        .map(|(_, _, name, count, _)| (name.to_owned(), count))
        .collect()
}

/// The newest variable of each name: what a shadowed one holds is not to stay for ever.
pub(super) fn without_shadowed(scope: &mut Scope<'static>) {
    let mut kept: Vec<(String, bool, Dynamic)> = Vec::with_capacity(scope.len());
    for (name, is_constant, value) in scope.iter_raw() {
        if !kept.iter().any(|(other, ..)| other == name) {
            kept.push((name.to_owned(), is_constant, value.clone()));
        }
    }
    if kept.len() < scope.len() {
        scope.clear();
        scope.extend(kept.into_iter().rev());
    }
}

impl Held {
    /// The guests that are kept frozen, and until when.
    pub fn frozen(&self) -> Vec<FrozenGuest> {
        self.lock()
            .iter()
            .filter_map(|guard| guard.frozen())
            .collect()
    }

    /// What is held, for people.
    pub fn describe(&self) -> Vec<String> {
        self.lock().iter().map(|guard| guard.describe()).collect()
    }

    /// Whether something that is held ended by itself, so that the next line is to be told.
    pub fn has_ended(&self) -> bool {
        self.lock().iter().any(has_ended)
    }

    /// Hands what is held to a run, which is told when it ends by itself.
    pub(super) fn hand_to(&self, current: &Current) {
        for guard in self.lock().iter() {
            if let Some(window) = guard.window() {
                window.move_to(current.run().stop());
            }
            current.run().keep(guard.clone());
        }
    }

    /// Takes back from a run what is to be held on: all of it if the run `succeeded`, else what was held before. What
    /// ended by itself stays with the run.
    pub(super) fn take_back(&self, current: &Current, succeeded: bool) {
        let mut held = self.lock();
        let before = std::mem::take(&mut *held);
        for made in current.run().guards() {
            let was_held = before.iter().any(|kept| guard::same(kept, &made));
            if !has_ended(&made) && (succeeded || was_held) {
                current.run().forget(&made);
                held.push(made);
            }
        }
    }

    /// All is left to the run that it was handed to.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<dyn Guard>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_ended(guard: &Arc<dyn Guard>) -> bool {
    guard.is_over() || guard.window().and_then(Window::ended).is_some()
}
