//! The variables of a script that change, so that what they were given tells nothing of what they hold.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Expr, Stmt};

/// Methods that put something into a list.
const FILLING: [&str; 6] = ["append", "insert", "pad", "push", "set", "splice"];

/// What changes, so that nothing is known of it.
#[derive(Default)]
pub(super) struct Changed {
    /// Variables, wherever they are.
    pub(super) names: BTreeSet<String>,
    /// Those that have methods called, which may change what they hold.
    pub(super) touched: BTreeSet<String>,
    /// Whether a function changes the value that it is a method of.
    pub(super) this: bool,
}

impl Changed {
    pub(super) fn of(script: &AST) -> Self {
        let mut changed = Self::default();
        script.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Assignment(parts))) => match root(&parts.1.lhs) {
                    Expr::Variable(variable, ..) => {
                        changed.names.insert(variable.1.to_string());
                    }
                    Expr::ThisPtr(_) => changed.this = true,
                    _ => {}
                },
                Some(ASTNode::Expr(chain @ (Expr::Dot(parts, ..) | Expr::Index(parts, ..)))) => {
                    if let Expr::Variable(variable, ..) = root(chain) {
                        let name = || variable.1.to_string();
                        if let Some(method) = method(&parts.rhs) {
                            changed.touched.extend(Some(name()));
                            let fills = FILLING.contains(&method);
                            changed.names.extend(fills.then(name));
                        }
                    }
                }
                _ => {}
            }
            true
        });
        changed
    }
}

/// What a chain begins with.
fn root(mut expression: &Expr) -> &Expr {
    while let Expr::Dot(parts, ..) | Expr::Index(parts, ..) = expression {
        expression = &parts.lhs;
    }
    expression
}

/// The first method that the rest of a chain calls.
fn method(rest: &Expr) -> Option<&str> {
    match rest {
        Expr::MethodCall(call, _) => Some(&call.name),
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => {
            method(&parts.lhs).or_else(|| method(&parts.rhs))
        }
        _ => None,
    }
}

/// The next link of a chain.
pub(in crate::script::check) fn first(rest: &Expr) -> &Expr {
    match rest {
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => &parts.lhs,
        one => one,
    }
}

/// The last link of a chain.
pub(super) fn last(mut expression: &Expr) -> &Expr {
    while let Expr::Dot(parts, ..) | Expr::Index(parts, ..) = expression {
        expression = &parts.rhs;
    }
    expression
}
