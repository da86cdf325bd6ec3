//! How names are found in a `with` and behind it. Rhai compiles a variable that was declared before such syntax to a
//! look-up by its name, and then takes a function of that name first: `let disks = disks(v)` would become the function
//! again in the block. Here the variable comes first, as everywhere else. (But for closures: they capture no variable that
//! has a function's name, in a `with` or elsewhere.)

use rhai::{Dynamic, EvalContext, Expr, Expression, Namespace, Position};

/// From here to the end of the block that the script is in, a name is a variable if there is one that is called so.
pub(super) fn variables_first(context: &mut EvalContext) {
    context.global_runtime_state_mut().always_search_scope = true;
}

/// The script's function `name` as a value, where Rhai looks for variables only and there is none of that name.
pub(super) fn function(name: &str, context: &mut EvalContext) -> Option<Dynamic> {
    if !context.global_runtime_state().always_search_scope {
        return None;
    }
    // Rhai's own way to the value, which takes along what the function needs to be called from elsewhere.
    let variable = (None, name.into(), Namespace::NONE, 0);
    let variable = Expr::Variable(Box::new(variable), None, Position::NONE);
    context.global_runtime_state_mut().always_search_scope = false;
    let value = context.eval_expression_tree(&Expression::from(&variable));
    context.global_runtime_state_mut().always_search_scope = true;
    value.ok()
}
