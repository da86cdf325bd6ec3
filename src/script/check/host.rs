//! What a script does on this host, and its header does not allow.

use rhai::{AST, Stmt};

use super::functions::{Fault, at};
use super::given::Given;
use super::seen::Call;
use crate::report::Report;
use crate::script::header::Header;
use crate::script::permit::{Access, Permit};

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// This one permission.
    One(Access),
    /// It only looks, which those to read and to write are good for.
    Look,
}

/// How a call touches this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    needs: Need,
    /// What it touches, if that is written out.
    wanted: Option<String>,
}

impl Touch {
    /// What a call touches, if it does.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let is_of = |handle: &str| call.of.as_ref().is_some_and(|kind| kind.is_handle(handle));
        let (needs, place) = match call.name.as_str() {
            "download" if call.is_of("agent") => (Need::One(Access::Write), 1),
            "upload" if call.is_of("agent") => (Need::One(Access::Read), 0),
            "screenshot" if is_of("vm") => (Need::One(Access::Write), 0),
            name if is_of("host") => (need_of(name)?, 0),
            _ => return None,
        };
        let wanted = call.arguments.get(place).and_then(Given::text);
        Some(Self {
            needs,
            wanted: wanted.map(ToOwned::to_owned),
        })
    }

    pub(super) fn writes(&self) -> bool {
        self.needs == Need::One(Access::Write)
    }

    pub(super) fn only_looks(&self) -> bool {
        self.needs == Need::Look
    }

    /// What is not allowed of it.
    pub(super) fn lacks(&self, allowed: &Permit) -> Option<Report> {
        let wanted = self.wanted.as_deref();
        match self.needs {
            Need::One(access) => allowed.lacks(access, wanted),
            Need::Look => allowed.lacks_look(wanted),
        }
    }
}

/// What is wrong with a call, if it touches this host.
pub(super) fn fault(call: &Call, header: &Header) -> Option<Fault> {
    let touch = Touch::of(call).filter(|_| !call.is_guarded)?;
    Some(at(&touch.lacks(&header.allow)?, call.position))
}

/// What a method of `host` needs.
fn need_of(name: &str) -> Option<Need> {
    Some(Need::One(match name {
        "env" => Access::Env,
        "run" => Access::Run,
        "read_text" | "read_blob" | "list" | "image_chain" | "image_users" => Access::Read,
        "write_text" | "write_blob" | "mkdir" | "remove" | "replace_text" | "rename" | "lock"
        | "replace_image" => Access::Write,
        "exists" | "absolute" | "size" | "free" | "is_same" => return Some(Need::Look),
        _ => return None,
    }))
}

/// Whether a text is for others to import, whose headers allow what it does.
pub(super) fn is_module(script: &AST) -> bool {
    let declares = |statement: &Stmt| {
        matches!(
            statement,
            Stmt::Noop(_) | Stmt::Import(..) | Stmt::Export(..) | Stmt::Var(..)
        )
    };
    script.has_functions() && script.statements().iter().all(declares)
}
