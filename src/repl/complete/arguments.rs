//! What can stand in the arguments of a command that a schema describes: keys that are missing, values of few, and the
//! names of what there is in the VM.

use super::offer::{Offer, Typed};
use super::place::{Given, Level};
use super::{files, parts};
use crate::repl::Session;
use crate::script::Named;
use crate::vm::glance::{Seen, Subject};
use crate::vm::schema::{
    Builtin, Command, Features, Member, Object, Schema, Type, TypeId, find_name,
};

/// An enumeration is told in full up to so many words.
const FEW: usize = 4;

/// A command whose arguments are being typed.
pub(super) struct Arguments<'a> {
    /// Whose command it is.
    pub(super) vm: &'a Named,
    pub(super) schema: &'a Schema,
    pub(super) command: &'a Command,
    /// What stands at the cursor as a whole, and what it is called.
    pub(super) kind: TypeId,
    pub(super) key: &'a str,
    pub(super) levels: &'a [Level<'a>],
}

/// What is expected.
enum Spot<'a> {
    /// One of the members that are missing.
    Key(Vec<&'a Member>, &'a Given<'a>),
    /// The value of this key.
    Value(TypeId, &'a str, Option<&'a Given<'a>>),
}

impl Arguments<'_> {
    pub(super) fn offers(&self, session: &mut Session, typed: &Typed<'_>) -> Vec<Offer> {
        match self.spot() {
            Some(Spot::Key(members, given)) => {
                let mut offers: Vec<Offer> = members
                    .into_iter()
                    .filter(|member| !given.has(&member.name))
                    .map(|member| self.key_offer(member, typed))
                    .collect();
                if self.schema.is_open(self.command) && self.levels.len() == 1 {
                    offers.extend(self.properties(session, given, typed));
                }
                offers
            }
            Some(Spot::Value(kind, key, given)) => self.values(session, kind, key, given, typed),
            None => Vec::new(),
        }
    }

    fn spot(&self) -> Option<Spot<'_>> {
        let (mut kind, mut key, mut beside) = (self.kind, self.key, None);
        for level in self.levels {
            match level {
                Level::Item => {
                    kind = branches(self.schema, kind).into_iter().find_map(|id| {
                        match self.schema.kind(id) {
                            Type::Array(element) => Some(*element),
                            _ => None,
                        }
                    })?;
                }
                Level::Key(given) => {
                    return Some(Spot::Key(members(self.schema, kind, given)?, given));
                }
                Level::Value(name, given) => {
                    let members = members(self.schema, kind, given)?;
                    let member = members.into_iter().find(|member| member.name == *name)?;
                    (kind, key, beside) = (member.kind, name, Some(given));
                }
            }
        }
        Some(Spot::Value(kind, key, beside))
    }

    fn key_offer(&self, member: &Member, typed: &Typed<'_>) -> Offer {
        let mut offer = typed.key(&member.name);
        offer.shown = described(self.schema, member);
        offer.rank = u8::from(member.optional);
        offer
    }

    /// The properties of a device, which the schema leaves out.
    fn properties(
        &self,
        session: &mut Session,
        given: &Given<'_>,
        typed: &Typed<'_>,
    ) -> Vec<Offer> {
        let Some(model) = given.text("driver") else {
            return Vec::new();
        };
        let names = names(session, self.vm, &Subject::DeviceProperties(model));
        let missing = names.iter().filter(|name| !given.has(name));
        missing
            .map(|name| Offer {
                rank: 2,
                ..typed.key(name)
            })
            .collect()
    }

    fn values(
        &self,
        session: &mut Session,
        kind: TypeId,
        key: &str,
        given: Option<&Given<'_>>,
        typed: &Typed<'_>,
    ) -> Vec<Offer> {
        let mut offers = Vec::new();
        let mut takes_text = false;
        for branch in branches(self.schema, kind) {
            match self.schema.kind(branch) {
                Type::Enum(choices) => offers.extend(choices.iter().map(|choice| Offer {
                    shown: format!("{}{}", choice.name, marks(choice.features)),
                    ..typed.text(&choice.name)
                })),
                Type::Builtin(Builtin::Boolean) => offers.extend(typed.code(&["true", "false"])),
                Type::Builtin(Builtin::Text | Builtin::Any) => takes_text = true,
                Type::Object(_) => offers.extend(typed.code(&["#{ "])),
                Type::Array(_) => offers.extend(typed.code(&["["])),
                Type::Builtin(_) | Type::Alternate(_) => {}
            }
        }
        if takes_text {
            let is_alternative = matches!(self.schema.kind(kind), Type::Alternate(_));
            offers.extend(self.texts(session, key, given, is_alternative, typed));
        }
        offers
    }

    /// Names of what there is, for an argument that takes a text.
    fn texts(
        &self,
        session: &mut Session,
        key: &str,
        given: Option<&Given<'_>>,
        is_alternative: bool,
        typed: &Typed<'_>,
    ) -> Vec<Offer> {
        let command = self.command.name.as_str();
        if parts::is_object_path(command, key) {
            return self.object_paths(session, typed);
        }
        if parts::is_file(command, key) {
            return typed.files(files::entries(typed.raw, "".as_ref()));
        }
        let none = Given::default();
        let mut subjects = parts::of(command, key, given.unwrap_or(&none));
        if subjects.is_empty() && is_alternative && command.starts_with("blockdev-") {
            // A node below another, `file` or `backing`: the name of one that is there, or one to be made.
            subjects = vec![Subject::Nodes];
        }
        let names = subjects
            .iter()
            .flat_map(|subject| names(session, self.vm, subject));
        let names: Vec<String> = names.collect();
        names.iter().map(|name| typed.text(name)).collect()
    }

    /// What is below the part of the path that is typed.
    fn object_paths(&self, session: &mut Session, typed: &Typed<'_>) -> Vec<Offer> {
        let typed_path = typed.raw.trim_start_matches('"');
        let folder = typed_path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let at = if folder.is_empty() { "/" } else { folder };
        let children = names(session, self.vm, &Subject::Children(at.to_owned()));
        let path = |name: &String| typed.open_text(&format!("{folder}/{name}"));
        children.iter().map(path).collect()
    }
}

/// The names that a VM tells.
pub(super) fn names(session: &mut Session, vm: &Named, subject: &Subject) -> Vec<String> {
    match session.glance(vm, subject) {
        Some(Seen::Names(names)) => names,
        _ => Vec::new(),
    }
}

/// The command that is meant by a name, with `-` or `_`.
pub(super) fn command<'a>(schema: &'a Schema, written: &str) -> Option<&'a Command> {
    if let Some(command) = schema.command(written) {
        return Some(command);
    }
    let names: Vec<&str> = schema
        .commands()
        .map(|command| command.name.as_str())
        .collect();
    schema.command(find_name(written, names.iter().copied())?)
}

/// A type, or the types that it may be one of.
fn branches(schema: &Schema, id: TypeId) -> Vec<TypeId> {
    match schema.kind(id) {
        Type::Alternate(branches) => branches.clone(),
        _ => vec![id],
    }
}

fn object(schema: &Schema, id: TypeId) -> Option<&Object> {
    branches(schema, id)
        .into_iter()
        .find_map(|id| schema.object(id))
}

fn members<'a>(schema: &'a Schema, id: TypeId, given: &Given<'_>) -> Option<Vec<&'a Member>> {
    let object = object(schema, id)?;
    Some(schema.members(object, |tag| given.text(tag)).known)
}

/// `driver: one of 40 words`, in brackets where it may be left out.
fn described(schema: &Schema, member: &Member) -> String {
    let told = format!("{}: {}", member.name, brief(schema, member.kind));
    let marks = marks(member.features);
    if member.optional {
        format!("[{told}]{marks}")
    } else {
        format!("{told}{marks}")
    }
}

fn marks(features: Features) -> &'static str {
    match (features.deprecated, features.unstable) {
        (true, _) => " (deprecated)",
        (_, true) => " (unstable)",
        _ => "",
    }
}

/// A type in a word or two.
fn brief(schema: &Schema, id: TypeId) -> String {
    match schema.kind(id) {
        Type::Builtin(Builtin::Text) => "text".to_owned(),
        Type::Builtin(Builtin::Integer) => "integer".to_owned(),
        Type::Builtin(Builtin::Number) => "number".to_owned(),
        Type::Builtin(Builtin::Boolean) => "bool".to_owned(),
        Type::Builtin(Builtin::Null) => "()".to_owned(),
        Type::Builtin(Builtin::Any) => "value".to_owned(),
        Type::Enum(choices) if choices.len() <= FEW => {
            let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
            names.join("|")
        }
        Type::Enum(choices) => format!("one of {} words", choices.len()),
        Type::Array(_) => "array".to_owned(),
        Type::Object(_) => "map".to_owned(),
        Type::Alternate(branches) => {
            let mut kinds: Vec<&str> = branches
                .iter()
                .map(|id| match schema.kind(*id) {
                    Type::Object(_) => "map",
                    Type::Array(_) => "array",
                    Type::Builtin(Builtin::Null) => "()",
                    Type::Builtin(Builtin::Integer) => "integer",
                    Type::Builtin(Builtin::Boolean) => "bool",
                    _ => "text",
                })
                .collect();
            kinds.dedup();
            kinds.join(" or ")
        }
    }
}

/// The arguments of a command as one map: what must be given first, in brackets what may be left out.
pub(super) fn signature(schema: &Schema, command: &Command) -> String {
    let Some(object) = schema.object(command.arguments) else {
        return String::new();
    };
    let required = object.members.iter().filter(|member| !member.optional);
    let mut words: Vec<String> = required.map(|member| member.name.clone()).collect();
    let optional = object.members.iter().filter(|member| member.optional);
    let settled = optional.filter(|member| !member.features.deprecated);
    words.extend(settled.map(|member| format!("[{}]", member.name)));
    if object.variants.is_some() || schema.is_open(command) {
        words.push("...".to_owned());
    }
    if words.is_empty() {
        return "()".to_owned();
    }
    format!("(#{{ {} }})", words.join(", "))
}
