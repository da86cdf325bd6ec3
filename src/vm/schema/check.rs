//! Compares a command's arguments with its types, and tells what QEMU would refuse: all of it, not only the first.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::describe::{FEW, describe, given};
use super::finding::{Finding, Marked, Problem};
use super::model::{Builtin, Choice, Command, Features, Member, Object, Schema, Type, TypeId};
use crate::nearest::nearest;

impl Schema {
    /// What is wrong with a command and its arguments, or notable; empty when QEMU has nothing against their form.
    pub fn check(&self, command: &str, arguments: &Map<String, Value>) -> Vec<Finding> {
        let Some(known) = self.command(command) else {
            return vec![self.no_command(command)];
        };
        let mut check = Check {
            schema: self,
            command: known,
            path: Vec::new(),
            findings: Vec::new(),
        };
        check.marks(known.features, || Marked::Command);
        if let Some(object) = self.object(known.arguments) {
            check.object(object, arguments);
        }
        check.findings
    }

    /// That there is no such command, and which may be meant.
    pub fn no_command(&self, command: &str) -> Finding {
        let names = self.commands().map(|command| command.name.as_str());
        let nearest = nearest(command, names).map(str::to_owned);
        Finding {
            command: command.to_owned(),
            path: String::new(),
            problem: Problem::NoCommand { nearest },
        }
    }
}

struct Check<'a> {
    schema: &'a Schema,
    command: &'a Command,
    path: Vec<String>,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn found(&mut self, problem: Problem) {
        self.findings.push(Finding {
            command: self.command.name.clone(),
            path: self.path.join("."),
            problem,
        });
    }

    fn marks(&mut self, features: Features, what: impl Fn() -> Marked) {
        if features.deprecated {
            self.found(Problem::Deprecated(what()));
        }
        if features.unstable {
            self.found(Problem::Unstable(what()));
        }
    }

    fn below(&mut self, part: impl Into<String>, check: impl FnOnce(&mut Self)) {
        self.path.push(part.into());
        check(self);
        self.path.pop();
    }

    fn object(&mut self, object: &Object, given: &Map<String, Value>) {
        let schema = self.schema;
        let members = schema.members(object, |tag| Some(given.get(tag)?.as_str()?.to_owned()));
        for member in &members.known {
            match given.get(&member.name) {
                Some(value) => self.below(&member.name, |check| check.member(member, value)),
                None if member.optional => {}
                None => self.below(&member.name, |check| check.missing(member)),
            }
        }
        if self.path.is_empty() && schema.is_open(self.command) {
            return;
        }
        let later: BTreeSet<&str> = match members.open {
            Some(variants) => variants
                .cases
                .iter()
                .filter_map(|case| schema.object(case.adds))
                .flat_map(|adds| adds.members.iter().map(|member| member.name.as_str()))
                .collect(),
            None => BTreeSet::new(),
        };
        let names: Vec<&str> = members.known.iter().map(|m| m.name.as_str()).collect();
        for name in given.keys() {
            if names.contains(&name.as_str()) || later.contains(name.as_str()) {
                continue;
            }
            let candidates = names.iter().copied().chain(later.iter().copied());
            let problem = Problem::NoMember {
                nearest: nearest(name, candidates).map(str::to_owned),
                known: names.iter().map(|name| (*name).to_owned()).collect(),
                decided: members
                    .decided
                    .iter()
                    .map(|(tag, value)| format!("{}={value}", self.path_of(tag)))
                    .collect(),
            };
            self.below(name, |check| check.found(problem));
        }
    }

    fn path_of(&self, name: &str) -> String {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        path.join(".")
    }

    fn missing(&mut self, member: &Member) {
        let allowed = match self.schema.kind(member.kind) {
            Type::Enum(choices) if choices.len() > FEW => names(choices),
            _ => Vec::new(),
        };
        let kind = describe(self.schema, member.kind);
        self.found(Problem::Missing { kind, allowed });
    }

    fn member(&mut self, member: &Member, value: &Value) {
        self.marks(member.features, || Marked::Member);
        self.value(member.kind, value);
    }

    fn value(&mut self, kind: TypeId, value: &Value) {
        let schema = self.schema;
        match (schema.kind(kind), value) {
            (Type::Builtin(builtin), value) if fits(*builtin, value) => {}
            (Type::Enum(choices), Value::String(text)) => self.choice(choices, text),
            (Type::Array(element), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.below(index.to_string(), |check| check.value(*element, value));
                }
            }
            (Type::Object(object), Value::Object(members)) => self.object(object, members),
            (Type::Alternate(branches), value) => {
                let fitting = branches
                    .iter()
                    .find(|branch| could_be(schema.kind(**branch), value));
                match fitting {
                    // One of the other types may be meant as well.
                    Some(branch) if !has_choice(schema.kind(*branch), value) => {
                        self.wrong_type(kind, value);
                    }
                    Some(branch) => self.value(*branch, value),
                    None => self.wrong_type(kind, value),
                }
            }
            (_, value) => self.wrong_type(kind, value),
        }
    }

    fn choice(&mut self, choices: &[Choice], text: &str) {
        match choices.iter().find(|choice| choice.name == text) {
            Some(choice) => self.marks(choice.features, || Marked::Value(text.to_owned())),
            None => self.found(Problem::WrongValue {
                given: text.to_owned(),
                nearest: nearest(text, choices.iter().map(|choice| choice.name.as_str()))
                    .map(str::to_owned),
                allowed: names(choices),
            }),
        }
    }

    fn wrong_type(&mut self, kind: TypeId, value: &Value) {
        let schema = self.schema;
        let wanted = describe(schema, kind);
        let path = self.path.join(".");
        let written = match schema.kind(kind) {
            Type::Array(_) => Some(format!(
                "write `{path}.0=...` for each item, or a JSON list"
            )),
            Type::Object(_) => Some(format!(
                "write `{path}.MEMBER=...` for each member, or a JSON object"
            )),
            Type::Builtin(Builtin::Integer) if is_too_large(value) => {
                Some("an integer has at most 64 bits: it is below 8E as a size".to_owned())
            }
            _ => None,
        };
        self.found(Problem::WrongType {
            wanted,
            given: given(value),
            written,
        });
    }
}

/// Whether a text that is no integer is one but for its size.
fn is_too_large(value: &Value) -> bool {
    let digits = value.as_str().map(|text| {
        let text = text.strip_prefix('-').unwrap_or(text);
        let text = text.strip_suffix("iB").unwrap_or(text);
        text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T', 'p', 'P', 'e', 'E'])
    });
    digits.is_some_and(|digits| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number && (digits == "0" || !digits.starts_with('0'))
    })
}

/// Whether QEMU takes the value for that type. It takes no `1.0` for an integer.
fn fits(builtin: Builtin, value: &Value) -> bool {
    match builtin {
        Builtin::Text => value.is_string(),
        Builtin::Integer => value.is_i64() || value.is_u64(),
        Builtin::Number => value.is_number(),
        Builtin::Boolean => value.is_boolean(),
        Builtin::Null => value.is_null(),
        Builtin::Any => true,
    }
}

/// Whether a value of that JSON type is meant as this branch of an alternate: QEMU decides by that alone.
pub(super) fn could_be(kind: &Type, value: &Value) -> bool {
    match kind {
        Type::Builtin(builtin) => fits(*builtin, value),
        Type::Enum(_) => value.is_string(),
        Type::Array(_) => value.is_array(),
        Type::Object(_) => value.is_object(),
        Type::Alternate(_) => false,
    }
}

/// Whether an enumeration has the value; other types have all.
fn has_choice(kind: &Type, value: &Value) -> bool {
    match kind {
        Type::Enum(choices) => choices.iter().any(|choice| value == choice.name.as_str()),
        _ => true,
    }
}

fn names(choices: &[Choice]) -> Vec<String> {
    choices.iter().map(|choice| choice.name.clone()).collect()
}
