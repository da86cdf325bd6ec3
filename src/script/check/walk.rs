//! Reads the syntax tree of a script. Rhai resolves names only as it runs; here they are followed as it would: functions see
//! their parameters and what they declare, closures what they capture.

mod chain;
mod changed;

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Expr, ScriptFuncDef, Stmt};

use self::chain::literal;
use self::changed::{Changed, last};
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
        guards: 0,
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
    /// How deep the walk is in what is guarded.
    guards: usize,
    /// The function that it is in.
    within: Option<String>,
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
}

/// Where a closure is made.
#[derive(Default)]
struct Met {
    /// The variables that it captures.
    captured: Vec<Variable>,
    within: Option<String>,
    guards: usize,
}

impl Walk<'_> {
    fn function(&mut self, function: &ScriptFuncDef, met: Met) {
        let is_closure = names::is_closure(&function.name);
        let name = (!is_closure).then(|| function.name.to_string());
        self.within = name.or(met.within);
        self.guards = met.guards;
        let captured = met.captured.into_iter();
        let known = captured.chain(std::iter::repeat_with(Variable::default));
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
        let (depth, guards) = (self.scope.len(), self.guards);
        for statement in statements {
            self.statement(statement);
            self.guards += usize::from(self.asking.turns_away(statement));
        }
        self.scope.truncate(depth);
        self.guards = guards;
    }

    fn guarded(&mut self, is_guard: bool, walk: impl FnOnce(&mut Self)) {
        self.guards += usize::from(is_guard);
        walk(self);
        self.guards -= usize::from(is_guard);
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
        });
    }

    /// What an expression gives, as far as that is written out.
    fn given(&self, expression: &Expr) -> Given {
        Given::read(expression, &|name| self.held(name).given)
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::If(flow, _) => {
                let asks = self.asking.asks(&flow.expr);
                self.expression(&flow.expr);
                self.guarded(asks, |walk| {
                    walk.block(flow.body.statements());
                    walk.block(flow.branch.statements());
                });
            }
            Stmt::Switch(switch, _) => {
                let (expression, cases) = &**switch;
                self.expression(expression);
                let asks = self.asking.asks(expression);
                for case in &cases.expressions {
                    self.expression(&case.lhs);
                    let asks = asks || self.asking.asks(&case.lhs);
                    self.guarded(asks, |walk| {
                        walk.expression(&case.rhs);
                    });
                }
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                let asks = self.asking.asks(&flow.expr);
                self.expression(&flow.expr);
                self.guarded(asks, |walk| walk.block(flow.body.statements()));
            }
            Stmt::For(parts, _) => {
                let (name, counter, flow) = &**parts;
                let item = self.expression(&flow.expr).and_then(Kind::item);
                let depth = self.scope.len();
                self.declare(name.as_str(), item);
                if let Some(counter) = counter {
                    self.declare(counter.as_str(), Some(Kind::Int));
                }
                self.block(flow.body.statements());
                self.scope.truncate(depth);
            }
            Stmt::Var(parts, ..) => {
                let kind = self.expression(&parts.1);
                let given = self.given(&parts.1);
                self.asking.note(parts.0.as_str(), &parts.1);
                let given = Some(given).filter(|given| !given.is_unknown());
                self.declare_as(parts.0.as_str(), kind, given);
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
                    is_guarded: self.guards > 0,
                });
            }
            _ => {}
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
        let mut met = Met {
            captured: captured.iter().map(held).collect(),
            within: self.within.clone(),
            guards: self.guards,
        };
        // Closures of the same text are one function.
        if let Some(other) = self.met.get(&name) {
            met.guards = met.guards.min(other.guards);
            met.within = met.within.filter(|_| self.within == other.within);
            met.captured.clear();
        }
        self.met.insert(name, met);
    }

    fn is_declared(&self, name: &str) -> bool {
        self.scope.iter().any(|known| known.name == name)
    }

    /// What is known of a variable.
    fn held(&self, name: &str) -> Variable {
        let innermost = self.scope.iter().rev().find(|known| known.name == name);
        innermost.cloned().unwrap_or_else(|| Variable {
            name: name.to_owned(),
            kind: (name == "host").then(|| Kind::handle("host")),
            given: None,
        })
    }
}
