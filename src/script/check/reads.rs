//! Which options a function of a standard module reads: the members of its parameter `options`, in its text and in that of the
//! functions which it hands the whole of them to. Whatever else is done with them, as to go through them, leaves it open.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, FnCallExpr, ScriptFuncDef, Stmt};

use super::functions::{Fault, at};
use super::kinds::closure_of;
use super::seen::Call;
use super::texts::{Function, Text, Texts, function};
use super::walk;
use crate::nearest::did_you_mean;
use crate::report::Report;

/// The name of such a parameter.
const OPTIONS: &str = "options";

/// A parameter of a function, and the function.
type Parameter = (Function, usize);

/// What happens to a parameter in one place.
enum Use {
    /// The member of that name is read.
    Member(String),
    /// It is looked through for names that nobody reads.
    Names,
    /// A closure captures it, as its parameter of that number.
    Captured(String, usize),
    /// A function gets it as its parameter; in another module, by what that is imported as.
    Passed(Option<String>, Parameter),
    /// Anything.
    Open,
}

/// What is wrong with the options that a call gives a standard module's function.
pub(super) fn fault(call: &Call, module: &Text, texts: &mut Texts) -> Option<Fault> {
    if !module.source.starts_with("std/") {
        return None;
    }
    let of = module.definition(&call.name, Some(call.arguments.len()))?;
    let place = of.params.iter().position(|name| name == OPTIONS)?;
    let given = call.arguments.get(place)?;
    let mut known = BTreeSet::new();
    let is_closed = read(
        module,
        (function(call), place),
        texts,
        &mut BTreeSet::new(),
        &mut known,
    );
    let names = || known.iter().map(String::as_str);
    let mut unknown = given.object()?.keys().filter(|name| !known.contains(*name));
    let option = unknown.next().filter(|_| is_closed && !known.is_empty())?;
    let message = format!("{}: there is no option `{option}`", call.name);
    let hint = did_you_mean(option, names()).unwrap_or_else(|| {
        let names: Vec<&str> = names().collect();
        format!("it takes `{}`", names.join("`, `"))
    });
    Some(at(
        &Report::usage(message).with_hint(hint),
        given.place(option).unwrap_or(call.position),
    ))
}

/// Takes note of the members of a parameter that are read. False where it may be any of them.
fn read(
    module: &Text,
    parameter: Parameter,
    texts: &mut Texts,
    seen: &mut BTreeSet<(String, Parameter)>,
    members: &mut BTreeSet<String>,
) -> bool {
    if !seen.insert((module.source.clone(), parameter.clone())) {
        return true;
    }
    let ((name, count), place) = parameter;
    let Some(function) = module.definition(&name, Some(count)) else {
        return false;
    };
    for one in uses(function, &function.params[place]) {
        let is_known = match one {
            Use::Member(name) => {
                members.insert(name);
                true
            }
            Use::Names => true,
            Use::Captured(closure, place) => {
                let count = module
                    .definition(&closure, None)
                    .map(|own| own.params.len());
                count.is_some_and(|count| {
                    read(module, ((closure, count), place), texts, seen, members)
                })
            }
            Use::Passed(None, to) => read(module, to, texts, seen, members),
            Use::Passed(Some(alias), to) => {
                let other = texts.imported(&module.source, &module.seen, &alias);
                other.is_some_and(|other| read(&other, to, texts, seen, members))
            }
            Use::Open => false,
        };
        if !is_known {
            return false;
        }
    }
    true
}

/// What a function does with one of its parameters.
fn uses(function: &ScriptFuncDef, parameter: &str) -> Vec<Use> {
    let mut uses = Vec::new();
    for statement in function.body.statements() {
        statement.walk(&mut Vec::new(), &mut |path| {
            let parent = path.len().checked_sub(2).map(|at| &path[at]);
            uses.extend(path.last().and_then(|node| used(node, parent, parameter)));
            true
        });
    }
    uses
}

/// What becomes of a parameter in a node of the syntax tree, if it is there.
fn used(node: &ASTNode, parent: Option<&ASTNode>, parameter: &str) -> Option<Use> {
    let variable = match node {
        ASTNode::Expr(variable @ Expr::Variable(names, ..)) if names.1 == parameter => variable,
        // Another one of the name.
        ASTNode::Stmt(Stmt::Var(parts, ..)) if parts.0.as_str() == parameter => {
            return Some(Use::Open);
        }
        ASTNode::Stmt(Stmt::For(parts, _)) if parts.0.as_str() == parameter => {
            return Some(Use::Open);
        }
        _ => return None,
    };
    Some(match parent {
        Some(ASTNode::Expr(Expr::Dot(parts, ..) | Expr::Index(parts, ..)))
            if std::ptr::eq(&parts.lhs, *variable) =>
        {
            member(walk::first(&parts.rhs))
        }
        Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => {
            passed(call, variable)
        }
        _ => Use::Open,
    })
}

/// What stands behind the parameter.
fn member(rest: &Expr) -> Use {
    match rest {
        Expr::Property(property, _) => Use::Member(property.2.to_string()),
        Expr::StringConstant(text, _) => Use::Member(text.to_string()),
        Expr::MethodCall(call, _) => match (call.name.as_str(), call.args.first()) {
            ("keys", None) => Use::Names,
            ("remove" | "contains", Some(Expr::StringConstant(text, _))) => {
                Use::Member(text.to_string())
            }
            _ => Use::Open,
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
    let place = call.args.iter().position(is_it);
    let module = match call.namespace.path.as_slice() {
        [] => None,
        [one] => Some(one.as_str().to_owned()),
        _ => return Use::Open,
    };
    let function = (call.name.to_string(), call.args.len());
    place.map_or(Use::Open, |place| Use::Passed(module, (function, place)))
}
