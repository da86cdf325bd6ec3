//! Reads the syntax tree of a script. Rhai resolves names only as it runs; here they are followed as it would: functions see
//! their parameters and what they declare, closures what they capture.

mod chain;
mod changed;
mod choice;

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Expr, ScriptFuncDef, Stmt};

use self::chain::literal;
pub(super) use self::changed::first;
use self::changed::{Changed, last};
use self::choice::Origin;
use super::asked::Asking;
use super::given::Given;
use super::kinds::{Kind, Natives, closure};
use super::seen::{Before, Import, Seen};
use crate::script::names;

/// Reads a script.
pub(super) fn read(script: &AST, natives: &Natives) -> Seen {
    let mut walk = Walk {
        seen: Seen::default(),
        natives,
        own: BTreeSet::new(),
        changed: Changed::of(script),
        asking: Asking::of(script),
        scope: Vec::new(),
        bound: BTreeSet::new(),
        doubts: Doubts::default(),
        around: BTreeSet::new(),
        within: None,
        met: BTreeMap::new(),
    };
    let functions = || script.shared_lib().iter_script_fn_info();
    let own = functions().map(|(_, _, name, count, _)| (name.to_owned(), count));
    walk.own = own.collect();
    walk.block(script.statements());
    let (closures, named): (Vec<&ScriptFuncDef>, Vec<&ScriptFuncDef>) = functions()
        .map(|(_, _, _, _, function)| &**function)
        .partition(|function| names::is_closure(&function.name));
    for function in named {
        walk.function(function, Met::default());
    }
    walk.closures(closures);
    let bound = &walk.bound;
    walk.seen.unknown.retain(|(name, _)| !bound.contains(name));
    walk.seen
}

struct Walk<'a> {
    seen: Seen,
    natives: &'a Natives,
    /// The functions of the script, and how many parameters they have.
    own: BTreeSet<(String, usize)>,
    changed: Changed,
    asking: Asking,
    /// The variables that there are.
    scope: Vec<Variable>,
    /// Names that a `with` binds, which closures around it want as well.
    bound: BTreeSet<String>,
    /// The variables that are there where the closure is made that it is in.
    around: BTreeSet<String>,
    /// Why what the walk is in may not run.
    doubts: Doubts,
    /// The function that it is in, and how many parameters that has.
    within: Option<(String, usize)>,
    /// The closures that it came by.
    met: BTreeMap<String, Met>,
}

/// A variable.
#[derive(Clone, Default)]
struct Variable {
    name: String,
    /// What it is, if that is known.
    kind: Option<Kind>,
    /// What it was given, if it stays so.
    given: Option<Given>,
    /// Whether it is the script's `args`, as a closure captures them.
    is_args: bool,
    /// How much it is the caller's.
    origin: Origin,
}

/// How deep something is in what may not run.
#[derive(Clone, Copy, Default)]
struct Doubts {
    /// In what is guarded.
    guards: usize,
    /// In what the caller of a function chooses by what he gives.
    choices: usize,
}

/// Where a closure is made.
#[derive(Default)]
struct Met {
    /// The variables that it captures.
    captured: Vec<Variable>,
    /// All that are there.
    around: BTreeSet<String>,
    within: Option<(String, usize)>,
    doubts: Doubts,
}

impl Walk<'_> {
    fn function(&mut self, function: &ScriptFuncDef, met: Met) {
        let is_closure = names::is_closure(&function.name);
        let count = function.params.len();
        let own = (!is_closure).then(|| (function.name.to_string(), count));
        self.within = own.or(met.within);
        self.doubts = met.doubts;
        self.around = met.around;
        let captured = met.captured.into_iter();
        let given = || Variable {
            // What a closure is called with is a part of something, mostly.
            origin: if is_closure {
                Origin::Caller
            } else {
                Origin::Parameter
            },
            ..Variable::default()
        };
        let known = captured.chain(std::iter::repeat_with(given));
        let parameters = function.params.iter().zip(known);
        self.scope = parameters
            .map(|(name, known)| Variable {
                name: name.to_string(),
                ..known
            })
            .collect();
        self.block(function.body.statements());
        self.scope.clear();
    }

    /// Those first that it came by: what surrounds them was read.
    fn closures(&mut self, mut waiting: Vec<&ScriptFuncDef>) {
        while !waiting.is_empty() {
            let is_met = |function: &&ScriptFuncDef| self.met.contains_key(function.name.as_str());
            let next = waiting.iter().position(is_met).unwrap_or(0);
            let function = waiting.remove(next);
            let met = self.met.remove(function.name.as_str());
            self.function(function, met.unwrap_or_default());
        }
    }

    fn block(&mut self, statements: &[Stmt]) {
        let (depth, doubts) = (self.scope.len(), self.doubts);
        for statement in statements {
            self.statement(statement);
            self.doubts.guards += usize::from(self.asking.turns_away(statement));
            self.doubts.choices += usize::from(self.turns_back(statement));
        }
        self.scope.truncate(depth);
        self.doubts = doubts;
    }

    fn guarded(&mut self, is_guard: bool, walk: impl FnOnce(&mut Self)) {
        self.doubted(is_guard, false, walk);
    }

    fn doubted(&mut self, is_guard: bool, is_choice: bool, walk: impl FnOnce(&mut Self)) {
        let doubts = self.doubts;
        self.doubts.guards += usize::from(is_guard);
        self.doubts.choices += usize::from(is_choice);
        walk(self);
        self.doubts = doubts;
    }

    fn declare(&mut self, name: &str, kind: Option<Kind>) {
        self.declare_as(name, kind, None);
    }

    fn declare_as(&mut self, name: &str, kind: Option<Kind>, given: Option<Given>) {
        self.seen.declared.insert(name.to_owned());
        let changed = &self.changed;
        let is_kept = !changed.this && !changed.names.contains(name);
        self.scope.push(Variable {
            name: name.to_owned(),
            kind: kind.filter(|_| is_kept),
            given: given.filter(|_| is_kept && !changed.touched.contains(name)),
            is_args: false,
            origin: Origin::Here,
        });
    }

    /// Declares a variable that holds something of the caller's, if it does.
    fn declare_from(&mut self, origin: Origin) {
        if let Some(variable) = self.scope.last_mut() {
            variable.origin = origin;
        }
    }

    /// What an expression gives, as far as that is written out.
    fn given(&self, expression: &Expr) -> Given {
        Given::read(expression, &|name| self.held(name).given)
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::If(flow, _) => {
                let asks = self.asking.asks(&flow.expr);
                let is_choice = self.is_callers(&flow.expr);
                self.condition(&flow.expr);
                self.doubted(asks, is_choice, |walk| {
                    walk.block(flow.body.statements());
                    walk.block(flow.branch.statements());
                });
            }
            Stmt::Switch(switch, _) => {
                let (expression, cases) = &**switch;
                self.expression(expression);
                let asks = self.asking.asks(expression);
                let is_choice = self.is_callers(expression);
                for case in &cases.expressions {
                    self.expression(&case.lhs);
                    let asks = asks || self.asking.asks(&case.lhs);
                    let is_choice = is_choice || self.is_callers(&case.lhs);
                    self.doubted(asks, is_choice, |walk| {
                        walk.expression(&case.rhs);
                    });
                }
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                let asks = self.asking.asks(&flow.expr);
                let is_choice = self.is_callers(&flow.expr);
                self.condition(&flow.expr);
                self.doubted(asks, is_choice, |walk| walk.block(flow.body.statements()));
            }
            Stmt::For(parts, _) => {
                let (name, counter, flow) = &**parts;
                let item = self.expression(&flow.expr).and_then(Kind::item);
                let is_choice = self.is_part_of_parameter(&flow.expr);
                let depth = self.scope.len();
                self.declare(name.as_str(), item);
                self.declare_from(Origin::Caller);
                if let Some(counter) = counter {
                    self.declare(counter.as_str(), Some(Kind::Int));
                }
                self.doubted(false, is_choice, |walk| walk.block(flow.body.statements()));
                self.scope.truncate(depth);
            }
            Stmt::Var(parts, ..) => {
                let kind = self.expression(&parts.1);
                let given = self.given(&parts.1);
                self.asking.note(parts.0.as_str(), &parts.1);
                let given = Some(given).filter(|given| !given.is_unknown());
                let is_callers = self.is_callers(&parts.1);
                self.declare_as(parts.0.as_str(), kind, given);
                if is_callers {
                    self.declare_from(Origin::Caller);
                }
            }
            Stmt::Assignment(parts) => {
                if let Expr::Property(property, _) = last(&parts.1.lhs) {
                    self.seen.members.insert(property.2.to_string());
                }
                self.expression(&parts.1.lhs);
                self.expression(&parts.1.rhs);
            }
            Stmt::FnCall(call, position) => {
                self.call(call, *position, Before::Nothing, None);
            }
            Stmt::Block(block) => self.block(block.statements()),
            Stmt::TryCatch(flow, _) => {
                self.guarded(true, |walk| walk.block(flow.body.statements()));
                let depth = self.scope.len();
                if let Expr::Variable(caught, ..) = &flow.expr {
                    self.declare(&caught.1, None);
                }
                self.block(flow.branch.statements());
                self.scope.truncate(depth);
            }
            Stmt::Expr(expression)
            | Stmt::BreakLoop(Some(expression), ..)
            | Stmt::Return(Some(expression), ..) => {
                self.expression(expression);
            }
            Stmt::Import(parts, position) => {
                let (path, name) = &**parts;
                self.expression(path);
                self.seen.imports.push(Import {
                    path: literal(path).map(ToString::to_string),
                    name: name.as_str().to_owned(),
                    position: *position,
                    is_guarded: self.doubts.guards > 0,
                });
            }
            _ => {}
        }
    }

    fn condition(&mut self, expression: &Expr) {
        let kind = self.expression(expression);
        // A `loop` has `()`.
        let is_wrong = |kind: &Kind| *kind != Kind::Bool && !matches!(expression, Expr::Unit(_));
        if let Some(kind) = kind.filter(is_wrong) {
            let position = last(expression).position();
            self.seen.no_condition.push((kind, position));
        }
    }

    /// Takes note of a closure that is made here.
    fn meet(&mut self, expression: &Expr) {
        let Some((name, captured)) = closure(expression) else {
            return;
        };
        let held = |variable: &Expr| match variable {
            Expr::Variable(variable, ..) => self.held(&variable.1),
            _ => Variable::default(),
        };
        let here = self.scope.iter().map(|variable| variable.name.clone());
        let mut met = Met {
            captured: captured.iter().map(held).collect(),
            around: here.chain(self.around.iter().cloned()).collect(),
            within: self.within.clone(),
            doubts: self.doubts,
        };
        // Closures of the same text are one function.
        if let Some(other) = self.met.get(&name) {
            let (own, others) = (&mut met.doubts, other.doubts);
            own.guards = own.guards.min(others.guards);
            own.choices = own.choices.min(others.choices);
            met.around.retain(|name| other.around.contains(name));
            met.within = met.within.filter(|_| self.within == other.within);
            let theirs = other.captured.iter();
            met.captured = met.captured.iter().zip(theirs).map(common).collect();
        }
        self.met.insert(name, met);
    }

    fn is_declared(&self, name: &str) -> bool {
        self.scope.iter().any(|known| known.name == name)
    }

    /// Whether a name means the script's arguments here.
    fn is_args(&self, name: &str) -> bool {
        self.held(name).is_args
    }

    /// What is known of a variable.
    fn held(&self, name: &str) -> Variable {
        let innermost = self.scope.iter().rev().find(|known| known.name == name);
        innermost.cloned().unwrap_or_else(|| Variable {
            name: name.to_owned(),
            kind: (name == "host").then(|| Kind::handle("host")),
            given: None,
            is_args: name == "args",
            origin: Origin::Here,
        })
    }
}

/// What is known of a variable that two closures of the same text capture.
fn common((one, other): (&Variable, &Variable)) -> Variable {
    Variable {
        is_args: one.is_args && other.is_args,
        origin: one.origin.max(other.origin),
        ..Variable::default()
    }
}
