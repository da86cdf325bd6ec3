//! The reply of `query-qmp-schema`, made into the model. What is kept can be walked without care: every type is there,
//! arguments are objects, tags are enumerations, and following tags or alternatives comes to an end.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Deref;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::model::{
    Builtin, Case, Choice, Command, Event, Features, Member, Object, Schema, Type, TypeId, Variants,
};
use crate::wire::escape::excerpt;

/// How deep objects may add members of objects by tags; QEMU's go to 2.
const DEEPEST: usize = 8;
/// Commands that take more than the schema tells, where it tells no variants: the properties of the device, and before
/// QEMU 2.12 of the network backend.
const OPEN: &[&str] = &["device_add", "netdev_add"];
/// The longest name; QEMU's have up to 50 bytes.
const LONGEST: usize = 256;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSchema(String);

impl fmt::Display for InvalidSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schema makes no sense: {}", self.0)
    }
}

impl std::error::Error for InvalidSchema {}

/// A text of the reply, borrowed where nothing in it is escaped. A bare `Cow` is copied within an `Option` or a `Vec`, and a
/// schema has ten thousand of them.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// An entry of the reply. Each kind of entry has some of these.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    meta_type: Text<'a>,
    #[serde(borrow)]
    arg_type: Option<Text<'a>>,
    #[serde(borrow)]
    ret_type: Option<Text<'a>>,
    #[serde(borrow)]
    json_type: Option<Text<'a>>,
    #[serde(borrow)]
    element_type: Option<Text<'a>>,
    #[serde(borrow)]
    tag: Option<Text<'a>>,
    #[serde(borrow, default)]
    members: Vec<EntryMember<'a>>,
    #[serde(borrow, default)]
    variants: Vec<EntryCase<'a>>,
    // An enumeration's, before QEMU 6.2 gave it members.
    #[serde(borrow, default)]
    values: Vec<Text<'a>>,
    #[serde(default)]
    allow_oob: bool,
    #[serde(borrow, default)]
    features: Vec<Text<'a>>,
}

/// A member of an object, a value of an enumeration, or a branch of an alternate.
#[derive(Deserialize)]
struct EntryMember<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    // That it is there is what matters: its value is always null.
    #[serde(default, deserialize_with = "present")]
    default: bool,
    #[serde(borrow, default)]
    features: Vec<Text<'a>>,
}

#[derive(Deserialize)]
struct EntryCase<'a> {
    #[serde(borrow)]
    case: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// The numbers of the types, by name.
type Numbers<'a> = HashMap<&'a str, TypeId>;

impl Schema {
    /// The schema in a reply to `query-qmp-schema`, of any QEMU from 2.5 on.
    ///
    /// Fails when a type is missing or of the wrong kind, or when following it would not come to an end.
    pub fn parse(reply: &serde_json::Value) -> Result<Self, InvalidSchema> {
        let entries = Vec::<Entry>::deserialize(reply);
        Self::from_entries(&entries.map_err(|error| InvalidSchema(shown(&error.to_string())))?)
    }

    /// The same from the reply's JSON text.
    pub fn from_json(reply: &str) -> Result<Self, InvalidSchema> {
        let entries = serde_json::from_str::<Vec<Entry>>(reply);
        Self::from_entries(&entries.map_err(|error| InvalidSchema(shown(&error.to_string())))?)
    }

    fn from_entries(entries: &[Entry]) -> Result<Self, InvalidSchema> {
        let is_type = |entry: &&Entry| !matches!(&*entry.meta_type, "command" | "event");
        let types: Vec<&Entry> = entries.iter().filter(is_type).collect();
        let mut numbers = Numbers::with_capacity(types.len());
        for (number, entry) in types.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| wrong("too many types", ""))?;
            if numbers.insert(&entry.name, TypeId(number)).is_some() {
                return Err(wrong("two types have the name", &entry.name));
            }
        }
        let types = types.iter().map(|entry| kind(entry, &numbers));
        let mut schema = Self {
            types: types.collect::<Result<_, _>>()?,
            ..Self::default()
        };
        schema.commands = collect(entries, "command", |entry| {
            Ok(Command {
                name: name(&entry.name)?,
                arguments: schema.object_id(entry, entry.arg_type.as_deref(), &numbers)?,
                returns: number(entry, entry.ret_type.as_deref(), &numbers)?,
                allow_oob: entry.allow_oob,
                features: features(&entry.features),
            })
        })?;
        for name in OPEN {
            let command = schema.command(name);
            let object = command.and_then(|command| schema.object(command.arguments));
            if object.is_some_and(|object| object.variants.is_none()) {
                schema.open.insert((*name).to_owned());
            }
        }
        schema.events = collect(entries, "event", |entry| {
            Ok(Event {
                name: name(&entry.name)?,
                data: schema.object_id(entry, entry.arg_type.as_deref(), &numbers)?,
                features: features(&entry.features),
            })
        })?;
        schema.hold_together()?;
        Ok(schema)
    }

    fn object_id(
        &self,
        entry: &Entry,
        kind: Option<&str>,
        numbers: &Numbers,
    ) -> Result<TypeId, InvalidSchema> {
        let id = number(entry, kind, numbers)?;
        match self.object(id) {
            Some(_) => Ok(id),
            None => Err(wrong("the arguments are no object in", &entry.name)),
        }
    }

    /// Refuses types that fit together in no sensible way.
    pub(super) fn hold_together(&self) -> Result<(), InvalidSchema> {
        let mut cleared = vec![0; self.types.len()];
        for kind in &self.types {
            match kind {
                Type::Alternate(branches) => {
                    let nested = |id: &TypeId| matches!(self.kind(*id), Type::Alternate(_));
                    if branches.iter().any(nested) {
                        return Err(wrong("an alternate is within an alternate", ""));
                    }
                }
                Type::Object(object) => self.ends(object, DEEPEST, &mut cleared)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Follows the variants for `steps` more; `cleared` keeps for how many each type is known to be sound.
    fn ends(
        &self,
        object: &Object,
        steps: usize,
        cleared: &mut [usize],
    ) -> Result<(), InvalidSchema> {
        let Some(variants) = &object.variants else {
            return Ok(());
        };
        for case in &variants.cases {
            let Some(adds) = self.object(case.adds) else {
                return Err(wrong("a variant adds what is no object:", &case.value));
            };
            // One that was followed as deep with fewer steps left has no more to tell.
            let sound = &mut cleared[case.adds.0 as usize];
            if *sound > 0 && *sound <= steps {
                continue;
            }
            if steps == 0 {
                return Err(wrong("variants go on for ever at", &case.value));
            }
            *sound = steps;
            self.ends(adds, steps - 1, cleared)?;
        }
        Ok(())
    }
}

fn kind(entry: &Entry, numbers: &Numbers) -> Result<Type, InvalidSchema> {
    Ok(match &*entry.meta_type {
        "builtin" => Type::Builtin(match entry.json_type.as_deref() {
            Some("string") => Builtin::Text,
            Some("int") => Builtin::Integer,
            Some("number") => Builtin::Number,
            Some("boolean") => Builtin::Boolean,
            Some("null") => Builtin::Null,
            _ => Builtin::Any,
        }),
        "enum" if entry.members.is_empty() => Type::Enum(
            entry
                .values
                .iter()
                .map(|value| enum_value(Some(value), &[]))
                .collect::<Result<_, _>>()?,
        ),
        "enum" => Type::Enum(
            entry
                .members
                .iter()
                .map(|value| enum_value(value.name.as_deref(), &value.features))
                .collect::<Result<_, _>>()?,
        ),
        "array" => Type::Array(number(entry, entry.element_type.as_deref(), numbers)?),
        "object" => Type::Object(object(entry, numbers)?),
        "alternate" => Type::Alternate(
            entry
                .members
                .iter()
                .map(|branch| number(entry, branch.kind.as_deref(), numbers))
                .collect::<Result<_, _>>()?,
        ),
        // A newer QEMU may have more kinds, and they are no reason to know nothing of the rest.
        _ => Type::Builtin(Builtin::Any),
    })
}

fn object(entry: &Entry, numbers: &Numbers) -> Result<Object, InvalidSchema> {
    let members = entry.members.iter().map(|member| {
        Ok(Member {
            name: name(member.name.as_deref().unwrap_or_default())?,
            kind: number(entry, member.kind.as_deref(), numbers)?,
            optional: member.default,
            features: features(&member.features),
        })
    });
    let members: Vec<Member> = members.collect::<Result<_, _>>()?;
    let variants = match &entry.tag {
        None => None,
        Some(tag) => {
            if !members.iter().any(|member| member.name == **tag) {
                return Err(wrong("the tag is no member of", &entry.name));
            }
            let cases = entry.variants.iter().map(|case| {
                Ok(Case {
                    value: name(&case.case)?,
                    adds: number(entry, Some(&case.kind), numbers)?,
                })
            });
            Some(Variants {
                tag: str::to_owned(tag),
                cases: cases.collect::<Result<_, _>>()?,
            })
        }
    };
    Ok(Object { members, variants })
}

fn enum_value(value: Option<&str>, marks: &[Text]) -> Result<Choice, InvalidSchema> {
    Ok(Choice {
        name: name(value.unwrap_or_default())?,
        features: features(marks),
    })
}

fn features(names: &[Text]) -> Features {
    Features {
        deprecated: names.iter().any(|name| **name == *"deprecated"),
        unstable: names.iter().any(|name| **name == *"unstable"),
    }
}

fn number(entry: &Entry, kind: Option<&str>, numbers: &Numbers) -> Result<TypeId, InvalidSchema> {
    match kind.and_then(|kind| numbers.get(kind)) {
        Some(number) => Ok(*number),
        None => Err(wrong("a type is missing that is needed by", &entry.name)),
    }
}

/// A name that can be shown and compared without care: visible ASCII, as all of QEMU's.
fn name(text: &str) -> Result<String, InvalidSchema> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > LONGEST || !plain {
        return Err(wrong("this is no name:", text));
    }
    Ok(text.to_owned())
}

fn collect<T>(
    entries: &[Entry],
    meta: &str,
    make: impl Fn(&Entry) -> Result<T, InvalidSchema>,
) -> Result<BTreeMap<String, T>, InvalidSchema> {
    let entries = entries.iter().filter(|entry| *entry.meta_type == *meta);
    entries
        .map(|entry| Ok((str::to_owned(&entry.name), make(entry)?)))
        .collect()
}

fn wrong(what: &str, name: &str) -> InvalidSchema {
    InvalidSchema(format!("{what} `{}`", shown(name)))
}

fn shown(text: &str) -> String {
    excerpt(text.as_bytes())
}
