//! Types and values in words.

use serde_json::Value;

use super::model::{Builtin, Schema, Type, TypeId};
use crate::wire::escape::excerpt;

/// The most values of an enumeration that stand in a sentence.
pub(super) const FEW: usize = 6;

/// A type in words that stand after "takes" and "needs": `text`, `a list of integers`, ``one of `a` and `b` ``.
pub(super) fn describe(schema: &Schema, id: TypeId) -> String {
    match schema.kind(id) {
        Type::Builtin(builtin) => singular(*builtin).to_owned(),
        Type::Enum(choices) if choices.len() <= FEW => {
            let names: Vec<String> = choices.iter().map(|c| format!("`{}`", c.name)).collect();
            joined(&names, "or")
        }
        Type::Enum(choices) => format!("one of {} words", choices.len()),
        Type::Array(element) => format!("a list of {}", plural(schema, *element)),
        Type::Object(_) => "an object".to_owned(),
        Type::Alternate(branches) => {
            let branches: Vec<String> = branches
                .iter()
                .map(|branch| describe(schema, *branch))
                .collect();
            joined(&branches, "or")
        }
    }
}

fn singular(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Text => "text",
        Builtin::Integer => "an integer",
        Builtin::Number => "a number",
        Builtin::Boolean => "`true` or `false`",
        Builtin::Null => "`null`",
        Builtin::Any => "any value",
    }
}

fn plural(schema: &Schema, id: TypeId) -> String {
    match schema.kind(id) {
        Type::Builtin(Builtin::Text) => "texts".to_owned(),
        Type::Builtin(Builtin::Integer) => "integers".to_owned(),
        Type::Builtin(Builtin::Number) => "numbers".to_owned(),
        Type::Builtin(Builtin::Any) => "any values".to_owned(),
        // Both may hold this very list, and words must end.
        Type::Array(_) => "lists".to_owned(),
        Type::Alternate(_) => "items of several types".to_owned(),
        Type::Object(_) => "objects".to_owned(),
        Type::Enum(_) | Type::Builtin(_) => describe(schema, id),
    }
}

fn joined(parts: &[String], last: &str) -> String {
    match parts.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// A value as an error shows it.
pub(super) fn given(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", excerpt(text.as_bytes())),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Number(number) => format!("the number `{number}`"),
        Value::Bool(_) | Value::Null => format!("`{value}`"),
    }
}
