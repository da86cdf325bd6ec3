//! Expressions: chains of names with dots between them, and calls.

use rhai::{ASTFlags, BinaryExpr, Expr, FnCallExpr, Ident, ImmutableString, Position};

use super::Walk;
use super::changed::first;
use crate::script::check::kinds::{Kind, closure_of};
use crate::script::check::seen::{Before, Call, NoProperty, Qualified};
use crate::script::{AGENT_CALL, names};

impl Walk<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> Option<Kind> {
        self.chain(expression, Before::Nothing, None)
    }

    /// Reads an expression that stands behind `before`, which is of that kind; gives what it is.
    fn chain(&mut self, expression: &Expr, before: Before, of: Option<Kind>) -> Option<Kind> {
        let literal = Kind::literal(expression);
        match expression {
            Expr::StringConstant(text, _) => {
                self.seen.words.insert(text.to_string());
            }
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                for part in parts {
                    self.expression(part);
                }
            }
            Expr::Map(parts, _) => {
                for (name, value) in &parts.0 {
                    self.seen.words.insert(name.as_str().to_owned());
                    let kind = self.expression(value);
                    if kind.is_none_or(|kind| kind == Kind::Function) {
                        self.seen.members.insert(name.as_str().to_owned());
                    }
                }
            }
            Expr::Variable(variable, _, position) => {
                return self.variable(&variable.1, &variable.2.path, *position);
            }
            Expr::Property(property, position) => {
                return self.property(&property.2, of.as_ref(), *position);
            }
            Expr::DynamicConstant(..) => self.meet(expression),
            Expr::Stmt(block) => self.block(block.statements()),
            Expr::Dot(parts, flags, _) => return self.link(parts, true, *flags, before, of),
            Expr::Index(parts, flags, _) => return self.link(parts, false, *flags, before, of),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                let asks = parts.iter().any(|part| self.asking.asks(part));
                let mut is_choice = false;
                for part in parts.iter() {
                    self.doubted(asks, is_choice, |walk| {
                        walk.expression(part);
                    });
                    is_choice |= self.is_callers(part);
                }
            }
            Expr::MethodCall(call, position) => {
                if before == Before::Property("qmp".to_owned()) {
                    self.seen.commands_kept = self.seen.commands_kept.saturating_sub(1);
                }
                return self.call(call, *position, before, of);
            }
            Expr::FnCall(call, position) => {
                self.meet(expression);
                return self
                    .call(call, *position, Before::Nothing, None)
                    .or(literal);
            }
            Expr::Custom(custom, _) => self.with(&custom.inputs),
            _ => {}
        }
        literal
    }

    /// Two links of a chain, `left.right` or `left[right]`.
    fn link(
        &mut self,
        parts: &BinaryExpr,
        is_member: bool,
        flags: ASTFlags,
        before: Before,
        of: Option<Kind>,
    ) -> Option<Kind> {
        self.reads_of_args(parts, is_member);
        let left = self.chain(&parts.lhs, before, of);
        let name = match &parts.lhs {
            Expr::Property(property, _) => Some(&property.2),
            Expr::Variable(variable, ..) => Some(&variable.1),
            _ => None,
        };
        let name = name.filter(|_| is_member);
        let before = name.map_or(Before::Other, |name| Before::Property(name.to_string()));
        self.rest(&parts.rhs, is_member, flags, before, left)
    }

    /// What follows a link.
    fn rest(
        &mut self,
        right: &Expr,
        is_member: bool,
        flags: ASTFlags,
        before: Before,
        left: Option<Kind>,
    ) -> Option<Kind> {
        if is_member {
            return self.chain(right, before, left);
        }
        let item = left.and_then(Kind::item);
        match right {
            // The index comes first, and behind it what is done with the item.
            Expr::Dot(parts, then, _) if !flags.contains(ASTFlags::BREAK) => {
                self.expression(&parts.lhs);
                self.rest(&parts.rhs, true, *then, Before::Other, item)
            }
            Expr::Index(parts, then, _) if !flags.contains(ASTFlags::BREAK) => {
                self.expression(&parts.lhs);
                self.rest(&parts.rhs, false, *then, Before::Other, item)
            }
            index => {
                self.expression(index);
                item
            }
        }
    }

    /// Takes note of `args.NAME`.
    fn reads_of_args(&mut self, parts: &BinaryExpr, is_member: bool) {
        let Expr::Variable(variable, ..) = &parts.lhs else {
            return;
        };
        if is_member && self.is_args(&variable.1) {
            if let Expr::Property(property, position) = first(&parts.rhs) {
                let asked = (property.2.to_string(), *position);
                self.seen.asked_of_args.push(asked);
            }
        }
    }

    fn property(&mut self, name: &str, of: Option<&Kind>, position: Position) -> Option<Kind> {
        self.seen.words.insert(name.to_owned());
        self.seen.commands_kept += usize::from(name == "qmp");
        let getter = format!("get${name}");
        if let Some(Kind::Handle(handle)) = of.filter(|kind| !kind.is_handle("qmp")) {
            if self.natives.taking(&getter, 1, of).next().is_none() {
                self.seen.no_property.push(NoProperty {
                    name: name.to_owned(),
                    of: handle.clone(),
                    position,
                });
            }
        }
        of?;
        self.natives.result(&getter, 1, of)
    }

    /// `with EXPR as NAME { ... }`, which is all the syntax that is ours.
    fn with(&mut self, inputs: &[Expr]) {
        let [guard, name, block] = inputs else {
            return;
        };
        let kind = self.expression(guard);
        let depth = self.scope.len();
        if let Expr::Variable(name, ..) = name {
            self.declare(&name.1, kind);
            self.bound.insert(name.1.to_string());
        }
        self.expression(block);
        self.scope.truncate(depth);
    }

    pub(super) fn call(
        &mut self,
        call: &FnCallExpr,
        position: Position,
        before: Before,
        of: Option<Kind>,
    ) -> Option<Kind> {
        let is_method = before != Before::Nothing;
        let names_command = is_method && ["qmp", AGENT_CALL].contains(&call.name.as_str());
        let mut kinds = Vec::new();
        for (index, argument) in call.args.iter().enumerate() {
            // The name of a command that is sent is no question for it.
            let is_name = index == 0 && names_command && literal(argument).is_some();
            // The closure itself was met with all that it captures.
            let is_met = index == 0 && closure_of(call).is_some();
            if is_name || is_met {
                kinds.push(Kind::literal(argument));
            } else {
                let text = literal(argument).map(ToString::to_string);
                self.seen.texts.extend(text);
                kinds.push(self.expression(argument));
            }
        }
        if call.is_operator_call() || names::is_operator(&call.name) {
            return None;
        }
        let module = match call.namespace.path.as_slice() {
            [] => None,
            [one] => Some(one.as_str().to_owned()),
            // What a module imports in turn is not followed.
            _ => return None,
        };
        let count = call.args.len();
        let is_own = module.is_some() || self.own.contains(&(call.name.to_string(), count));
        let first = if is_method {
            of.clone()
        } else {
            kinds.first().cloned().flatten()
        };
        let result = match first {
            _ if is_own || is_method && of.is_none() => None,
            first => {
                let count = count + usize::from(is_method);
                self.natives.result(&call.name, count, first.as_ref())
            }
        };
        self.seen.calls.push(Call {
            name: call.name.to_string(),
            module,
            before,
            of,
            arguments: call.args.iter().map(|one| self.given(one)).collect(),
            kinds,
            position,
            within: self.within.clone(),
            is_guarded: self.doubts.guards > 0,
            is_choice: self.doubts.choices > 0,
        });
        result
    }

    fn variable(&mut self, name: &str, path: &[Ident], position: Position) -> Option<Kind> {
        match path {
            [] => {}
            [module] => {
                self.seen.qualified.push(Qualified {
                    module: module.as_str().to_owned(),
                    name: name.to_owned(),
                    position,
                });
                return None;
            }
            _ => return None,
        }
        if !self.is_declared(name) && !matches!(name, "args" | "host" | "null") {
            let unknown = (name.to_owned(), position);
            if self.around.contains(name) {
                self.seen.not_captured.push(unknown.clone());
            }
            self.seen.unknown.push(unknown);
        }
        self.held(name).kind
    }
}

/// The text that an expression is.
pub(super) fn literal(expression: &Expr) -> Option<&ImmutableString> {
    match expression {
        Expr::StringConstant(text, _) => Some(text),
        _ => None,
    }
}
