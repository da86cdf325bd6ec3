//! The few kinds of types that the table of the agent's commands is written in, and how they become those of a schema.

use crate::vm::schema::Type as Made;
use crate::vm::schema::{Builder, Builtin, Choice, Features, Member, Object, TypeId};

/// A type of the table.
pub(super) type Kind = &'static Type;

/// A type of the table.
pub(super) enum Type {
    Text,
    Int,
    Number,
    Bool,
    Any,
    Enum(&'static [&'static str]),
    List(Kind),
    Object(&'static [Field]),
    Either(&'static [Kind]),
}

/// A member of an object.
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    optional: bool,
}

pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        optional: false,
    }
}

pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        optional: true,
    }
}

/// Adds a type.
pub(super) fn made(builder: &mut Builder, kind: Kind) -> TypeId {
    let kind = match kind {
        Type::Text => Made::Builtin(Builtin::Text),
        Type::Int => Made::Builtin(Builtin::Integer),
        Type::Number => Made::Builtin(Builtin::Number),
        Type::Bool => Made::Builtin(Builtin::Boolean),
        Type::Any => Made::Builtin(Builtin::Any),
        Type::Enum(names) => Made::Enum(
            names
                .iter()
                .map(|name| Choice {
                    name: (*name).to_owned(),
                    features: Features::default(),
                })
                .collect(),
        ),
        Type::List(element) => Made::Array(made(builder, element)),
        Type::Object(fields) => return object(builder, fields),
        Type::Either(kinds) => {
            Made::Alternate(kinds.iter().map(|kind| made(builder, kind)).collect())
        }
    };
    builder.add(kind)
}

/// Adds an object, as the arguments of a command are one.
pub(super) fn object(builder: &mut Builder, fields: &[Field]) -> TypeId {
    let members = fields
        .iter()
        .map(|field| Member {
            name: field.name.to_owned(),
            kind: made(builder, field.kind),
            optional: field.optional,
            features: Features::default(),
        })
        .collect();
    builder.add(Made::Object(Object {
        members,
        variants: None,
    }))
}
