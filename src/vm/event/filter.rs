//! Which events are shown.

use std::fmt;
use std::str::FromStr;

use glob::{MatchOptions, Pattern};

/// A name of events, or a pattern of names with `*`, `?` and `[...]`. Small letters stand for capitals.
#[derive(Clone, Debug)]
pub struct Filter(Form);

#[derive(Clone, Debug)]
enum Form {
    Name(String),
    Pattern(Pattern),
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an event has a name".to_owned());
        }
        if !text.contains(['*', '?', '[']) {
            return Ok(Self::name(text));
        }
        Pattern::new(text)
            .map(|pattern| Self(Form::Pattern(pattern)))
            .map_err(|wrong| format!("it is no pattern: {}", wrong.msg))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Form::Name(name) => name,
            Form::Pattern(pattern) => pattern.as_str(),
        })
    }
}

impl Filter {
    /// The event of this very name.
    pub fn name(name: &str) -> Self {
        Self(Form::Name(name.to_owned()))
    }

    /// Whether an event called `name` passes.
    pub fn passes(&self, name: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: false,
            ..MatchOptions::default()
        };
        match &self.0 {
            Form::Name(wanted) => wanted.eq_ignore_ascii_case(name),
            Form::Pattern(pattern) => pattern.matches_with(name, options),
        }
    }
}

/// Whether events called `name` are shown; with no filter, all are.
pub fn passes(filters: &[Filter], name: &str) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.passes(name))
}

#[cfg(test)]
mod tests {
    use super::{Filter, passes};

    fn filters(texts: &[&str]) -> Vec<Filter> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn an_event_passes_where_one_of_the_filters_is_its_name_or_a_pattern_of_it() {
        for (texts, name, passed) in [
            (&[][..], "STOP", true),
            (&["STOP"], "STOP", true),
            (&["stop"], "STOP", true),
            (&["STOP"], "STOPPED", false),
            (&["RESUME", "BLOCK_*"], "BLOCK_JOB_READY", true),
            (&["RESUME", "BLOCK_*"], "JOB_STATUS_CHANGE", false),
            (&["VNC_?ONNECTED"], "VNC_CONNECTED", true),
        ] {
            assert_eq!(passes(&filters(texts), name), passed, "{texts:?} {name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "[A", "A***"] {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
    }
}
