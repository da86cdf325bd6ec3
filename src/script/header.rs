//! A script's header: what it says about itself before it runs. The `//!` lines at its top: a sentence on what it does,
//! maybe more text, then TOML with `[args]` and `[allow]`. This file reads and checks that, with the line of what is
//! wrong; `argument.rs` turns it into a command line, `permit.rs` holds what is allowed.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::argument::{Argument, Kind, Value};
use super::permit::Permit;
use crate::nearest::did_you_mean;
use crate::report::Report;

/// What a script says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// The first line: what the script does.
    pub summary: String,
    /// The text after it.
    pub about: String,
    /// The declared arguments in their order; none if there is no `[args]`, and the script takes any words.
    pub arguments: Option<Vec<Argument>>,
    /// What of the host it may touch; `{name}` stands for an argument's value.
    pub allow: Permit,
}

/// What is wrong in a header, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// The line in the script, from 1.
    pub line: usize,
    /// What is wrong there.
    pub report: Report,
}

/// The `//!` lines of a script, cut into text and TOML.
struct Comment {
    text: Vec<String>,
    toml: String,
    /// The line in the script where the TOML begins.
    first_line: usize,
}

impl Header {
    /// Reads the header at the top of `script`. A script without one has an empty header.
    pub fn read(script: &str) -> Result<Self, Invalid> {
        let comment = Comment::of(script);
        let mut text = comment.text.iter();
        let summary = text
            .next()
            .map(|line| line.trim().to_owned())
            .unwrap_or_default();
        let rest: Vec<&str> = text.map(|line| line.trim_end()).collect();
        let about = rest.join("\n").trim().to_owned();
        let mut header = Self {
            summary,
            about,
            ..Self::default()
        };
        let table = DeTable::parse(&comment.toml).map_err(|wrong| {
            comment.invalid(wrong.span().map_or(0, |span| span.start), wrong.message())
        })?;
        for (key, value) in in_order(table.get_ref()) {
            match key.get_ref().as_ref() {
                "args" => header.arguments = Some(comment.arguments(value)?),
                "allow" => header.allow = comment.allow(value)?,
                other => {
                    return Err(comment.unknown(
                        key.span().start,
                        "the header",
                        other,
                        &["args", "allow"],
                    ));
                }
            }
        }
        comment.check_placeholders(&header)?;
        Ok(header)
    }

    /// What the script may touch when it is run with `values`.
    pub fn permit(&self, values: &BTreeMap<String, Vec<Value>>) -> Permit {
        let fill = |entries: &Vec<String>| {
            entries
                .iter()
                .flat_map(|entry| filled(entry, values))
                .collect::<Vec<_>>()
        };
        Permit {
            read: fill(&self.allow.read),
            write: fill(&self.allow.write),
            run: fill(&self.allow.run),
            env: fill(&self.allow.env),
        }
    }
}

impl Comment {
    fn of(script: &str) -> Self {
        let mut comment = Self {
            text: Vec::new(),
            toml: String::new(),
            first_line: 1,
        };
        let mut in_toml = false;
        for (index, line) in script.lines().enumerate() {
            let Some(line) = line.trim_start().strip_prefix("//!") else {
                let before = comment.text.is_empty() && !in_toml;
                if before
                    && (line.trim().is_empty() || line.starts_with("#!") || is_plain_comment(line))
                {
                    continue;
                }
                break;
            };
            let line = line.strip_prefix(' ').unwrap_or(line);
            if !in_toml && line.starts_with('[') {
                in_toml = true;
                comment.first_line = index + 1;
            }
            if in_toml {
                comment.toml.push_str(line);
                comment.toml.push('\n');
            } else {
                comment.text.push(line.to_owned());
            }
        }
        comment
    }

    fn invalid(&self, at: usize, message: impl Into<String>) -> Invalid {
        let before = self.toml.get(..at).unwrap_or(&self.toml);
        let line = self.first_line + before.matches('\n').count();
        Invalid {
            line,
            report: Report::usage(format!("the header is wrong: {}", message.into())),
        }
    }

    fn unknown(&self, at: usize, place: &str, key: &str, known: &[&str]) -> Invalid {
        let mut invalid = self.invalid(at, format!("there is no key `{key}` in {place}"));
        let hint = did_you_mean(key, known.iter().copied())
            .unwrap_or_else(|| format!("the keys are {}", known.join(", ")));
        invalid.report.hint = Some(hint.into());
        invalid
    }

    fn table<'a>(
        &self,
        value: &'a Spanned<DeValue<'a>>,
        what: &str,
    ) -> Result<&'a DeTable<'a>, Invalid> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.invalid(value.span().start, format!("{what} is a table")))
    }

    fn allow(&self, value: &Spanned<DeValue>) -> Result<Permit, Invalid> {
        let mut permit = Permit::default();
        for (key, value) in in_order(self.table(value, "`[allow]`")?) {
            let list = match key.get_ref().as_ref() {
                "read" => &mut permit.read,
                "write" => &mut permit.write,
                "run" => &mut permit.run,
                "env" => &mut permit.env,
                other => {
                    let known = ["read", "write", "run", "env"];
                    return Err(self.unknown(key.span().start, "`[allow]`", other, &known));
                }
            };
            *list = self.texts(value, key.get_ref())?;
        }
        Ok(permit)
    }

    fn texts(&self, value: &Spanned<DeValue>, key: &str) -> Result<Vec<String>, Invalid> {
        let wrong = || self.invalid(value.span().start, format!("`{key}` is a list of texts"));
        let items = value.get_ref().as_array().ok_or_else(wrong)?;
        items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(wrong))
            .collect()
    }

    fn arguments(&self, value: &Spanned<DeValue>) -> Result<Vec<Argument>, Invalid> {
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
        const KEYS: [&str; 7] = [
            "type", "help", "flag", "many", "default", "required", "values",
        ];
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
                    return Err(self.unknown(key.span().start, &format!("`{name}`"), other, &KEYS));
                }
            }
        }
        let (type_name, type_at) = type_name.unwrap_or_else(|| ("string".to_owned(), at));
        argument.kind = self.kind(&type_name, type_at, values)?;
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
            invalid.report.hint = Some(hint.into());
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

    /// A `{name}` in `[allow]` that names no argument would silently allow nothing.
    fn check_placeholders(&self, header: &Header) -> Result<(), Invalid> {
        let names: Vec<&str> = header
            .arguments
            .iter()
            .flatten()
            .map(|argument| argument.name.as_str())
            .collect();
        let allow = &header.allow;
        for entry in allow
            .read
            .iter()
            .chain(&allow.write)
            .chain(&allow.run)
            .chain(&allow.env)
        {
            for (_, name) in placeholders(entry) {
                if !names.contains(&name) {
                    let at = self.toml.find(entry.as_str()).unwrap_or(0);
                    let mut invalid = self.invalid(
                        at,
                        format!("`{entry}` names no argument: there is no `{name}`"),
                    );
                    invalid.report.hint = did_you_mean(name, names.iter().copied()).map(Into::into);
                    return Err(invalid);
                }
            }
        }
        Ok(())
    }
}

fn is_plain_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_')
}

/// The members in the order of the text, which is the order of positional arguments.
fn in_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(
    &'a Spanned<std::borrow::Cow<'a, str>>,
    &'a Spanned<DeValue<'a>>,
)> {
    let mut members: Vec<_> = table.iter().collect();
    members.sort_by_key(|(key, _)| key.span().start);
    members
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

/// The `{name}`s of an entry, with where they are.
fn placeholders(entry: &str) -> Vec<(std::ops::Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = entry[from..].find('{').map(|at| from + at) {
        let Some(end) = entry[start..].find('}').map(|at| start + at) else {
            break;
        };
        found.push((start..end + 1, &entry[start + 1..end]));
        from = end + 1;
    }
    found
}

/// The entry with its placeholders filled, once for each value of an argument; an absent or empty one allows nothing.
fn filled(entry: &str, values: &BTreeMap<String, Vec<Value>>) -> Vec<String> {
    let Some((range, name)) = placeholders(entry).into_iter().next_back() else {
        return vec![entry.to_owned()];
    };
    let texts = values
        .get(name)
        .into_iter()
        .flatten()
        .map(Value::word)
        .filter(|text| !text.is_empty());
    // From the back, so that what a value holds is never taken for a placeholder of the entry.
    texts
        .flat_map(|text| {
            let (before, after) = (&entry[..range.start], &entry[range.end..]);
            filled(before, values)
                .into_iter()
                .map(move |before| format!("{before}{text}{after}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Header, Invalid};
    use crate::script::argument::{Kind, Value};

    const SNAPSHOT: &str = r#"#!/usr/bin/env -S qmpsh run

//! Freeze the guest, snapshot every writable disk, thaw.
//!
//! The overlays stay.
//!
//! [args]
//! vm   = { type = "vm", help = "the VM to snapshot" }
//! dir  = { type = "path", flag = true, help = "where the overlays go" }
//! mode = { type = "choice", values = ["a", "b"], default = "a", flag = true }
//! disks = { many = true, required = false }
//! [allow]
//! write = ["{dir}", "/var/{vm}/{dir}"]
//! env = ["HOME"]

let x = 1;
"#;

    fn wrong(header: &str) -> Invalid {
        Header::read(header).unwrap_err()
    }

    #[test]
    fn a_header_says_what_the_script_does_takes_and_touches() {
        let header = Header::read(SNAPSHOT).unwrap();
        assert_eq!(
            header.summary,
            "Freeze the guest, snapshot every writable disk, thaw."
        );
        assert_eq!(header.about, "The overlays stay.");
        let arguments = header.arguments.unwrap();
        let names: Vec<&str> = arguments
            .iter()
            .map(|argument| argument.name.as_str())
            .collect();
        assert_eq!(names, ["vm", "dir", "mode", "disks"]);
        assert_eq!(arguments[0].kind, Kind::Vm);
        assert!(arguments[0].required && !arguments[1].required && !arguments[3].required);
        assert!(arguments[1].flag && arguments[3].many);
        assert_eq!(arguments[2].default, ["a"]);
        assert_eq!(header.allow.env, ["HOME"]);
    }

    #[test]
    fn a_script_without_a_header_takes_any_words_and_touches_nothing() {
        for script in [
            "",
            "let x = 1;",
            "// not a header\nlet x = 1;",
            "let x = 1;\n//! too late\n//! [args]",
        ] {
            assert_eq!(Header::read(script).unwrap(), Header::default(), "{script}");
        }
        let header = Header::read("//! Does it.\n1").unwrap();
        assert_eq!(
            (header.summary.as_str(), header.arguments),
            ("Does it.", None)
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_nearest_key() {
        for (header, line, message, hint) in [
            (
                "//! X.\n//! [argz]\n",
                2,
                "there is no key `argz` in the header",
                "did you mean `args`?",
            ),
            (
                "//! X.\n//!\n//! [args]\n//! a = { tpye = \"int\" }",
                4,
                "there is no key `tpye` in `a`",
                "did you mean `type`?",
            ),
            (
                "//! [args]\n//! a = {}\n//! b = { type = \"in\" }",
                3,
                "there is no type `in`",
                "did you mean `int`?",
            ),
            (
                "//! [allow]\n//! wirte = []",
                2,
                "there is no key `wirte` in `[allow]`",
                "did you mean `write`?",
            ),
            (
                "//! [args]\n//! dir = {}\n//! [allow]\n//! write = [\"{dri}\"]",
                4,
                "`{dri}` names no argument: there is no `dri`",
                "did you mean `dir`?",
            ),
        ] {
            let invalid = wrong(header);
            assert_eq!(
                (invalid.line, invalid.report.message),
                (line, format!("the header is wrong: {message}"))
            );
            assert_eq!(invalid.report.hint.as_deref(), Some(hint), "{header}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_refused_with_their_line() {
        for (header, line) in [
            ("//! [args\n", 1),
            ("//! X.\n//! [args]\n//! a = 5", 3),
            ("//! [args]\n//! a = { type = 5 }", 2),
            ("//! [args]\n//! a = { flag = \"yes\" }", 2),
            ("//! [args]\n//! a = { type = \"choice\" }", 2),
            ("//! [args]\n//! a = { values = [\"x\"] }", 2),
            ("//! [args]\n//! a = { type = \"int\", default = \"x\" }", 2),
            (
                "//! [args]\n//! a = { type = \"choice\", values = [\"x\"], default = \"y\" }",
                2,
            ),
            (
                "//! [args]\n//! a = { default = \"x\", required = true }",
                2,
            ),
            ("//! [args]\n//! a = { many = true }\n//! b = {}", 3),
            ("//! [args]\n//! a = { required = false }\n//! b = {}", 3),
            ("//! [args]\n//! help = {}", 2),
            ("//! [args]\n//! Ab = {}", 2),
            ("//! [allow]\n//! read = \"/\"", 2),
            ("//! [allow]\n//! read = [5]", 2),
        ] {
            assert_eq!(wrong(header).line, line, "{header}");
        }
    }

    #[test]
    fn placeholders_are_filled_with_every_value_and_nothing_else() {
        let header = Header::read(SNAPSHOT).unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let values = BTreeMap::from([
            ("vm".to_owned(), vec![text("{dir}")]),
            ("dir".to_owned(), vec![text("/a"), text("/b")]),
        ]);
        assert_eq!(
            header.permit(&values).write,
            ["/a", "/b", "/var/{dir}//a", "/var/{dir}//b"]
        );
        let values = BTreeMap::from([
            ("vm".to_owned(), vec![text("x")]),
            ("dir".to_owned(), vec![text("")]),
        ]);
        assert!(header.permit(&values).write.is_empty());
        assert!(header.permit(&BTreeMap::new()).write.is_empty());
    }
}
