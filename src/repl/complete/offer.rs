//! A candidate while it is still looked whether what was typed is its beginning, and how names are written in the line.

use super::files;
use crate::repl::code::is_of_name;

/// A candidate before it is known whether what was typed is its beginning.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// What is typed of it.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) shown: String,
    /// Lower ones come first.
    pub(super) rank: u8,
}

/// What was typed so far of the word at the cursor.
pub(super) struct Typed<'a> {
    pub(super) raw: &'a str,
    /// Whether it stands in a text.
    pub(super) in_text: bool,
    /// What ends the text, where it is not there yet.
    pub(super) closing: &'static str,
}

impl Offer {
    pub(super) fn word(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            key: text.clone(),
            shown: text.clone(),
            text,
            rank: 0,
        }
    }
}

impl Typed<'_> {
    /// A whole text.
    pub(super) fn text(&self, name: &str) -> Offer {
        let escaped = escaped(name);
        let (key, text) = if self.in_text {
            (escaped.clone(), format!("{escaped}{}", self.closing))
        } else {
            (format!("\"{escaped}"), format!("\"{escaped}\""))
        };
        Offer {
            key,
            text,
            shown: name.to_owned(),
            rank: 0,
        }
    }

    /// The beginning of a text.
    pub(super) fn open_text(&self, begun: &str) -> Offer {
        let escaped = escaped(begun);
        let text = if self.in_text {
            escaped
        } else {
            format!("\"{escaped}")
        };
        Offer {
            shown: begun.to_owned(),
            ..Offer::word(text)
        }
    }

    /// A key of a map with what follows it, in quotes where its name has a dash.
    pub(super) fn key(&self, name: &str) -> Offer {
        let is_plain =
            name.chars().all(is_of_name) && !name.starts_with(|c: char| c.is_ascii_digit());
        let escaped = escaped(name);
        let text = match (self.in_text, is_plain) {
            (true, _) if self.closing.is_empty() => escaped.clone(),
            (true, _) => format!("{escaped}\": "),
            (false, true) => format!("{escaped}: "),
            (false, false) => format!("\"{escaped}\": "),
        };
        Offer {
            key: escaped,
            text,
            shown: name.to_owned(),
            rank: 0,
        }
    }

    /// Words of code; none in a text.
    pub(super) fn code(&self, words: &[&str]) -> Vec<Offer> {
        let words = words.iter().filter(|_| !self.in_text);
        words.map(|word| Offer::word(*word)).collect()
    }

    /// Files, the text ended behind those that are no folder.
    pub(super) fn files(&self, entries: Vec<files::Entry>) -> Vec<Offer> {
        let entries = entries.into_iter().filter(|_| self.in_text);
        let offer = |entry: files::Entry| {
            if entry.is_folder {
                self.open_text(&entry.path)
            } else {
                self.text(&entry.path)
            }
        };
        entries.map(offer).collect()
    }
}

/// A name as it stands in a text. What else would need an escape is not offered.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What needs no quotes in a command.
pub(super) fn plain(mut offers: Vec<Offer>) -> Vec<Offer> {
    offers.retain(|offer| !offer.text.contains(['"', '\\', '\'', ' ']));
    offers
}
