//! What a script does on this host, and its header does not allow.

use rhai::{AST, EvalAltResult, Stmt};

use super::functions::at;
use super::given::Given;
use super::seen::{Before, Call};
use crate::script::header::Header;
use crate::script::permit::Access;

/// What is wrong with a call, if it touches this host.
pub(super) fn fault(call: &Call, header: &Header, script: &AST) -> Option<Box<EvalAltResult>> {
    if call.before != Before::Host || call.is_guarded || is_module(script) {
        return None;
    }
    let access = match call.name.as_str() {
        "env" => Access::Env,
        "run" => Access::Run,
        "read_text" | "read_blob" | "list" => Access::Read,
        "write_text" | "write_blob" | "mkdir" | "remove" => Access::Write,
        // Either of two will do.
        "exists" if header.allow.write.is_empty() => Access::Read,
        _ => return None,
    };
    let wanted = call.arguments.first().and_then(Given::text);
    let report = header.allow.lacks(access, wanted)?;
    Some(at(&report, call.position))
}

/// Whether a text is for others to import, whose headers allow what it does.
fn is_module(script: &AST) -> bool {
    let declares = |statement: &Stmt| {
        matches!(
            statement,
            Stmt::Noop(_) | Stmt::Import(..) | Stmt::Export(..) | Stmt::Var(..)
        )
    };
    script.has_functions() && script.statements().iter().all(declares)
}
