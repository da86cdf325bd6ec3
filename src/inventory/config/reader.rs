//! Values of one configuration file, each of its type, and where in the text one is wrong.

use std::borrow::Cow;
use std::env;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::source::{Said, Source};
use crate::nearest::did_you_mean;
use crate::wire::escape::{escaped, is_unsafe};

/// A member of a table.
pub(super) type Member<'a> = (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>);

/// The members in the order of the text, so that the first mistake is the first one told.
pub(super) fn in_order<'a>(table: &'a DeTable<'a>) -> Vec<Member<'a>> {
    let mut members: Vec<_> = table.iter().collect();
    members.sort_by_key(|(key, _)| key.span().start);
    members
}

/// Reads values of one file, and says where one is wrong.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Arc<Source>,
}

impl Reader<'_> {
    pub(super) fn wrong(&self, span: Range<usize>, what: impl AsRef<str>) -> ConfigError {
        ConfigError {
            path: self.source.path.clone(),
            what: format!("is wrong: {}", what.as_ref()),
            hint: None,
            place: Some((Arc::clone(self.source), span)),
        }
    }

    pub(super) fn said<T>(&self, value: T, span: Range<usize>) -> Said<T> {
        Said {
            value,
            source: Arc::clone(self.source),
            span,
        }
    }

    pub(super) fn unknown(
        &self,
        key: &Spanned<Cow<'_, str>>,
        place: &str,
        known: &[&str],
    ) -> ConfigError {
        let name = key.get_ref();
        let hint = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("the keys are {}", known.join(", ")));
        ConfigError {
            hint: Some(hint),
            ..self.wrong(
                key.span(),
                format!("there is no key `{}` in {place}", escaped(name)),
            )
        }
    }

    pub(super) fn table<'v>(
        &self,
        value: &'v Spanned<DeValue<'v>>,
        what: &str,
        form: &str,
    ) -> Result<&'v DeTable<'v>, ConfigError> {
        value.get_ref().as_table().ok_or_else(|| {
            let kind = value.get_ref().type_str();
            self.wrong(
                value.span(),
                format!("{what} is a table, as in {form}, and not {}", a(kind)),
            )
        })
    }

    /// A text with something in it, and without what a terminal would act on.
    pub(super) fn text(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Said<String>, ConfigError> {
        self.text_of(&format!("`{key}`"), value)
    }

    /// The same of what is called `name` in an error.
    pub(super) fn text_of(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Said<String>, ConfigError> {
        let wrong = |what: &str| self.wrong(value.span(), format!("{name} {what}"));
        let text = value.get_ref().as_str().ok_or_else(|| {
            wrong(&format!(
                "is a text, and not {}",
                a(value.get_ref().type_str())
            ))
        })?;
        if text.trim().is_empty() {
            return Err(wrong("is empty"));
        }
        if text.contains(is_unsafe) {
            return Err(wrong("holds a control character"));
        }
        Ok(self.said(text.to_owned(), value.span()))
    }

    /// A path of this host: `~/` is the user's home, a relative one begins in the file's folder.
    pub(super) fn path(&self, said: &Said<String>) -> Result<PathBuf, ConfigError> {
        let Some(rest) = said.value.strip_prefix("~/") else {
            return Ok(self.source.folder.join(&said.value));
        };
        let home = env::var_os("HOME").map(PathBuf::from);
        match home.filter(|home| home.is_absolute()) {
            Some(home) => Ok(home.join(rest)),
            None => Err(self.wrong(said.span.clone(), "`~` is not known here: HOME is not set")),
        }
    }
}

/// What was given to a `[[discover]]`: its keys are known ones.
pub(super) struct Given<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) members: &'a [Member<'a>],
    pub(super) whole: Range<usize>,
}

impl Given<'_> {
    /// A text, if it was given.
    pub(super) fn text(&self, key: &str) -> Result<Option<Said<String>>, ConfigError> {
        let member = self.members.iter().find(|(name, _)| name.get_ref() == key);
        member
            .map(|(_, value)| self.reader.text(key, value))
            .transpose()
    }

    /// A folder, or the usual one.
    pub(super) fn folder(&self, key: &str, usual: &str) -> Result<PathBuf, ConfigError> {
        match self.text(key)? {
            Some(said) => self.reader.path(&said),
            None => Ok(Path::new(usual).to_owned()),
        }
    }

    /// A path with marks in it.
    pub(super) fn path(&self, key: &str) -> Result<Option<Said<String>>, ConfigError> {
        let Some(said) = self.text(key)? else {
            return Ok(None);
        };
        let path = self.reader.path(&said)?.to_string_lossy().into_owned();
        Ok(Some(self.reader.said(path, said.span)))
    }

    /// That something is missing in the table.
    pub(super) fn missing(&self, what: &str) -> ConfigError {
        self.reader.wrong(self.whole.clone(), what)
    }

    /// That a value cannot be.
    pub(super) fn wrong<T>(&self, said: &Said<T>, what: &str) -> ConfigError {
        self.reader.wrong(said.span.clone(), what)
    }
}

/// A kind of value with its article.
pub(super) fn a(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
