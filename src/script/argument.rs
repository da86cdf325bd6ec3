//! An argument that a script's header declares, the types there are, and the value that a word means.

use rhai::Dynamic;

use crate::duration;
use crate::vm::size;

/// One declared argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its key in `args`; as an option its `_` are written `-`.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it means.
    pub help: String,
    /// Whether it is an option (`--dir`) rather than a place in the line.
    pub flag: bool,
    /// Whether it takes several values.
    pub many: bool,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when not given, as words.
    pub default: Vec<String>,
}

impl Argument {
    /// What a header says of one.
    pub const KEYS: [&'static str; 7] = [
        "type", "help", "flag", "many", "default", "required", "values",
    ];

    /// How it is written as an option, without the dashes.
    pub fn option(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Whether it is an option without a value.
    pub fn is_switch(&self) -> bool {
        self.flag && self.kind == Kind::Bool && !self.many && self.default.is_empty()
    }
}

/// The type of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What `vm(...)` takes; a text in the script.
    Vm,
    /// Several of those, which `std/fleet` takes; always `many`.
    Vms,
    /// A path on this host; a text in the script.
    Path,
    /// Any text.
    Text,
    /// A signed integer.
    Int,
    /// A number.
    Float,
    /// True or false; as an option, a switch.
    Bool,
    /// A length of time; seconds in the script.
    Duration,
    /// A size such as `10G`; bytes in the script.
    Size,
    /// One of these texts.
    Choice(Vec<String>),
}

/// A value given on the command line.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, path, VM or choice.
    Text(String),
    /// An integer or a size.
    Int(i64),
    /// A number or seconds.
    Float(f64),
    /// A switch.
    Bool(bool),
}

impl Value {
    /// The value as a word.
    pub fn word(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(integer) => integer.to_string(),
            Self::Float(float) => float.to_string(),
            Self::Bool(boolean) => boolean.to_string(),
        }
    }

    /// The value as the script finds it in `args`.
    pub(super) fn to_script(&self) -> Dynamic {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Int(integer) => (*integer).into(),
            Self::Float(float) => (*float).into(),
            Self::Bool(boolean) => (*boolean).into(),
        }
    }
}

impl Kind {
    /// The names of all types, as headers write them.
    pub const NAMES: [&'static str; 10] = [
        "vm", "vms", "path", "string", "int", "float", "bool", "duration", "size", "choice",
    ];

    /// The type of that name; a choice has values besides its name, so is not found here.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "vm" => Self::Vm,
            "vms" => Self::Vms,
            "path" => Self::Path,
            "string" => Self::Text,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "duration" => Self::Duration,
            "size" => Self::Size,
            _ => return None,
        })
    }

    /// What stands for its values in help.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Self::Vm | Self::Vms => "VM",
            Self::Path => "PATH",
            Self::Text => "TEXT",
            Self::Int | Self::Float => "NUMBER",
            Self::Bool => "BOOL",
            Self::Duration => "TIME",
            Self::Size => "SIZE",
            Self::Choice(_) => "CHOICE",
        }
    }

    /// The value that `word` means; an error says what is wanted.
    pub fn parse(&self, word: &str) -> Result<Value, String> {
        match self {
            Self::Vm | Self::Vms | Self::Path if word.is_empty() => Err("it is empty".to_owned()),
            Self::Vm | Self::Vms | Self::Path | Self::Text => Ok(Value::Text(word.to_owned())),
            Self::Int => word
                .parse()
                .map(Value::Int)
                .map_err(|_| format!("`{word}` is no integer")),
            Self::Float => match word.parse::<f64>() {
                Ok(float) if float.is_finite() => Ok(Value::Float(float)),
                _ => Err(format!("`{word}` is no number")),
            },
            Self::Bool => word
                .parse()
                .map(Value::Bool)
                .map_err(|_| format!("`{word}` is not true or false")),
            Self::Duration => duration::parse(word)
                .map(seconds)
                .map_err(|wrong| wrong.to_string()),
            Self::Size => size::parse(word).map(Value::Int).ok_or_else(|| {
                format!("`{word}` is no size; write bytes, or a number with K, M, G or T")
            }),
            Self::Choice(values) if values.iter().any(|value| value == word) => {
                Ok(Value::Text(word.to_owned()))
            }
            Self::Choice(values) => Err(format!("`{word}` is not one of {}", values.join(", "))),
        }
    }
}

fn seconds(length: std::time::Duration) -> Value {
    match i64::try_from(length.as_secs()) {
        Ok(whole) if length.subsec_nanos() == 0 => Value::Int(whole),
        _ => Value::Float(length.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Value};

    #[test]
    fn every_type_that_a_header_may_name_exists() {
        for name in Kind::NAMES {
            assert!(
                name == "choice" || Kind::from_name(name).is_some(),
                "{name}"
            );
        }
        assert_eq!(Kind::Bool.parse("true"), Ok(Value::Bool(true)));
        assert!(Kind::Float.parse("nan").is_err());
        assert!(Kind::Vm.parse("").is_err());
    }
}
