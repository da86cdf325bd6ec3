//! What a script calls, names and imports, read from its syntax tree. Rhai resolves names only as it runs; here they are
//! followed as it would: functions see their parameters and what they declare, closures what they capture.

use std::collections::BTreeSet;

use rhai::{AST, Expr, FnCallExpr, ImmutableString, Position, ScriptFuncDef, Stmt};

use super::given::Given;
use crate::script::names;

/// What stands before the dot of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: the call is none of a method.
    Nothing,
    /// A property, as `qmp` in `v.qmp.stop()`.
    Property(String),
    /// What scripts know as `host`.
    Host,
    /// Something else.
    Other,
}

/// A call.
pub(super) struct Call {
    pub(super) name: String,
    /// The name of the import that the function is in.
    pub(super) module: Option<String>,
    pub(super) before: Before,
    pub(super) arguments: Vec<Given>,
    pub(super) position: Position,
    /// Whether it may fail, or is made only where a version or a command was asked for.
    pub(super) is_guarded: bool,
}

/// What was seen in a script.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) calls: Vec<Call>,
    /// Variables that are declared nowhere where they are used.
    pub(super) unknown: Vec<(String, Position)>,
    /// What is imported, by which name: no path where it is computed.
    pub(super) imports: Vec<(Option<String>, String, Position, bool)>,
    /// Texts and names of members: what may be asked of QEMU, or be called through a map.
    pub(super) words: BTreeSet<String>,
    /// The texts among them that are given to calls.
    texts: BTreeSet<String>,
    /// How often `.qmp` is used in another way than for a call right behind it.
    pub(super) commands_kept: usize,
    /// Names that a `with` binds, which closures around it want as well.
    bound: BTreeSet<String>,
    /// All names of variables, wherever they are declared.
    pub(super) declared: BTreeSet<String>,
    scope: Vec<String>,
    /// How deep the walk is in what is guarded.
    guards: usize,
}

impl Seen {
    /// Reads a script.
    pub(super) fn of(script: &AST) -> Self {
        let mut seen = Self::default();
        seen.block(script.statements());
        for (_, _, _, _, function) in script.shared_lib().iter_script_fn_info() {
            seen.function(function);
        }
        let bound = &seen.bound;
        seen.unknown.retain(|(name, _)| !bound.contains(name));
        seen
    }

    fn function(&mut self, function: &ScriptFuncDef) {
        self.scope = function.params.iter().map(ToString::to_string).collect();
        self.block(function.body.statements());
        self.scope.clear();
    }

    /// Whether a name stands in the script as a text by itself, so that it may be asked for.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        self.texts.contains(name)
    }

    /// Whether the script calls a function of Rhai's that changes what is known.
    pub(super) fn calls(&self, name: &str) -> bool {
        self.calls.iter().any(|call| call.name == name)
    }

    fn block(&mut self, statements: &[Stmt]) {
        let depth = self.scope.len();
        for statement in statements {
            self.statement(statement);
        }
        self.scope.truncate(depth);
    }

    fn guarded(&mut self, is_guard: bool, walk: impl FnOnce(&mut Self)) {
        self.guards += usize::from(is_guard);
        walk(self);
        self.guards -= usize::from(is_guard);
    }

    fn declare(&mut self, name: &str) {
        self.declared.insert(name.to_owned());
        self.scope.push(name.to_owned());
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::If(flow, _) => {
                let asks = asks(&flow.expr);
                self.expression(&flow.expr);
                self.guarded(asks, |seen| {
                    seen.block(flow.body.statements());
                    seen.block(flow.branch.statements());
                });
            }
            Stmt::Switch(switch, _) => {
                let (expression, cases) = &**switch;
                let asks = asks(expression);
                self.expression(expression);
                self.guarded(asks, |seen| {
                    for case in &cases.expressions {
                        seen.expression(&case.lhs);
                        seen.expression(&case.rhs);
                    }
                });
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.expression(&flow.expr);
                self.block(flow.body.statements());
            }
            Stmt::For(parts, _) => {
                let (name, counter, flow) = &**parts;
                self.expression(&flow.expr);
                let depth = self.scope.len();
                self.declare(name.as_str());
                if let Some(counter) = counter {
                    self.declare(counter.as_str());
                }
                self.block(flow.body.statements());
                self.scope.truncate(depth);
            }
            Stmt::Var(parts, ..) => {
                self.expression(&parts.1);
                self.declare(parts.0.as_str());
            }
            Stmt::Assignment(parts) => {
                self.expression(&parts.1.lhs);
                self.expression(&parts.1.rhs);
            }
            Stmt::FnCall(call, position) => self.call(call, *position, Before::Nothing),
            Stmt::Block(block) => self.block(block.statements()),
            Stmt::TryCatch(flow, _) => {
                self.guarded(true, |seen| seen.block(flow.body.statements()));
                let depth = self.scope.len();
                if let Expr::Variable(caught, ..) = &flow.expr {
                    self.declare(&caught.1);
                }
                self.block(flow.branch.statements());
                self.scope.truncate(depth);
            }
            Stmt::Expr(expression) => self.expression(expression),
            Stmt::BreakLoop(Some(expression), ..) | Stmt::Return(Some(expression), ..) => {
                self.expression(expression);
            }
            Stmt::Import(parts, position) => {
                let (path, name) = &**parts;
                self.expression(path);
                let literal = literal(path).map(ToString::to_string);
                let is_guarded = self.guards > 0;
                let import = (literal, name.as_str().to_owned(), *position, is_guarded);
                self.imports.push(import);
            }
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr) {
        self.chain(expression, Before::Nothing);
    }

    fn chain(&mut self, expression: &Expr, before: Before) {
        match expression {
            Expr::StringConstant(text, _) => {
                self.words.insert(text.to_string());
            }
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                for part in parts {
                    self.expression(part);
                }
            }
            Expr::Map(parts, _) => {
                for (name, value) in &parts.0 {
                    self.words.insert(name.as_str().to_owned());
                    self.expression(value);
                }
            }
            Expr::Variable(variable, _, position) if variable.2.is_empty() => {
                self.variable(&variable.1, *position);
            }
            Expr::Property(property, _) => {
                self.words.insert(property.2.to_string());
                self.commands_kept += usize::from(property.2 == "qmp");
            }
            Expr::Stmt(block) => self.block(block.statements()),
            Expr::Dot(parts, ..) | Expr::Index(parts, ..) => {
                self.chain(&parts.lhs, before);
                let is_member = matches!(expression, Expr::Dot(..));
                let before = match &parts.lhs {
                    Expr::Property(property, _) if is_member => {
                        Before::Property(property.2.to_string())
                    }
                    Expr::Variable(variable, ..)
                        if is_member && variable.1 == "host" && !self.is_declared("host") =>
                    {
                        Before::Host
                    }
                    Expr::Variable(variable, ..) if is_member => {
                        Before::Property(variable.1.to_string())
                    }
                    _ => Before::Other,
                };
                self.chain(&parts.rhs, before);
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                let asks = parts.iter().any(asks);
                self.guarded(asks, |seen| {
                    for part in parts.iter() {
                        seen.expression(part);
                    }
                });
            }
            Expr::MethodCall(call, position) => {
                if before == Before::Property("qmp".to_owned()) {
                    self.commands_kept = self.commands_kept.saturating_sub(1);
                }
                self.call(call, *position, before);
            }
            Expr::FnCall(call, position) => self.call(call, *position, Before::Nothing),
            Expr::Custom(custom, _) => self.with(&custom.inputs),
            _ => {}
        }
    }

    /// `with EXPR as NAME { ... }`, which is all the syntax that is ours.
    fn with(&mut self, inputs: &[Expr]) {
        let [guard, name, block] = inputs else {
            return;
        };
        self.expression(guard);
        let depth = self.scope.len();
        if let Expr::Variable(name, ..) = name {
            self.declare(&name.1);
            self.bound.insert(name.1.to_string());
        }
        self.expression(block);
        self.scope.truncate(depth);
    }

    fn call(&mut self, call: &FnCallExpr, position: Position, before: Before) {
        let names_command = before != Before::Nothing && call.name == "qmp";
        for (index, argument) in call.args.iter().enumerate() {
            // The name of a command that is sent is no question for it.
            let is_name = index == 0 && names_command && literal(argument).is_some();
            if !is_name {
                self.texts
                    .extend(literal(argument).map(ToString::to_string));
                self.expression(argument);
            }
        }
        if call.is_operator_call() || names::is_operator(&call.name) {
            return;
        }
        let path = &call.namespace.path;
        self.calls.push(Call {
            name: call.name.to_string(),
            module: match path.as_slice() {
                [] => None,
                [one] => Some(one.as_str().to_owned()),
                // What a module imports in turn is not followed.
                _ => return,
            },
            before,
            arguments: call.args.iter().map(Given::read).collect(),
            position,
            is_guarded: self.guards > 0,
        });
    }

    fn is_declared(&self, name: &str) -> bool {
        self.scope.iter().any(|known| known == name)
    }

    fn variable(&mut self, name: &str, position: Position) {
        if !self.is_declared(name) && !matches!(name, "args" | "host" | "null") {
            self.unknown.push((name.to_owned(), position));
        }
    }
}

/// Whether a condition is about what a QEMU has: its version, or what it says that it takes.
fn asks(condition: &Expr) -> bool {
    let mut asks = false;
    condition.walk(&mut Vec::new(), &mut |path| {
        let name = match path.last() {
            Some(rhai::ASTNode::Expr(Expr::Property(property, _))) => property.2.as_str(),
            Some(rhai::ASTNode::Expr(Expr::Variable(variable, ..))) => variable.1.as_str(),
            Some(rhai::ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                call.name.as_str()
            }
            _ => "",
        };
        asks |= ["version", "supports", "has_", "takes", "schema"]
            .iter()
            .any(|word| name.contains(word));
        true
    });
    asks
}

/// The text that an expression is.
pub(super) fn literal(expression: &Expr) -> Option<&ImmutableString> {
    match expression {
        Expr::StringConstant(text, _) => Some(text),
        _ => None,
    }
}
