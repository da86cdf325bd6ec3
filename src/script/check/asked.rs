//! What a script asks about before it acts: parts of it that run only where a version or a command was asked for, or whose
//! failure it catches.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, Stmt};

use super::seen::Call;

/// Names in conditions that are about what a QEMU has.
const WORDS: [&str; 5] = ["version", "supports", "has_", "takes", "schema"];

/// The names that stand for an answer: variables and functions of the script whose text asks.
#[derive(Default)]
pub(super) struct Asking(BTreeSet<String>);

impl Asking {
    /// The functions of a script that ask.
    pub(super) fn of(script: &AST) -> Self {
        let mut asking = Self::default();
        for (_, _, _, _, function) in script.shared_lib().iter_script_fn_info() {
            let mut asks = false;
            for statement in function.body.statements() {
                statement.walk(&mut Vec::new(), &mut |path| {
                    asks |= path.last().is_some_and(|node| asking.is_question(node));
                    true
                });
            }
            if asks {
                asking.0.insert(function.name.to_string());
            }
        }
        asking
    }

    /// Takes note of a variable that is given this.
    pub(super) fn note(&mut self, name: &str, value: &Expr) {
        if self.asks(value) {
            self.0.insert(name.to_owned());
        }
    }

    /// Whether a condition is about what a QEMU has: its version, or what it says that it takes.
    pub(super) fn asks(&self, condition: &Expr) -> bool {
        let mut asks = false;
        condition.walk(&mut Vec::new(), &mut |path| {
            asks |= path.last().is_some_and(|node| self.is_question(node));
            true
        });
        asks
    }

    fn is_question(&self, node: &ASTNode) -> bool {
        let name = match node {
            ASTNode::Expr(Expr::Property(property, _)) => property.2.as_str(),
            ASTNode::Expr(Expr::Variable(variable, ..)) => variable.1.as_str(),
            ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))
            | ASTNode::Stmt(Stmt::FnCall(call, _)) => call.name.as_str(),
            _ => return false,
        };
        self.0.contains(name) || WORDS.iter().any(|word| name.contains(word))
    }

    /// Whether what stands behind a statement runs only after a question was answered: the others are turned away.
    pub(super) fn turns_away(&self, statement: &Stmt) -> bool {
        let Stmt::If(flow, _) = statement else {
            return false;
        };
        self.asks(&flow.expr) && (ends(flow.body.statements()) || ends(flow.branch.statements()))
    }
}

/// Whether nothing comes after these statements.
fn ends(statements: &[Stmt]) -> bool {
    let call = match statements.last() {
        Some(Stmt::Return(..) | Stmt::BreakLoop(..)) => return true,
        Some(Stmt::FnCall(call, _)) => call,
        Some(Stmt::Expr(last)) => match &**last {
            Expr::FnCall(call, _) => call,
            _ => return false,
        },
        _ => return false,
    };
    matches!(call.name.as_str(), "fail" | "exit")
}

/// Has the calls within functions be guarded that are called from what is guarded alone. In a module, also those within
/// functions that `called` does not have: nobody is seen to call them.
pub(super) fn follow(calls: &mut [Call], called: Option<&BTreeSet<String>>) {
    loop {
        let mut open: BTreeMap<String, bool> = BTreeMap::new();
        for call in calls.iter() {
            // One that calls itself is no other caller.
            let is_own = matches!(&call.within, Some((name, _)) if *name == call.name);
            if call.module.is_none() && !is_own {
                *open.entry(call.name.clone()).or_default() |= !call.is_guarded;
            }
        }
        let mut changed = false;
        for call in calls.iter_mut().filter(|call| !call.is_guarded) {
            let Some((within, _)) = &call.within else {
                continue;
            };
            let is_open = match called {
                None => open.get(within).copied().unwrap_or(true),
                Some(called) => {
                    called.contains(within) || open.get(within).copied().unwrap_or(false)
                }
            };
            if !is_open {
                call.is_guarded = true;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}
