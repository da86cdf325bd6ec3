//! `KEY=VALUE` as people type it, as a tree of keys: `file.driver=file file.filename=/a` is one argument, `file`.
//!
//! This is the syntax of QEMU's own command line, one word for each of its commas: dots lead into objects, numbers into
//! lists (`keys.0=...`). Unlike there, a key that is given twice is an error, since one of the two would be lost.

use std::fmt;

use super::names::is_alike;
use crate::wire::escape::escaped;

/// How deep keys may lead; QEMU's arguments are at most 6 deep or so.
const DEEPEST: usize = 32;

/// What people wrote, by its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub(super) keys: Vec<(String, Node)>,
}

/// What is at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A value as it was typed.
    Text(String),
    /// Further keys.
    Keys(Words),
}

/// Why words are no arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidWords {
    /// A word without `=`.
    NoValue(String),
    /// A key, or a part of it between dots, is empty.
    NoKey(String),
    /// A key is given twice.
    Twice(String),
    /// A key is given, and another that leads through it.
    Both(String),
    /// A key has too many dots.
    TooDeep(String),
    /// The items of a list are not numbered from 0 on.
    Gap(String),
    /// A value that begins as JSON and is none.
    Json {
        /// The key.
        key: String,
        /// What is wrong with it, and where.
        why: String,
    },
}

impl fmt::Display for InvalidWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue(word) => write!(f, "`{}` is no `KEY=VALUE`", escaped(word)),
            Self::NoKey(word) => write!(f, "a part of the key is empty in `{}`", escaped(word)),
            Self::Twice(key) => write!(f, "`{}` is given twice", escaped(key)),
            Self::Both(key) => write!(
                f,
                "`{}` is given as a value, and with members of its own",
                escaped(key)
            ),
            Self::TooDeep(word) => write!(f, "the key is too deep in `{}`", escaped(word)),
            Self::Gap(key) => write!(
                f,
                "the items of `{}` must be numbered 0, 1, 2, ...",
                escaped(key)
            ),
            Self::Json { key, why } => {
                write!(f, "the value of `{}` is no JSON: {why}", escaped(key))
            }
        }
    }
}

impl std::error::Error for InvalidWords {}

impl Words {
    /// The tree of what was typed.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidWords> {
        let mut tree = Self::default();
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return Err(InvalidWords::NoValue(word.to_owned()));
            };
            let parts: Vec<&str> = key.split('.').collect();
            if parts.iter().any(|part| part.is_empty()) {
                return Err(InvalidWords::NoKey(word.to_owned()));
            }
            if parts.len() > DEEPEST {
                return Err(InvalidWords::TooDeep(word.to_owned()));
            }
            tree.put(&parts, value).map_err(|clash| match clash {
                Clash::Twice => InvalidWords::Twice(key.to_owned()),
                Clash::Both(depth) => InvalidWords::Both(parts[..=depth].join(".")),
            })?;
        }
        Ok(tree)
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The text at a key of the first level, however its `-` were written.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.keys.iter().find(|(own, _)| is_alike(own, key)) {
            Some((_, Node::Text(text))) => Some(text),
            _ => None,
        }
    }

    fn put(&mut self, parts: &[&str], value: &str) -> Result<(), Clash> {
        let Some((part, rest)) = parts.split_first() else {
            return Err(Clash::Twice);
        };
        let place = self.keys.iter().position(|(key, _)| key == part);
        let Some(place) = place else {
            let mut node = Node::Text(value.to_owned());
            if !rest.is_empty() {
                let mut below = Self::default();
                below.put(rest, value)?;
                node = Node::Keys(below);
            }
            self.keys.push(((*part).to_owned(), node));
            return Ok(());
        };
        let node = &mut self.keys[place].1;
        match node {
            Node::Text(_) if rest.is_empty() => Err(Clash::Twice),
            Node::Keys(below) if !rest.is_empty() => below.put(rest, value).map_err(deeper),
            _ => Err(Clash::Both(0)),
        }
    }
}

enum Clash {
    Twice,
    /// The part of the key at which it happened.
    Both(usize),
}

fn deeper(clash: Clash) -> Clash {
    match clash {
        Clash::Both(depth) => Clash::Both(depth + 1),
        Clash::Twice => Clash::Twice,
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidWords, Node, Words};

    #[test]
    fn keys_with_the_same_beginning_are_one_argument() {
        let words = Words::parse(["a.b=1", "c=x=y", "a.d="]).unwrap();
        let text = |text: &str| Node::Text(text.to_owned());
        let below = Words {
            keys: vec![("b".into(), text("1")), ("d".into(), text(""))],
        };
        assert_eq!(
            words.keys,
            [
                ("a".to_owned(), Node::Keys(below)),
                ("c".to_owned(), text("x=y"))
            ]
        );
    }

    #[test]
    fn words_that_contradict_each_other_or_say_nothing_are_refused() {
        let deep = format!("{}=1", vec!["a"; 33].join("."));
        for (words, error) in [
            (vec!["force"], InvalidWords::NoValue("force".into())),
            (vec!["=1"], InvalidWords::NoKey("=1".into())),
            (vec!["a..b=1"], InvalidWords::NoKey("a..b=1".into())),
            (vec!["a=1", "a=1"], InvalidWords::Twice("a".into())),
            (vec!["x.a.b=1", "x.a=1"], InvalidWords::Both("x.a".into())),
            (vec!["x.a=1", "x.a.b=1"], InvalidWords::Both("x.a".into())),
            (vec![&deep], InvalidWords::TooDeep(deep.clone())),
        ] {
            assert_eq!(Words::parse(words.iter().copied()), Err(error), "{words:?}");
        }
    }
}
