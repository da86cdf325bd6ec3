//! One line that calls a command, for a shell or a script.

use serde_json::{Map, Value};

use super::Caller;
use crate::vm::schema::model::{Builtin, Command, Member, Object, Schema, Type, TypeId};
use crate::vm::schema::properties::Properties;
use crate::vm::schema::words::Words;

/// The line.
pub(super) fn of(schema: &Schema, command: &Command, words: &Words, caller: Caller) -> String {
    let arguments = match schema.object(command.arguments) {
        Some(object) => arguments(schema, object, words),
        None => Vec::new(),
    };
    match caller {
        Caller::Shell(program) => {
            let words = arguments.iter().map(|argument| format!(" {argument}"));
            format!("{program} {}{}", command.name, words.collect::<String>())
        }
        Caller::Script(function) | Caller::ScriptOf(function) => {
            let map = in_script(schema, command, &arguments);
            let map = map.map(|map| format!(", {map}")).unwrap_or_default();
            format!("{function}(\"{}\"{map})", command.name)
        }
    }
}

/// The arguments as a map of a script's; none where there are none.
fn in_script(schema: &Schema, command: &Command, arguments: &[String]) -> Option<String> {
    if arguments.is_empty() {
        return None;
    }
    // In a shell a list or an object stands in quotes.
    let plain: Vec<String> = arguments
        .iter()
        .map(|word| word.replace('\'', ""))
        .collect();
    let typed = Words::parse(plain.iter().map(String::as_str))
        .and_then(|words| words.typed(schema, command, &Properties::default(), Map::new()));
    // What cannot be written so is left to the reader.
    let map = typed.map_or_else(
        |_| "#{ ... }".to_owned(),
        |typed| literal(&Value::Object(typed)),
    );
    Some(map)
}

/// A value as a script writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "()".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let is_word = |key: &str| {
                let plain = |next: char| next.is_ascii_alphanumeric() || next == '_';
                key.chars().all(plain) && key.starts_with(|first: char| first.is_ascii_alphabetic())
            };
            let member = |(key, value): (&String, &Value)| {
                let value = literal(value);
                if is_word(key) {
                    format!("{key}: {value}")
                } else {
                    format!("{}: {value}", Value::from(key.as_str()))
                }
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("#{{ {} }}", members.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// `KEY=VALUE` for all that must be given; of a command that takes only what may be left out, for the first of them.
fn arguments(schema: &Schema, object: &Object, words: &Words) -> Vec<String> {
    let members = schema.members(object, |tag| words.text(tag).map(str::to_owned));
    let settled = |member: &&&Member| {
        !(member.optional || member.features.deprecated || member.features.unstable)
    };
    let mut chosen: Vec<&Member> = members.known.iter().filter(settled).copied().collect();
    if chosen.is_empty() {
        let plain = |member: &&&Member| !member.features.deprecated && !member.features.unstable;
        chosen.extend(members.known.iter().find(plain));
    }
    chosen
        .into_iter()
        .map(|member| match words.text(&member.name) {
            Some(given) => format!("{}={given}", member.name),
            None => sample(schema, &member.name, member.kind),
        })
        .collect()
}

/// `KEY=VALUE` as a value of that type is written.
fn sample(schema: &Schema, key: &str, id: TypeId) -> String {
    match schema.kind(id) {
        Type::Builtin(Builtin::Text) => format!("{key}=TEXT"),
        Type::Builtin(Builtin::Integer | Builtin::Number) => format!("{key}=1"),
        Type::Builtin(Builtin::Boolean) => format!("{key}=true"),
        Type::Builtin(Builtin::Null) => format!("{key}=null"),
        Type::Builtin(Builtin::Any) => format!("{key}=VALUE"),
        Type::Enum(choices) => match choices.first() {
            Some(choice) => format!("{key}={}", choice.name),
            None => format!("{key}=TEXT"),
        },
        Type::Array(element) => match schema.kind(*element) {
            Type::Array(_) | Type::Alternate(_) => format!("{key}='[...]'"),
            Type::Object(object) => inner(object, &format!("{key}.0")),
            _ => sample(schema, &format!("{key}.0"), *element),
        },
        Type::Object(object) => inner(object, key),
        Type::Alternate(branches) => {
            let plain = |id: &&TypeId| matches!(schema.kind(**id), Type::Builtin(builtin) if *builtin != Builtin::Null);
            match branches.iter().find(plain) {
                Some(branch) => sample(schema, key, *branch),
                None => format!("{key}=VALUE"),
            }
        }
    }
}

/// The first member that an object must have, as a sign of how all are written.
fn inner(object: &Object, key: &str) -> String {
    let first = object.members.iter().find(|member| !member.optional);
    match first.or(object.members.first()) {
        Some(member) => format!("{key}.{}=...", member.name),
        None => format!("{key}='{{}}'"),
    }
}
