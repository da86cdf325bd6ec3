//! What of a function runs only if its caller gives something: behind `if options.copy != ()` nothing is certain of one who
//! gives no `copy`. What the function finds out itself (`if !answers(v)`) is no choice of his.

use rhai::{ASTFlags, Expr, Stmt};

use super::Walk;

/// How much a variable is the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// The function made it, or found it out.
    #[default]
    Here,
    /// It holds something that the caller gave.
    Caller,
    /// It is a parameter.
    Parameter,
}

impl Walk<'_> {
    /// Whether what the caller gave decides about a value. What a function makes of it does not count.
    pub(super) fn is_callers(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Variable(variable, ..) => self.held(&variable.1).origin > Origin::Here,
            Expr::Dot(parts, ..) | Expr::Index(parts, ..) => self.is_callers(&parts.lhs),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().any(|part| self.is_callers(part))
            }
            Expr::Array(parts, _) | Expr::InterpolatedString(parts, _) => {
                parts.iter().any(|part| self.is_callers(part))
            }
            Expr::Map(parts, _) => parts.0.iter().any(|(_, value)| self.is_callers(value)),
            Expr::FnCall(call, _) if call.is_operator_call() => {
                call.args.iter().any(|part| self.is_callers(part))
            }
            Expr::Stmt(block) => block.statements().iter().any(|one| self.is_chosen(one)),
            _ => false,
        }
    }

    /// The same of what a statement gives.
    fn is_chosen(&self, statement: &Stmt) -> bool {
        match statement {
            Stmt::If(flow, _) => {
                let mut statements = flow.body.statements().iter();
                self.is_callers(&flow.expr)
                    || statements.any(|one| self.is_chosen(one))
                    || flow
                        .branch
                        .statements()
                        .iter()
                        .any(|one| self.is_chosen(one))
            }
            Stmt::Switch(switch, _) => {
                let (expression, cases) = &**switch;
                self.is_callers(expression)
                    || cases
                        .expressions
                        .iter()
                        .any(|case| self.is_callers(&case.rhs))
            }
            Stmt::Block(block) => block.statements().iter().any(|one| self.is_chosen(one)),
            Stmt::Expr(expression) => self.is_callers(expression),
            _ => false,
        }
    }

    /// Whether something is a list within a parameter, which is as often left out as not.
    pub(super) fn is_part_of_parameter(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Dot(parts, ..) | Expr::Index(parts, ..) => {
                let is_parameter = |variable: &str| self.held(variable).origin == Origin::Parameter;
                matches!(&parts.lhs, Expr::Variable(variable, ..) if is_parameter(&variable.1))
            }
            Expr::Coalesce(parts, _) => parts.iter().any(|part| self.is_part_of_parameter(part)),
            _ => false,
        }
    }

    /// Whether a statement leaves what stands behind it to those who gave something else. Who meets an error there would have
    /// met it anyway.
    pub(super) fn turns_back(&self, statement: &Stmt) -> bool {
        let Stmt::If(flow, _) = statement else {
            return false;
        };
        let leaves = |statement: &Stmt| match statement {
            Stmt::Return(_, flags, _) => !flags.contains(ASTFlags::BREAK),
            Stmt::BreakLoop(..) => true,
            _ => false,
        };
        let ends = |statements: &[Stmt]| statements.last().is_some_and(leaves);
        self.is_callers(&flow.expr)
            && (ends(flow.body.statements()) || ends(flow.branch.statements()))
    }
}
