//! What a function does with its parameters, by its text.

use rhai::{ASTNode, Expr, FnCallExpr, ScriptFuncDef, Stmt};

use super::kinds::closure_of;
use super::texts::Function;
use super::walk;
use crate::script::names;

/// A parameter of a function, and the function.
pub(super) type Parameter = (Function, usize);

/// What happens to a parameter in one place.
pub(super) enum Use {
    /// The member of that name is read.
    Member(String),
    /// It is asked for the member of that name, by a text.
    Asked(String),
    /// A method is called on it, with so many arguments.
    Method(String, usize),
    /// A loop goes through it.
    Walked,
    /// A closure captures it, as its parameter of that number.
    Captured(String, usize),
    /// A function gets it as its parameter; in another module, by what that is imported as.
    Passed(Option<String>, Parameter),
    /// It is given another value, or another variable has its name.
    Replaced,
    /// Anything.
    Open,
}

/// What a function does with one of its parameters, and whether it may do so in vain.
pub(super) fn uses(function: &ScriptFuncDef, parameter: &str) -> Vec<(Use, bool)> {
    let mut uses = Vec::new();
    for statement in function.body.statements() {
        statement.walk(&mut Vec::new(), &mut |path| {
            let parent = path.len().checked_sub(2).map(|at| &path[at]);
            let found = path.last().and_then(|node| used(node, parent, parameter));
            let is_try = |node: &ASTNode| matches!(node, ASTNode::Stmt(Stmt::TryCatch(..)));
            uses.extend(found.map(|found| (found, path.iter().any(is_try))));
            true
        });
    }
    uses
}

/// What becomes of a parameter in a node of the syntax tree, if it is there.
fn used(node: &ASTNode, parent: Option<&ASTNode>, parameter: &str) -> Option<Use> {
    let variable = match node {
        ASTNode::Expr(variable @ Expr::Variable(names, ..)) if names.1 == parameter => *variable,
        ASTNode::Stmt(Stmt::Var(parts, ..)) if parts.0.as_str() == parameter => {
            return Some(Use::Replaced);
        }
        ASTNode::Stmt(Stmt::For(parts, _)) if parts.0.as_str() == parameter => {
            return Some(Use::Replaced);
        }
        _ => return None,
    };
    let is_it = |expression: &Expr| std::ptr::eq(expression, variable);
    Some(match parent? {
        ASTNode::Expr(Expr::Dot(parts, ..)) if is_it(&parts.lhs) => member(walk::first(&parts.rhs)),
        ASTNode::Expr(Expr::Index(parts, ..)) if is_it(&parts.lhs) => {
            match walk::first(&parts.rhs) {
                Expr::StringConstant(text, _) => Use::Asked(text.to_string()),
                _ => Use::Open,
            }
        }
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
            passed(call, variable)
        }
        ASTNode::Stmt(Stmt::For(parts, _)) if is_it(&parts.2.expr) => Use::Walked,
        ASTNode::Stmt(Stmt::Assignment(parts)) if is_it(&parts.1.lhs) => Use::Replaced,
        _ => Use::Open,
    })
}

/// What stands behind the parameter.
fn member(rest: &Expr) -> Use {
    match rest {
        Expr::Property(property, _) => Use::Member(property.2.to_string()),
        Expr::MethodCall(call, _) => match (call.name.as_str(), call.args.first()) {
            ("remove" | "contains", Some(Expr::StringConstant(text, _))) => {
                Use::Asked(text.to_string())
            }
            (name, _) => Use::Method(name.to_owned(), call.args.len()),
        },
        _ => Use::Open,
    }
}

/// Which parameter of a function it becomes.
fn passed(call: &FnCallExpr, variable: &Expr) -> Use {
    let is_it = |argument: &Expr| std::ptr::eq(argument, variable);
    if let Some((closure, captured)) = closure_of(call) {
        let place = captured.iter().position(is_it);
        return place.map_or(Use::Open, |place| Use::Captured(closure, place));
    }
    if call.is_operator_call() || names::is_operator(&call.name) {
        return Use::Open;
    }
    let place = call.args.iter().position(is_it);
    let module = match call.namespace.path.as_slice() {
        [] => None,
        [one] => Some(one.as_str().to_owned()),
        _ => return Use::Open,
    };
    let function = (call.name.to_string(), call.args.len());
    place.map_or(Use::Open, |place| Use::Passed(module, (function, place)))
}
