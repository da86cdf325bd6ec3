//! The `//!` lines at a script's top, cut into text and TOML, and how what is wrong in them is told with its line.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Invalid;
use crate::nearest::did_you_mean;
use crate::report::Report;

/// The `//!` lines of a script, cut into text and TOML.
pub(super) struct Comment {
    pub(super) text: Vec<String>,
    pub(super) toml: String,
    /// The line in the script where the TOML begins.
    first_line: usize,
}

impl Comment {
    pub(super) fn of(script: &str) -> Self {
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

    /// The line in the script of a place in the TOML.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.toml.get(..at).unwrap_or(&self.toml);
        self.first_line + before.matches('\n').count()
    }

    pub(super) fn invalid(&self, at: usize, message: impl Into<String>) -> Invalid {
        Invalid {
            line: self.line(at),
            report: Report::usage(format!("the header is wrong: {}", message.into())),
        }
    }

    pub(super) fn unknown(&self, at: usize, place: &str, key: &str, known: &[&str]) -> Invalid {
        let mut invalid = self.invalid(at, format!("there is no key `{key}` in {place}"));
        let hint = did_you_mean(key, known.iter().copied())
            .unwrap_or_else(|| format!("the keys are {}", known.join(", ")));
        invalid.report.hint = Some(hint);
        invalid
    }

    pub(super) fn table<'a>(
        &self,
        value: &'a Spanned<DeValue<'a>>,
        what: &str,
    ) -> Result<&'a DeTable<'a>, Invalid> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.invalid(value.span().start, format!("{what} is a table")))
    }

    pub(super) fn texts(
        &self,
        value: &Spanned<DeValue>,
        key: &str,
    ) -> Result<Vec<String>, Invalid> {
        let wrong = || self.invalid(value.span().start, format!("`{key}` is a list of texts"));
        let items = value.get_ref().as_array().ok_or_else(wrong)?;
        items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(wrong))
            .collect()
    }
}

fn is_plain_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The members in the order of the text, which is the order of positional arguments.
pub(super) fn in_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
    let mut members: Vec<_> = table.iter().collect();
    members.sort_by_key(|(key, _)| key.span().start);
    members
}
