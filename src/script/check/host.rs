//! What a script does on this host, and its header does not allow.

use rhai::{AST, EvalAltResult, Stmt};

use super::functions::at;
use super::given::Given;
use super::seen::Call;
use crate::script::header::Header;
use crate::script::permit::Access;

/// What is wrong with a call, if it touches this host.
pub(super) fn fault(call: &Call, header: &Header, script: &AST) -> Option<Box<EvalAltResult>> {
    let is_of = |handle: &str| call.of.as_ref().is_some_and(|kind| kind.is_handle(handle));
    if call.is_guarded || is_module(script) {
        return None;
    }
    let (access, at_place) = match call.name.as_str() {
        "download" if call.is_of("agent") => (Access::Write, 1),
        "upload" if call.is_of("agent") => (Access::Read, 0),
        "screenshot" if is_of("vm") => (Access::Write, 0),
        name if is_of("host") => (access_of(name, header)?, 0),
        _ => return None,
    };
    let wanted = call.arguments.get(at_place).and_then(Given::text);
    let report = header.allow.lacks(access, wanted)?;
    Some(at(&report, call.position))
}

/// What a method of `host` touches.
fn access_of(name: &str, header: &Header) -> Option<Access> {
    Some(match name {
        "env" => Access::Env,
        "run" => Access::Run,
        "read_text" | "read_blob" | "list" | "image_chain" | "image_users" => Access::Read,
        "write_text" | "write_blob" | "mkdir" | "remove" | "replace_text" | "rename" | "lock"
        | "replace_image" => Access::Write,
        // Either of two will do.
        "exists" | "absolute" | "size" | "free" if header.allow.write.is_empty() => Access::Read,
        _ => return None,
    })
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
