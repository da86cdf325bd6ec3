//! A command told to people: what it takes, what it replies, and one line that calls it.

mod example;

use std::fmt::Write as _;

use super::model::{Builtin, Command, Features, Member, Object, Schema, Type, TypeId};
use super::words::{Node, Words};

/// Columns of the text where nobody says; names and values are wrapped, examples are not.
const WIDTH: usize = 96;
/// Where the second column begins.
const INDENT: usize = 28;

/// Who reads of a command: in how many columns, and how they call it.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Columns of the text.
    pub width: usize,
    /// How they call a command.
    pub caller: Caller<'a>,
}

/// How a command is called.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// In a shell, by this beginning: `qmpsh qmp web01`.
    Shell(&'a str),
    /// In a script, by this function of the VM in use: `v.qmp`.
    Script(&'a str),
    /// The same of another VM.
    ScriptOf(&'a str),
}

impl<'a> Reader<'a> {
    /// Somebody in a shell, who calls a command by this beginning.
    pub fn in_shell(program: &'a str) -> Self {
        Self {
            width: WIDTH,
            caller: Caller::Shell(program),
        }
    }

    /// Where the second column begins, so that something fits into it.
    fn indent(&self) -> usize {
        INDENT.min(self.width / 2)
    }
}

/// The arguments of a command, by what `words` decide of them, its reply, and an example.
///
/// Where an argument's value decides which others there are, they are listed by name; with that value among the words
/// (`driver=qcow2`) they are told in full. Words that lead into an object (`file.driver=file`) show its members too.
pub fn help(schema: &Schema, command: &Command, words: &Words, reader: Reader) -> String {
    let mut telling = Telling {
        schema,
        reader,
        command: &command.name,
        text: format!("{}{}\n", command.name, marks(command.features, ": ")),
    };
    telling.command(command, words);
    telling.text
}

/// All commands, each with the names of its arguments.
pub fn list(schema: &Schema, reader: Reader) -> String {
    let mut telling = Telling {
        schema,
        reader,
        command: "COMMAND",
        text: String::new(),
    };
    for command in schema.commands() {
        telling.in_list(command);
    }
    let how = telling.how("");
    let _ = write!(
        telling.text,
        "\n? marks what is optional; {how} shows a command with its types."
    );
    telling.text
}

/// A text that is being written.
struct Telling<'a> {
    schema: &'a Schema,
    reader: Reader<'a>,
    command: &'a str,
    text: String,
}

impl Telling<'_> {
    /// How help on the command with one more word is asked for.
    fn how(&self, word: &str) -> String {
        let asked = format!("{} {word}", self.command);
        let asked = asked.trim_end();
        match self.reader.caller {
            Caller::Shell(_) => format!("`{asked} --help`"),
            Caller::Script(_) => format!("`:help {asked}`"),
            Caller::ScriptOf(function) => {
                let asked = format!("{function}(\"{}\") {word}", self.command);
                format!("`:help {}`", asked.trim_end())
            }
        }
    }

    fn command(&mut self, command: &Command, words: &Words) {
        let schema = self.schema;
        if let Some(object) = schema.object(command.arguments) {
            if schema.is_nothing(command.arguments) && !schema.is_open(command) {
                self.text.push_str("\nIt takes no arguments.\n");
            } else {
                self.members(object, words, "");
            }
        }
        if schema.is_open(command) {
            self.text.push_str(
                "\nAnd the properties of the device, which `device-list-properties typename=DRIVER` lists.\n",
            );
        }
        self.returns(command.returns);
        if command.allow_oob {
            self.text
                .push_str("\nIt may overtake other commands (`exec-oob`).\n");
        }
        let example = example::of(schema, command, words, self.reader.caller);
        let _ = write!(self.text, "\nExample:\n  {example}");
    }

    fn in_list(&mut self, command: &Command) {
        let object = self.schema.object(command.arguments);
        let members = object.map_or(&[][..], |object| &object.members);
        let mut names: Vec<String> = members.iter().map(name_and_mark).collect();
        if let Some(variants) = object.and_then(|object| object.variants.as_ref()) {
            names.push(format!("and more by {}", variants.tag));
        }
        if self.schema.is_open(command) {
            names.push("and more".to_owned());
        }
        let marks = marks(command.features, "; ");
        self.row(&command.name, &format!("{}{marks}", names.join(", ")));
    }

    /// The members of the arguments, or of the argument that `path` leads to.
    fn members(&mut self, object: &Object, words: &Words, path: &str) {
        let schema = self.schema;
        let members = schema.members(object, |tag| words.text(tag).map(str::to_owned));
        let title = match (path, members.decided.as_slice()) {
            ("", []) => "Arguments:".to_owned(),
            ("", decided) => {
                let decided: Vec<String> =
                    decided.iter().map(|(t, v)| format!("{t}={v}")).collect();
                format!("Arguments with {}:", decided.join(" "))
            }
            (path, _) => format!("Members of {path}:"),
        };
        let _ = write!(self.text, "\n{title}\n");
        self.table(members.known.iter().copied());
        if let Some(variants) = members.open {
            let dot = if path.is_empty() { "" } else { "." };
            let how = self.how(&format!("{path}{dot}{}=...", variants.tag));
            let _ = write!(
                self.text,
                "\nMore by {} (? marks what is optional; {how} shows types):\n",
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
                    (false, Some(more)) => {
                        format!("{}, and more by {}", names.join(", "), more.tag)
                    }
                };
                self.row(&case.value, &names);
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
                self.members(inner, below, &path);
            }
        }
    }

    fn returns(&mut self, id: TypeId) {
        let schema = self.schema;
        if schema.is_nothing(id) {
            self.text.push_str("\nIt returns nothing.\n");
            return;
        }
        let (list, object) = match schema.kind(id) {
            Type::Object(object) => ("an object", Some(object)),
            Type::Array(element) => ("a list of objects, each", schema.object(*element)),
            _ => ("", None),
        };
        match object {
            Some(object) => {
                let _ = write!(self.text, "\nIt returns {list} with:\n");
                self.table(object.members.iter());
                if let Some(variants) = &object.variants {
                    let _ = writeln!(self.text, "  and more by {}", variants.tag);
                }
            }
            None => {
                let _ = write!(self.text, "\nIt returns: {}\n", shape(schema, id));
            }
        }
    }

    fn table<'a>(&mut self, members: impl Iterator<Item = &'a Member>) {
        for member in members {
            let mut what = shape(self.schema, member.kind);
            if member.optional {
                what.push_str("; optional");
            }
            what.push_str(&marks(member.features, "; "));
            self.row(&member.name, &what);
        }
    }

    /// A name and what it is, wrapped.
    fn row(&mut self, name: &str, what: &str) {
        let indent = self.reader.indent();
        let mut line = format!("  {name:<0$}", indent - 4);
        line.push_str("  ");
        let mut column = line.chars().count();
        for word in what.split(' ') {
            let width = word.chars().count();
            if column + width > self.reader.width && column > indent {
                self.text.push_str(line.trim_end());
                self.text.push('\n');
                line = " ".repeat(indent);
                column = indent;
            }
            line.push_str(word);
            line.push(' ');
            column += width + 1;
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
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
