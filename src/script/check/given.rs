//! What a script gives to a call, as far as its text tells: JSON, with what only the run knows left open.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{Expr, Position};
use serde_json::{Map, Number, Value};

/// What a variable was given, if it still has that.
pub(super) type Held<'a> = &'a dyn Fn(&str) -> Option<Given>;

/// A value as it is written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// The value; null where it is not known.
    pub(super) value: Value,
    /// The parts that are not known, as `file.filename`; an empty path is the whole.
    unknown: BTreeSet<String>,
    /// Where each part is written.
    places: BTreeMap<String, Position>,
}

impl Given {
    /// Nothing but an empty object.
    pub(super) fn nothing(at: Position) -> Self {
        Self {
            value: Value::Object(Map::new()),
            unknown: BTreeSet::new(),
            places: BTreeMap::from([(String::new(), at)]),
        }
    }

    /// What an expression gives, where variables hold what `held` tells.
    pub(super) fn read(expression: &Expr, held: Held) -> Self {
        let mut given = Self::nothing(expression.start_position());
        given.value = given.part(expression, "", held);
        given
    }

    /// The same as a member of an object.
    pub(super) fn below(self, name: &str) -> Self {
        let longer = |path: &String| match path.as_str() {
            "" => name.to_owned(),
            path => format!("{name}.{path}"),
        };
        Self {
            value: Value::Object(Map::from_iter([(name.to_owned(), self.value)])),
            unknown: self.unknown.iter().map(longer).collect(),
            places: self
                .places
                .iter()
                .map(|(path, at)| (longer(path), *at))
                .collect(),
        }
    }

    /// The object, if that much is known.
    pub(super) fn object(&self) -> Option<&Map<String, Value>> {
        self.value.as_object()
    }

    /// The text, if it is one that is known.
    pub(super) fn text(&self) -> Option<&str> {
        self.value.as_str()
    }

    /// Whether this part is not known.
    pub(super) fn is_open(&self, path: &str) -> bool {
        self.unknown.contains(path)
    }

    /// Whether this part or something in it is not known.
    pub(super) fn has_open_part(&self, path: &str) -> bool {
        let within = |open: &String| {
            open.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.unknown.iter().any(within)
    }

    /// Whether nothing of it is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.is_open("")
    }

    /// Where a part is written, or what it would be in.
    pub(super) fn place(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(*place);
            }
            path = path.rsplit_once('.').map_or("", |(before, _)| before);
            if path.is_empty() {
                return self.places.get("").copied();
            }
        }
    }

    fn part(&mut self, expression: &Expr, path: &str, held: Held) -> Value {
        match expression {
            Expr::BoolConstant(value, _) => (*value).into(),
            Expr::IntegerConstant(value, _) => (*value).into(),
            // What is whole goes out as an integer, which the run alone decides.
            Expr::FloatConstant(value, _) if value.fract() != 0.0 => {
                Number::from_f64(**value).map_or(Value::Null, Value::Number)
            }
            Expr::StringConstant(text, _) => Value::String(text.to_string()),
            Expr::Array(items, _) => {
                let items = items.iter().enumerate();
                let item = |(index, item): (usize, &Expr)| {
                    let path = joined(path, &index.to_string());
                    self.places.insert(path.clone(), item.start_position());
                    self.part(item, &path, held)
                };
                Value::Array(items.map(item).collect())
            }
            Expr::Map(members, _) => {
                let mut object = Map::new();
                for (name, value) in &members.0 {
                    // Such a key is left out.
                    if matches!(value, Expr::Unit(_)) {
                        continue;
                    }
                    let path = joined(path, name.as_str());
                    self.places.insert(path.clone(), name.pos);
                    let value = self.part(value, &path, held);
                    object.insert(name.as_str().to_owned(), value);
                }
                Value::Object(object)
            }
            Expr::Variable(variable, ..) if variable.2.is_empty() => match held(&variable.1) {
                Some(given) => self.graft(given, path),
                None => self.open(path),
            },
            _ => self.open(path),
        }
    }

    fn open(&mut self, path: &str) -> Value {
        self.unknown.insert(path.to_owned());
        Value::Null
    }

    /// Takes what a variable holds in as a part, with the places where that is written.
    fn graft(&mut self, given: Self, path: &str) -> Value {
        let below = |part: &str| match part {
            "" => path.to_owned(),
            part => joined(path, part),
        };
        self.unknown
            .extend(given.unknown.iter().map(|part| below(part)));
        // The part itself stands where it is given.
        for (part, at) in &given.places {
            self.places.entry(below(part)).or_insert(*at);
        }
        given.value
    }
}

fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
