//! What a script calls, names and imports, as `walk` read it from the syntax tree.

use std::collections::BTreeSet;

use rhai::{AST, Position};

use super::given::Given;
use super::kinds::{Kind, Natives};
use super::walk;

/// What stands before the dot of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: the call is none of a method.
    Nothing,
    /// A property, as `qmp` in `v.qmp.stop()`.
    Property(String),
    /// Something else.
    Other,
}

/// A call.
pub(super) struct Call {
    pub(super) name: String,
    /// The name of the import that the function is in.
    pub(super) module: Option<String>,
    pub(super) before: Before,
    /// What the value is before the dot, if that is known.
    pub(super) of: Option<Kind>,
    pub(super) arguments: Vec<Given>,
    /// What the arguments are, as far as that is known.
    pub(super) kinds: Vec<Option<Kind>>,
    pub(super) position: Position,
    /// The function of the script that it is in, and how many parameters that has.
    pub(super) within: Option<(String, usize)>,
    /// Whether it may fail, or is made only where a version or a command was asked for.
    pub(super) is_guarded: bool,
    /// Whether the caller of the function that it is in chooses it by what he gives.
    pub(super) is_choice: bool,
}

impl Call {
    /// Whether it is one of a method of the thing of that name, or may be one.
    pub(super) fn is_of(&self, handle: &str) -> bool {
        match &self.of {
            Some(kind) => kind.is_handle(handle),
            None => self.before == Before::Property(handle.to_owned()),
        }
    }

    /// Whether the thing is known that it is a method of, and that has no methods but ours.
    pub(super) fn is_of_known_handle(&self) -> bool {
        matches!(&self.of, Some(Kind::Handle(name)) if name != "qmp")
    }
}

/// A name in a module.
pub(super) struct Qualified {
    /// The name of the import.
    pub(super) module: String,
    pub(super) name: String,
    pub(super) position: Position,
}

/// What is imported.
pub(super) struct Import {
    /// The path; none where it is computed.
    pub(super) path: Option<String>,
    /// The name that it gets.
    pub(super) name: String,
    pub(super) position: Position,
    pub(super) is_guarded: bool,
}

/// A property that a value does not have.
pub(super) struct NoProperty {
    pub(super) name: String,
    /// The name of the value's type.
    pub(super) of: String,
    pub(super) position: Position,
}

/// What was seen in a script.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) calls: Vec<Call>,
    /// Variables that are declared nowhere where they are used.
    pub(super) unknown: Vec<(String, Position)>,
    /// Those among them that are there around the closure in which they are used.
    pub(super) not_captured: Vec<(String, Position)>,
    pub(super) no_property: Vec<NoProperty>,
    /// Conditions that are no `true` or `false`, and what they are.
    pub(super) no_condition: Vec<(Kind, Position)>,
    /// What is read from `args`.
    pub(super) asked_of_args: Vec<(String, Position)>,
    pub(super) imports: Vec<Import>,
    /// Variables and functions of modules that are named, not called.
    pub(super) qualified: Vec<Qualified>,
    /// Texts and names of members: what may be asked of QEMU, or be called through a map.
    pub(super) words: BTreeSet<String>,
    /// The texts among them that are given to calls.
    pub(super) texts: BTreeSet<String>,
    /// Members that may be functions of the script's own.
    pub(super) members: BTreeSet<String>,
    /// How often `.qmp` is used in another way than for a call right behind it.
    pub(super) commands_kept: usize,
    /// All names of variables, wherever they are declared.
    pub(super) declared: BTreeSet<String>,
}

impl Seen {
    /// Reads a script.
    pub(super) fn of(script: &AST, natives: &Natives) -> Self {
        walk::read(script, natives)
    }

    /// Whether a name stands in the script as a text by itself, so that it may be asked for.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        self.texts.contains(name)
    }

    /// Whether the script calls a function of Rhai's that changes what is known.
    pub(super) fn calls(&self, name: &str) -> bool {
        self.calls.iter().any(|call| call.name == name)
    }

    /// Whether something is imported by that name.
    pub(super) fn imports(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import.name == name)
    }
}
