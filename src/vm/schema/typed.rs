//! Typed words as arguments: what a word becomes is what its type says, so `id=5` is text and `cpu-index=5` a number.
//!
//! | the type | what is taken |
//! | --- | --- |
//! | text | as it is |
//! | integer | decimal, `0x` and hexadecimal, or a size: `10G`, `512MiB`, powers of 1024 |
//! | number | as JSON writes it |
//! | boolean | `true`, `on`, `yes`; `false`, `off`, `no` |
//! | null | `null` |
//! | any, or not known | JSON where it is JSON, else text |
//! | object | `KEY.MEMBER=...`, or a JSON object |
//! | list | `KEY.0=...`, or a JSON list; items that can hold no comma also as `1,2,3` |
//! | alternate | the first of its types that fits, text last |
//!
//! A value that does not fit stays text: that it is wrong is for `check` to tell, with the rest.

use serde_json::{Map, Number, Value};

use super::check::could_be;
use super::json::strict;
use super::model::{Builtin, Command, Object, Schema, Type, TypeId};
use super::names::find;
use super::properties::Properties;
use super::words::{InvalidWords, Node, Words};
use crate::vm::size;

impl Words {
    /// The arguments that these words add to `given`, by the types of the command. `properties` tell the types of what
    /// the schema leaves out.
    pub fn typed(
        &self,
        schema: &Schema,
        command: &Command,
        properties: &Properties,
        given: Map<String, Value>,
    ) -> Result<Map<String, Value>, InvalidWords> {
        let typing = Typing {
            schema: Some(schema),
            properties: schema.is_open(command).then_some(properties),
        };
        typing.object(self, schema.object(command.arguments), "", given)
    }

    /// The arguments that these words add to `given`, where no types are known: JSON where it is JSON, else text.
    pub fn untyped(&self, given: Map<String, Value>) -> Result<Map<String, Value>, InvalidWords> {
        let typing = Typing {
            schema: None,
            properties: None,
        };
        typing.object(self, None, "", given)
    }
}

struct Typing<'a> {
    schema: Option<&'a Schema>,
    /// The further members of the arguments of a command that takes more than the schema tells.
    properties: Option<&'a Properties>,
}

impl Typing<'_> {
    fn object(
        &self,
        words: &Words,
        object: Option<&Object>,
        path: &str,
        mut given: Map<String, Value>,
    ) -> Result<Map<String, Value>, InvalidWords> {
        let members = match (self.schema, object) {
            (Some(schema), Some(object)) => {
                let tag = |tag: &str| match words.text(tag) {
                    Some(text) => Some(text.to_owned()),
                    None => Some(given.get(tag)?.as_str()?.to_owned()),
                };
                schema.members(object, tag).known
            }
            _ => Vec::new(),
        };
        let names = members.iter().map(|member| member.name.as_str());
        let mut typed = Vec::new();
        for (key, node) in &words.keys {
            let here = below(path, key);
            let mut name = find(key, names.clone());
            let mut kind = None;
            if let Some(properties) = self
                .properties
                .filter(|_| path.is_empty() && name.is_none())
            {
                name = find(key, properties.names());
                kind = Some(Kind::Property(name.and_then(|name| properties.of(name))));
            }
            let name = name.unwrap_or(key);
            let member = members.iter().find(|member| member.name == name);
            let kind = match (member, kind) {
                (Some(member), _) => Kind::Type(member.kind),
                (None, kind) => kind.unwrap_or(Kind::Unknown),
            };
            let base = given.get(name);
            typed.push((name.to_owned(), self.node(node, kind, &here, base)?));
        }
        let mut seen = Vec::new();
        for (name, value) in typed {
            // Two spellings of one name.
            if seen.contains(&name) {
                return Err(InvalidWords::Twice(below(path, &name)));
            }
            seen.push(name.clone());
            given.insert(name, value);
        }
        Ok(given)
    }

    fn node(
        &self,
        node: &Node,
        kind: Kind,
        path: &str,
        base: Option<&Value>,
    ) -> Result<Value, InvalidWords> {
        match (node, base) {
            (Node::Text(_), Some(_)) => Err(InvalidWords::Twice(path.to_owned())),
            (Node::Text(text), None) => self.text(text, kind, path),
            (Node::Keys(words), None) => self.keys(words, kind, path, Map::new()),
            (Node::Keys(words), Some(Value::Object(members))) => {
                self.keys(words, kind, path, members.clone())
            }
            (Node::Keys(_), Some(_)) => Err(InvalidWords::Both(path.to_owned())),
        }
    }

    /// A value of which the words give parts.
    fn keys(
        &self,
        words: &Words,
        kind: Kind,
        path: &str,
        given: Map<String, Value>,
    ) -> Result<Value, InvalidWords> {
        let is_numbered =
            given.is_empty() && words.keys.iter().all(|(key, _)| index(key).is_some());
        let (object, element) = match kind {
            Kind::Type(id) => self.parts(id, is_numbered),
            Kind::Property(_) | Kind::Unknown if is_numbered => (None, Some(Kind::Unknown)),
            Kind::Property(_) | Kind::Unknown => (None, None),
        };
        match element {
            Some(element) => self.list(words, element, path),
            None => Ok(Value::Object(self.object(words, object, path, given)?)),
        }
    }

    /// The object whose members the words give, or the type of the items.
    fn parts(&self, id: TypeId, is_numbered: bool) -> (Option<&Object>, Option<Kind>) {
        let Some(schema) = self.schema else {
            return (None, None);
        };
        match schema.kind(id) {
            Type::Object(object) => (Some(object), None),
            Type::Array(element) if is_numbered => (None, Some(Kind::Type(*element))),
            Type::Builtin(Builtin::Any) if is_numbered => (None, Some(Kind::Unknown)),
            Type::Alternate(branches) => {
                let parts = branches.iter().map(|branch| match schema.kind(*branch) {
                    Type::Object(object) if !is_numbered => (Some(object), None),
                    Type::Array(element) if is_numbered => (None, Some(Kind::Type(*element))),
                    _ => (None, None),
                });
                let mut parts = parts.filter(|parts| parts.0.is_some() || parts.1.is_some());
                parts.next().unwrap_or((None, None))
            }
            _ => (None, None),
        }
    }

    fn list(&self, words: &Words, element: Kind, path: &str) -> Result<Value, InvalidWords> {
        let mut items = vec![None; words.keys.len()];
        for (key, node) in &words.keys {
            let item = self.node(node, element, &below(path, key), None)?;
            match index(key).and_then(|index| items.get_mut(index)) {
                Some(place @ None) => *place = Some(item),
                _ => return Err(InvalidWords::Gap(path.to_owned())),
            }
        }
        Ok(Value::Array(items.into_iter().flatten().collect()))
    }

    fn text(&self, text: &str, kind: Kind, path: &str) -> Result<Value, InvalidWords> {
        let as_text = || Value::String(text.to_owned());
        let (schema, id) = match (self.schema, kind) {
            (Some(schema), Kind::Type(id)) => (schema, id),
            (_, Kind::Property(Some(builtin))) => {
                return Ok(scalar(builtin, text).unwrap_or_else(as_text));
            }
            _ => return Ok(any(text)),
        };
        let json = |begins: char| text.trim_start().starts_with(begins);
        match schema.kind(id) {
            Type::Builtin(builtin) => Ok(scalar(*builtin, text).unwrap_or_else(as_text)),
            Type::Object(_) if json('{') => parse(text, path),
            Type::Array(_) if json('[') => parse(text, path),
            Type::Array(element) => Ok(commas(schema, *element, text).unwrap_or_else(as_text)),
            Type::Object(_) | Type::Enum(_) => Ok(as_text()),
            Type::Alternate(branches) => {
                let kinds = || branches.iter().map(|branch| schema.kind(*branch));
                let has = |wanted: fn(&Type) -> bool| kinds().any(wanted);
                if (json('{') && has(|kind| matches!(kind, Type::Object(_))))
                    || (json('[') && has(|kind| matches!(kind, Type::Array(_))))
                {
                    return parse(text, path);
                }
                let is_choice = kinds().any(|kind| match kind {
                    Type::Enum(choices) => choices.iter().any(|choice| choice.name == text),
                    _ => false,
                });
                if is_choice {
                    return Ok(as_text());
                }
                let plain = [
                    Builtin::Null,
                    Builtin::Boolean,
                    Builtin::Integer,
                    Builtin::Number,
                ];
                let value = plain.into_iter().find_map(|builtin| {
                    let value = scalar(builtin, text)?;
                    kinds().any(|kind| could_be(kind, &value)).then_some(value)
                });
                let list = || {
                    kinds().find_map(|kind| match kind {
                        Type::Array(element) if text.contains(',') => {
                            commas(schema, *element, text)
                        }
                        _ => None,
                    })
                };
                Ok(value.or_else(list).unwrap_or_else(as_text))
            }
        }
    }
}

/// What is known of a value's type.
#[derive(Clone, Copy)]
enum Kind {
    Type(TypeId),
    /// A property of a device.
    Property(Option<Builtin>),
    Unknown,
}

/// A key below another.
fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The place in a list that a key means.
fn index(key: &str) -> Option<usize> {
    let is_plain =
        key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    is_plain.then(|| key.parse().ok()).flatten()
}

/// A list written with commas, where no item can hold one.
fn commas(schema: &Schema, element: TypeId, text: &str) -> Option<Value> {
    let item = |item: &str| match schema.kind(element) {
        Type::Builtin(builtin @ (Builtin::Integer | Builtin::Number | Builtin::Boolean)) => {
            scalar(*builtin, item)
        }
        Type::Enum(_) => Some(Value::String(item.to_owned())),
        _ => None,
    };
    if text.is_empty() {
        return None;
    }
    text.split(',')
        .map(item)
        .collect::<Option<_>>()
        .map(Value::Array)
}

/// The value that a text means for a type that JSON has, if it can.
fn scalar(builtin: Builtin, text: &str) -> Option<Value> {
    match builtin {
        Builtin::Text => Some(Value::String(text.to_owned())),
        Builtin::Integer => integer(text).map(Value::Number),
        Builtin::Number => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => Some(Value::Number(number)),
            _ => None,
        },
        Builtin::Boolean => match text {
            "true" | "on" | "yes" => Some(Value::Bool(true)),
            "false" | "off" | "no" => Some(Value::Bool(false)),
            _ => None,
        },
        Builtin::Null => (text == "null").then_some(Value::Null),
        Builtin::Any => Some(any(text)),
    }
}

/// An integer of any width that QEMU has. `010` is none: QEMU's command line reads it as 8, people as 10.
fn integer(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return plain
            .then(|| u64::from_str_radix(digits, 16).ok())?
            .map(Number::from);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.") {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let signed = text.parse::<i64>().ok().map(Number::from);
        return signed.or_else(|| text.parse::<u64>().ok().map(Number::from));
    }
    // `MB` is a million bytes to some, and what looks like a float is no integer to QEMU.
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let is_decimal = text.ends_with(['b', 'B']) && !text.ends_with("iB");
    if !has_unit || is_decimal {
        return None;
    }
    size::parse(text).map(Number::from)
}

/// JSON where it is JSON, else text. A number that no integer holds is no JSON: it would come out as another.
fn any(text: &str) -> Value {
    strict(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn parse(text: &str, path: &str) -> Result<Value, InvalidWords> {
    strict(text).map_err(|error| InvalidWords::Json {
        key: path.to_owned(),
        why: error.to_string(),
    })
}
