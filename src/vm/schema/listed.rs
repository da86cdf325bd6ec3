//! A command told to programs: the same as `help`, as JSON.

use serde_json::{Map, Value, json};

use super::describe::describe;
use super::model::{Command, Features, Member, Object, Schema, Type};
use super::words::Words;

/// A command with its arguments, as far as `words` decide of them, and what it returns.
pub fn described(schema: &Schema, command: &Command, words: &Words) -> Value {
    let mut told = json!({ "command": command.name });
    mark(&mut told, command.features);
    if let Some(object) = schema.object(command.arguments) {
        add_members(&mut told, "arguments", schema, object, words);
    }
    told["returns"] = Value::Null;
    if !schema.is_nothing(command.returns) {
        told["returns"] = json!({ "type": plain(describe(schema, command.returns)) });
        if let Type::Object(object) = schema.kind(command.returns) {
            let members = object.members.iter().map(|one| member(schema, one));
            told["returns"]["members"] = members.collect();
        }
    }
    told
}

/// All commands, each with its arguments.
pub fn all_described(schema: &Schema) -> Value {
    let commands = schema.commands();
    commands
        .map(|command| described(schema, command, &Words::default()))
        .collect()
}

/// The members of an object as `key`, and as `more_by` the one whose value decides which others there are.
fn add_members(told: &mut Value, key: &str, schema: &Schema, object: &Object, words: &Words) {
    let members = schema.members(object, |tag| words.text(tag).map(str::to_owned));
    told[key] = members
        .known
        .iter()
        .map(|one| member(schema, one))
        .collect();
    if let Some(variants) = members.open {
        told["more_by"] = variants.tag.as_str().into();
    }
}

fn member(schema: &Schema, member: &Member) -> Value {
    let mut told = json!({
        "name": member.name,
        "type": plain(describe(schema, member.kind)),
        "optional": member.optional,
    });
    mark(&mut told, member.features);
    if let Type::Enum(choices) = schema.kind(member.kind) {
        told["type"] = "one of values".into();
        told["values"] = choices.iter().map(|choice| choice.name.as_str()).collect();
    }
    told
}

/// Words without the marks that stand around what people type.
fn plain(words: String) -> String {
    words.replace('`', "")
}

/// Adds what is marked; what is not is left out.
fn mark(told: &mut Value, features: Features) {
    let marks = [
        (features.deprecated, "deprecated"),
        (features.unstable, "unstable"),
    ];
    let marks = marks.into_iter().filter(|(is, _)| *is);
    let marks: Map<String, Value> = marks
        .map(|(_, mark)| (mark.to_owned(), true.into()))
        .collect();
    if let Some(told) = told.as_object_mut() {
        told.extend(marks);
    }
}
