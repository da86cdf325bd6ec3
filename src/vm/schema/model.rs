//! Commands, events and types, compact: types refer to each other by number, and may do so in circles.

use std::collections::{BTreeMap, BTreeSet};

use super::names::find;

/// All that one QEMU or agent can be told, and tells.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub(super) commands: BTreeMap<String, Command>,
    pub(super) events: BTreeMap<String, Event>,
    pub(super) types: Vec<Type>,
    // Commands that take more than is told here.
    pub(super) open: BTreeSet<String>,
}

/// A type's number in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeId(pub(super) u32);

/// A command.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its name, as `query-block` or `device_add`.
    pub name: String,
    /// The object that its arguments are.
    pub arguments: TypeId,
    /// What it replies.
    pub returns: TypeId,
    /// Whether it may overtake others (`exec-oob`, QEMU 2.12).
    pub allow_oob: bool,
    /// How QEMU has marked it.
    pub features: Features,
}

/// An event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name, as `DEVICE_DELETED`.
    pub name: String,
    /// The object that its `data` is.
    pub data: TypeId,
    /// How QEMU has marked it.
    pub features: Features,
}

/// A type.
#[derive(Debug, Clone)]
pub enum Type {
    /// One that JSON has.
    Builtin(Builtin),
    /// One of these texts.
    Enum(Vec<Choice>),
    /// A list of one type.
    Array(TypeId),
    /// Named members.
    Object(Object),
    /// One of these types; no two of them can be mistaken for each other.
    Alternate(Vec<TypeId>),
}

/// A type that JSON has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// Text.
    Text,
    /// A whole number; sizes and all widths are told as this.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// Anything.
    Any,
}

/// A value of an enumeration.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The text.
    pub name: String,
    /// How QEMU has marked it.
    pub features: Features,
}

/// Named members, of which some may depend on the value of one, the tag.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// The members that are there always.
    pub members: Vec<Member>,
    /// The members that depend on the tag.
    pub variants: Option<Variants>,
}

/// A member of an object.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: TypeId,
    /// Whether it may be left out.
    pub optional: bool,
    /// How QEMU has marked it.
    pub features: Features,
}

/// Members that depend on the value of a tag.
#[derive(Debug, Clone)]
pub struct Variants {
    /// The name of the member that decides.
    pub tag: String,
    /// What each value adds; values that add nothing may be missing.
    pub cases: Vec<Case>,
}

/// What a tag's value adds.
#[derive(Debug, Clone)]
pub struct Case {
    /// The value.
    pub value: String,
    /// The object whose members it adds.
    pub adds: TypeId,
}

/// How QEMU has marked something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// It will go away.
    pub deprecated: bool,
    /// It may change at any time.
    pub unstable: bool,
}

/// The members that an object has, given the values of its tags.
pub struct Members<'a> {
    /// The members that it has for certain, in QEMU's order.
    pub known: Vec<&'a Member>,
    /// The tags whose values were given, and these.
    pub decided: Vec<(&'a str, String)>,
    /// The variants of a tag whose value was not given, or is none of its values.
    pub open: Option<&'a Variants>,
}

impl Schema {
    /// The command of that name.
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands.get(name)
    }

    /// The command that is meant, with `-` or `_`.
    pub fn named(&self, written: &str) -> Option<&Command> {
        let names: Vec<&str> = self.commands.keys().map(String::as_str).collect();
        self.command(find(written, names.iter().copied())?)
    }

    /// All commands, by name.
    pub fn commands(&self) -> impl ExactSizeIterator<Item = &Command> {
        self.commands.values()
    }

    /// Whether a command takes arguments that the schema does not tell.
    pub fn is_open(&self, command: &Command) -> bool {
        self.open.contains(&command.name)
    }

    /// The event of that name.
    pub fn event(&self, name: &str) -> Option<&Event> {
        self.events.get(name)
    }

    /// All events, by name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.events.values()
    }

    /// The type of that number, which must be of this schema.
    pub fn kind(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// The object of that number; none if it is another type.
    pub fn object(&self, id: TypeId) -> Option<&Object> {
        match self.kind(id) {
            Type::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The members that `object` has where `tag` tells the values of its tags.
    pub fn members<'a>(
        &'a self,
        object: &'a Object,
        tag: impl Fn(&str) -> Option<String>,
    ) -> Members<'a> {
        let mut members = Members {
            known: Vec::new(),
            decided: Vec::new(),
            open: None,
        };
        let mut next = Some(object);
        // A schema is read only if this ends.
        while let Some(object) = next.take() {
            members.known.extend(&object.members);
            let Some(variants) = &object.variants else {
                break;
            };
            match tag(&variants.tag) {
                Some(value) if self.allows(&members.known, &variants.tag, &value) => {
                    let case = variants.cases.iter().find(|case| case.value == value);
                    next = case.and_then(|case| self.object(case.adds));
                    members.decided.push((&variants.tag, value));
                }
                _ => members.open = Some(variants),
            }
        }
        members
    }

    fn allows(&self, members: &[&Member], tag: &str, value: &str) -> bool {
        let tag = members.iter().find(|member| member.name == tag);
        match tag.map(|tag| self.kind(tag.kind)) {
            Some(Type::Enum(values)) => values.iter().any(|allowed| allowed.name == value),
            _ => false,
        }
    }

    /// Whether a type is an object with no members: no reply, no data, no arguments.
    pub fn is_nothing(&self, id: TypeId) -> bool {
        self.object(id)
            .is_some_and(|object| object.members.is_empty() && object.variants.is_none())
    }
}

impl Members<'_> {
    /// The member of that name, if it is there for certain.
    pub fn named(&self, name: &str) -> Option<&Member> {
        self.known
            .iter()
            .find(|member| member.name == name)
            .copied()
    }
}
