//! A command told to people: what it takes, what it replies, and one line that calls it.

use std::fmt::Write as _;

use super::model::{Builtin, Command, Features, Member, Object, Schema, Type, TypeId};
use super::words::{Node, Words};

/// Columns of the text; names and values are wrapped, examples are not.
const WIDTH: usize = 96;
/// Where the second column begins at most.
const INDENT: usize = 28;

/// The arguments of a command, by what `words` decide of them, its reply, and an example that begins with `program`
/// (as `qmpsh qmp web01`).
///
/// Where an argument's value decides which others there are, they are listed by name; with that value among the words
/// (`driver=qcow2`) they are told in full. Words that lead into an object (`file.driver=file`) show its members too.
pub fn help(schema: &Schema, command: &Command, words: &Words, program: &str) -> String {
    let mut text = format!("{}{}\n", command.name, marks(command.features, ": "));
    if let Some(object) = schema.object(command.arguments) {
        if schema.is_nothing(command.arguments) && !schema.is_open(command) {
            text.push_str("\nIt takes no arguments.\n");
        } else {
            members(schema, object, words, "", &mut text);
        }
    }
    if schema.is_open(command) {
        text.push_str(
            "\nAnd the properties of the device, which `device-list-properties typename=DRIVER` lists.\n",
        );
    }
    returns(schema, command.returns, &mut text);
    if command.allow_oob {
        text.push_str("\nIt may overtake other commands (`exec-oob`).\n");
    }
    let _ = write!(text, "\nExample:\n  {program} {}", command.name);
    if let Some(object) = schema.object(command.arguments) {
        for argument in example(schema, object, words) {
            let _ = write!(text, " {argument}");
        }
    }
    text
}

/// All commands, each with the names of its arguments.
pub fn list(schema: &Schema) -> String {
    let mut text = String::new();
    for command in schema.commands() {
        let object = schema.object(command.arguments);
        let members = object.map_or(&[][..], |object| &object.members);
        let mut names: Vec<String> = members.iter().map(name_and_mark).collect();
        if let Some(variants) = object.and_then(|object| object.variants.as_ref()) {
            names.push(format!("and more by {}", variants.tag));
        }
        if schema.is_open(command) {
            names.push("and more".to_owned());
        }
        let marks = marks(command.features, "; ");
        row(
            &command.name,
            &format!("{}{marks}", names.join(", ")),
            &mut text,
        );
    }
    text.push_str("\n? marks what is optional; `COMMAND --help` shows a command with its types.");
    text
}

/// The members of the arguments, or of the argument that `path` leads to.
fn members(schema: &Schema, object: &Object, words: &Words, path: &str, text: &mut String) {
    let members = schema.members(object, |tag| words.text(tag).map(str::to_owned));
    let title = match (path, members.decided.as_slice()) {
        ("", []) => "Arguments:".to_owned(),
        ("", decided) => {
            let decided: Vec<String> = decided.iter().map(|(t, v)| format!("{t}={v}")).collect();
            format!("Arguments with {}:", decided.join(" "))
        }
        (path, _) => format!("Members of {path}:"),
    };
    let _ = write!(text, "\n{title}\n");
    table(schema, members.known.iter().copied(), text);
    if let Some(variants) = members.open {
        let _ = write!(
            text,
            "\nMore by {0} (? marks what is optional; with {0}=... before --help, types are shown):\n",
            variants.tag
        );
        for case in &variants.cases {
            let Some(adds) = schema.object(case.adds) else {
                continue;
            };
            let names: Vec<String> = adds.members.iter().map(name_and_mark).collect();
            let names = match (names.is_empty(), &adds.variants) {
                (true, _) => "nothing more".to_owned(),
                (false, None) => names.join(", "),
                (false, Some(more)) => format!("{}, and more by {}", names.join(", "), more.tag),
            };
            row(&case.value, &names, text);
        }
    }
    for (key, node) in &words.keys {
        let Node::Keys(below) = node else { continue };
        let member = members.known.iter().find(|member| member.name == *key);
        let inner = member.and_then(|member| object_in(schema, member.kind));
        if let Some(inner) = inner {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            self::members(schema, inner, below, &path, text);
        }
    }
}

/// The object that a type is, or can be.
fn object_in(schema: &Schema, id: TypeId) -> Option<&Object> {
    match schema.kind(id) {
        Type::Object(object) => Some(object),
        Type::Alternate(branches) => branches.iter().find_map(|branch| schema.object(*branch)),
        _ => None,
    }
}

fn returns(schema: &Schema, id: TypeId, text: &mut String) {
    if schema.is_nothing(id) {
        text.push_str("\nIt returns nothing.\n");
        return;
    }
    let (list, object) = match schema.kind(id) {
        Type::Object(object) => ("an object", Some(object)),
        Type::Array(element) => ("a list of objects, each", schema.object(*element)),
        _ => ("", None),
    };
    match object {
        Some(object) => {
            let _ = write!(text, "\nIt returns {list} with:\n");
            table(schema, object.members.iter(), text);
            if let Some(variants) = &object.variants {
                let _ = writeln!(text, "  and more by {}", variants.tag);
            }
        }
        None => {
            let _ = write!(text, "\nIt returns: {}\n", shape(schema, id));
        }
    }
}

fn table<'a>(schema: &Schema, members: impl Iterator<Item = &'a Member>, text: &mut String) {
    for member in members {
        let mut what = shape(schema, member.kind);
        if member.optional {
            what.push_str("; optional");
        }
        what.push_str(&marks(member.features, "; "));
        row(&member.name, &what, text);
    }
}

/// A name and what it is, wrapped.
fn row(name: &str, what: &str, text: &mut String) {
    let mut line = format!("  {name:<0$}", INDENT - 4);
    line.push_str("  ");
    let mut column = line.chars().count();
    for word in what.split(' ') {
        let width = word.chars().count();
        if column + width > WIDTH && column > INDENT {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(INDENT);
            column = INDENT;
        }
        line.push_str(word);
        line.push(' ');
        column += width + 1;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// A type in the words of a table.
fn shape(schema: &Schema, id: TypeId) -> String {
    match schema.kind(id) {
        Type::Builtin(builtin) => word(*builtin).to_owned(),
        Type::Enum(choices) => {
            let names: Vec<String> = choices
                .iter()
                .map(|choice| format!("{}{}", choice.name, marks_in_brackets(choice.features)))
                .collect();
            format!("one of: {}", names.join(", "))
        }
        // Lists may be of lists, or of themselves by another type, and words must end.
        Type::Array(element) => match schema.kind(*element) {
            Type::Array(_) => "list of lists".to_owned(),
            Type::Alternate(_) => "list of items of several types".to_owned(),
            _ => format!("list, each {}", shape(schema, *element)),
        },
        Type::Object(object) => {
            let names: Vec<String> = object.members.iter().map(name_and_mark).collect();
            match &object.variants {
                Some(variants) => format!(
                    "object ({}, and more by {})",
                    names.join(", "),
                    variants.tag
                ),
                None => format!("object ({})", names.join(", ")),
            }
        }
        Type::Alternate(branches) => {
            let branches: Vec<String> = branches.iter().map(|id| shape(schema, *id)).collect();
            branches.join(" or ")
        }
    }
}

fn word(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Text => "text",
        Builtin::Integer => "integer",
        Builtin::Number => "number",
        Builtin::Boolean => "true or false",
        Builtin::Null => "null",
        Builtin::Any => "any value",
    }
}

fn name_and_mark(member: &Member) -> String {
    let mark = if member.optional { "?" } else { "" };
    format!("{}{mark}", member.name)
}

fn marks(features: Features, before: &str) -> String {
    let words = [
        (features.deprecated, "deprecated"),
        (features.unstable, "unstable"),
    ];
    words
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| format!("{before}{word}"))
        .collect()
}

fn marks_in_brackets(features: Features) -> String {
    match marks(features, " ").as_str() {
        "" => String::new(),
        marks => format!(" ({})", marks.trim()),
    }
}

/// `KEY=VALUE` for all that must be given; of a command that takes only what may be left out, for the first of them.
fn example(schema: &Schema, object: &Object, words: &Words) -> Vec<String> {
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
