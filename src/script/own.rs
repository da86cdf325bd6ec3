//! Each function calls what its own text means. Rhai remembers which function a call resolved to by name and number of
//! arguments alone, for all texts together: a script's `check(x)` would become that of a module that was called before. So
//! each function begins with a statement that has it remember on its own.

use rhai::{AST, Dynamic, Engine, EvalContext, Module, ParseError, ScriptFuncDef, Stmt, StmtBlock};

/// The statement; no name that a script has.
const REMEMBER: &str = "__own_functions__";

/// Teaches `engine` the statement.
pub(super) fn register(engine: &mut Engine) -> Result<(), ParseError> {
    engine
        .register_custom_syntax([REMEMBER], false, |context, _| Ok(remember(context)))
        .map(|_| ())
}

fn remember(context: &mut EvalContext) -> Dynamic {
    // Rhai takes the layer away at the end of the function, and the frame would at the end of this statement.
    std::mem::forget(context.new_frame().with_new_caching_layer());
    Dynamic::UNIT
}

/// The script with functions that call their own.
pub(super) fn functions(engine: &Engine, mut script: AST) -> AST {
    if script.iter_fn_def().next().is_none() {
        return script;
    }
    let Ok(statement) = engine.compile(REMEMBER) else {
        return script;
    };
    let mut functions = Module::new();
    for function in script.iter_fn_def() {
        functions.set_script_fn(beginning_with(statement.statements(), function));
    }
    let source = script.source().map(str::to_owned);
    script.clear_functions();
    script.combine(AST::new([], functions));
    // By its name, errors are told where they happened; the functions before had it too.
    if let Some(source) = source {
        script.set_source(source);
    }
    script
}

fn beginning_with(first: &[Stmt], function: &ScriptFuncDef) -> ScriptFuncDef {
    let body = &function.body;
    let statements = first.iter().chain(body.statements()).cloned();
    ScriptFuncDef {
        body: StmtBlock::new_with_span(statements, body.span()),
        name: function.name.clone(),
        access: function.access,
        this_type: function.this_type.clone(),
        params: function.params.clone(),
        comments: function.comments.clone(),
    }
}
