//! `[args]` of a header: what each argument is, found to be possible.

use toml::Spanned;
use toml::de::DeValue;

use super::Invalid;
use super::comment::{Comment, in_order};
use crate::nearest::did_you_mean;
use crate::script::argument::{Argument, Kind};

impl Comment {
    pub(super) fn arguments(&self, value: &Spanned<DeValue>) -> Result<Vec<Argument>, Invalid> {
        let mut arguments: Vec<Argument> = Vec::new();
        for (key, value) in in_order(self.table(value, "`[args]`")?) {
            let at = key.span().start;
            let argument = self.argument(key.get_ref(), at, value)?;
            if !argument.flag {
                let last = arguments.iter().rev().find(|other| !other.flag);
                if let Some(last) = last.filter(|last| last.many) {
                    let message = format!(
                        "nothing can come after `{}`, which takes all words",
                        last.name
                    );
                    return Err(self.invalid(at, message));
                }
                if let Some(last) = last.filter(|last| !last.required && argument.required) {
                    let message = format!(
                        "`{}` cannot be required after `{}`, which is not",
                        argument.name, last.name
                    );
                    return Err(self.invalid(at, message));
                }
            }
            arguments.push(argument);
        }
        Ok(arguments)
    }

    fn argument(
        &self,
        name: &str,
        at: usize,
        value: &Spanned<DeValue>,
    ) -> Result<Argument, Invalid> {
        if !is_name(name) || name == "help" {
            return Err(self.invalid(at, format!("`{name}` cannot be an argument's name")));
        }
        let mut type_name = None;
        let mut values = Vec::new();
        let mut default = None;
        let mut required = None;
        let mut argument = Argument {
            name: name.to_owned(),
            kind: Kind::Text,
            help: String::new(),
            flag: false,
            many: false,
            required: false,
            default: Vec::new(),
        };
        for (key, value) in in_order(self.table(value, &format!("`{name}`"))?) {
            let key_text = key.get_ref().as_ref();
            let wrong = |what: &str| {
                self.invalid(
                    value.span().start,
                    format!("`{key_text}` of `{name}` is {what}"),
                )
            };
            let text = || {
                value
                    .get_ref()
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| wrong("a text"))
            };
            let yes = || {
                value
                    .get_ref()
                    .as_bool()
                    .ok_or_else(|| wrong("true or false"))
            };
            match key_text {
                "type" => type_name = Some((text()?, value.span().start)),
                "help" => argument.help = text()?,
                "flag" => argument.flag = yes()?,
                "many" => argument.many = yes()?,
                "required" => required = Some(yes()?),
                "values" => values = self.texts(value, key_text)?,
                "default" => default = Some(value),
                other => {
                    return Err(self.unknown(
                        key.span().start,
                        &format!("`{name}`"),
                        other,
                        &Argument::KEYS,
                    ));
                }
            }
        }
        let (type_name, type_at) = type_name.unwrap_or_else(|| ("string".to_owned(), at));
        argument.kind = self.kind(&type_name, type_at, values)?;
        argument.many |= argument.kind == Kind::Vms;
        if let Some(value) = default {
            argument.default = self.default(&argument, value)?;
        }
        let is_needed = !argument.flag && argument.default.is_empty();
        argument.required = required.unwrap_or(is_needed);
        if argument.required && !argument.default.is_empty() {
            return Err(self.invalid(
                at,
                format!("`{name}` has a default, so it cannot be required"),
            ));
        }
        Ok(argument)
    }

    fn kind(&self, name: &str, at: usize, values: Vec<String>) -> Result<Kind, Invalid> {
        if name == "choice" {
            return if values.is_empty() {
                Err(self.invalid(at, "a choice needs `values`, a list of texts"))
            } else {
                Ok(Kind::Choice(values))
            };
        }
        let Some(kind) = Kind::from_name(name) else {
            let mut invalid = self.invalid(at, format!("there is no type `{name}`"));
            let hint = did_you_mean(name, Kind::NAMES)
                .unwrap_or_else(|| format!("the types are {}", Kind::NAMES.join(", ")));
            invalid.report.hint = Some(hint);
            return Err(invalid);
        };
        if values.is_empty() {
            Ok(kind)
        } else {
            Err(self.invalid(at, "only a choice has `values`"))
        }
    }

    /// The default as the words that a user would write, found to be good.
    fn default(
        &self,
        argument: &Argument,
        value: &Spanned<DeValue>,
    ) -> Result<Vec<String>, Invalid> {
        let items = match value.get_ref().as_array() {
            Some(items) if argument.many => items.iter().collect(),
            _ => vec![value],
        };
        items
            .into_iter()
            .map(|item| {
                let word = word_of(item.get_ref()).ok_or_else(|| {
                    self.invalid(
                        item.span().start,
                        "a default is a text, a number or true or false",
                    )
                })?;
                argument.kind.parse(&word).map(|_| word).map_err(|wrong| {
                    self.invalid(
                        item.span().start,
                        format!("the default of `{}`: {wrong}", argument.name),
                    )
                })
            })
            .collect()
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_')
}

fn word_of(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(integer) => Some(integer.as_str().to_owned()),
        DeValue::Float(float) => Some(float.as_str().to_owned()),
        DeValue::Boolean(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}
