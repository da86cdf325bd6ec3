//! What a user can set for a session, with `:set` or in the file that is read at the start.

use crate::nearest::did_you_mean;
use crate::report::Report;

/// What is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that somebody sets by its name"
)]
pub struct Preferences {
    /// The keys of the editor.
    pub keys: Keys,
    /// Whether what is shown is coloured.
    pub color: bool,
    /// How many lines of a value are shown.
    pub lines: Lines,
    /// Whether a pager shows what is longer than the screen.
    pub pager: bool,
    /// Whether the history suggests how a line goes on.
    pub hints: bool,
    /// Whether a destructive command is asked about.
    pub confirm: bool,
}

/// Whose keys the editor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Emacs's, as most shells have them.
    Emacs,
    /// Vi's.
    Vi,
}

/// How many lines of a value are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// All where a pager shows them, else some.
    Auto,
    /// So many.
    Some(usize),
    /// All.
    All,
}

/// Names with what they mean, for people.
const NAMES: [(&str, &str); 6] = [
    ("mode", "the editor's keys: emacs or vi"),
    ("color", "whether values are coloured: on or off"),
    (
        "lines",
        "how many lines of a value are shown: a number, all, or auto, which is all in a pager and else 200",
    ),
    (
        "pager",
        "whether a pager shows what is longer than the screen: on or off",
    ),
    (
        "hints",
        "whether the history suggests how a line goes on: on or off",
    ),
    (
        "confirm",
        "whether a destructive command is asked about first: on or off",
    ),
];

impl Preferences {
    /// What holds where nothing is set.
    pub fn new(color: bool) -> Self {
        Self {
            keys: Keys::Emacs,
            color,
            lines: Lines::Auto,
            pager: true,
            hints: true,
            confirm: true,
        }
    }

    /// Name, value and meaning of each, for people.
    pub fn list(&self) -> Vec<(&'static str, String, &'static str)> {
        NAMES
            .iter()
            .map(|(name, meaning)| (*name, self.shown(name), *meaning))
            .collect()
    }

    fn shown(&self, name: &str) -> String {
        match (name, self.keys) {
            ("mode", Keys::Emacs) => "emacs".to_owned(),
            ("mode", Keys::Vi) => "vi".to_owned(),
            ("color", _) => on_or_off(self.color),
            ("hints", _) => on_or_off(self.hints),
            ("confirm", _) => on_or_off(self.confirm),
            ("pager", _) => on_or_off(self.pager),
            _ => match self.lines {
                Lines::Auto => "auto".to_owned(),
                Lines::All => "all".to_owned(),
                Lines::Some(lines) => lines.to_string(),
            },
        }
    }

    /// Sets one, as in `mode vi`. Fails on a name or a value that there is not.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Report> {
        match (name, value) {
            ("mode", "emacs") => self.keys = Keys::Emacs,
            ("mode", "vi") => self.keys = Keys::Vi,
            ("color", "on") => self.color = true,
            ("color", "off") => self.color = false,
            ("hints", "on") => self.hints = true,
            ("hints", "off") => self.hints = false,
            ("confirm", "on") => self.confirm = true,
            ("confirm", "off") => self.confirm = false,
            ("pager", "on") => self.pager = true,
            ("pager", "off") => self.pager = false,
            ("lines", "all") => self.lines = Lines::All,
            ("lines", "auto") => self.lines = Lines::Auto,
            ("lines", number) if number.parse::<usize>().is_ok_and(|number| number > 0) => {
                self.lines = number.parse().map_or(Lines::Auto, Lines::Some);
            }
            _ => return Err(wrong(name, value)),
        }
        Ok(())
    }

    /// The names, for completion.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

fn on_or_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn wrong(name: &str, value: &str) -> Report {
    if let Some((_, meaning)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Report::usage(format!("`{name}` cannot be `{value}`")).with_hint(*meaning);
    }
    let names: Vec<&str> = Preferences::names().collect();
    let hint = did_you_mean(name, names.iter().copied())
        .unwrap_or_else(|| format!("there are {}", names.join(", ")));
    Report::usage(format!("there is no setting `{name}`")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::{Keys, Lines, Preferences};

    #[test]
    fn each_preference_can_be_set_and_a_wrong_one_says_what_there_is() {
        let mut set = Preferences::new(false);
        for (name, value) in [
            ("mode", "vi"),
            ("color", "on"),
            ("lines", "all"),
            ("hints", "off"),
            ("confirm", "off"),
            ("pager", "off"),
        ] {
            set.set(name, value).unwrap();
        }
        let expected = Preferences {
            keys: Keys::Vi,
            color: true,
            lines: Lines::All,
            pager: false,
            hints: false,
            confirm: false,
        };
        assert_eq!(set, expected);
        for (name, value, hint) in [
            ("mode", "nano", "the editor's keys: emacs or vi"),
            ("moed", "vi", "did you mean `mode`?"),
            (
                "lines",
                "0",
                "how many lines of a value are shown: a number, all, or auto, which is all in a pager and else 200",
            ),
            (
                "zzzzz",
                "",
                "there are mode, color, lines, pager, hints, confirm",
            ),
        ] {
            let report = set.set(name, value).unwrap_err();
            assert_eq!(report.hint.as_deref(), Some(hint));
        }
        assert_eq!(set, expected);
    }
}
