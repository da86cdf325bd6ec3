//! Which events are shown.

use std::fmt;
use std::str::FromStr;

use glob::{MatchOptions, Pattern};

use crate::nearest::did_you_mean;

/// A name of events, which may hold `*`, `?` and `[...]`. Small letters stand for capitals.
#[derive(Clone, Debug)]
pub struct Filter(Pattern);

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an event has a name".to_owned());
        }
        Pattern::new(text)
            .map(Self)
            .map_err(|wrong| format!("it is no pattern: {}", wrong.msg))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Filter {
    fn passes(&self, name: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: false,
            ..MatchOptions::default()
        };
        self.0.matches_with(name, options)
    }
}

/// The filters that none of `names` passes, with the name that may be meant.
pub fn idle<'a>(filters: &'a [Filter], names: &[&str]) -> Vec<(&'a str, Option<String>)> {
    filters
        .iter()
        .filter(|filter| !names.iter().any(|name| filter.passes(name)))
        .map(|filter| filter.0.as_str())
        .map(|text| (text, did_you_mean(text, names.iter().copied())))
        .collect()
}

/// Whether events called `name` are shown; with no filter, all are.
pub fn passes(filters: &[Filter], name: &str) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.passes(name))
}

#[cfg(test)]
mod tests {
    use super::{Filter, idle, passes};

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
    fn a_filter_that_no_event_passes_is_told_with_the_nearest_event() {
        let names = ["STOP", "RESUME", "BLOCK_JOB_READY"];
        let filters = filters(&["stop", "RESUM", "BLOCK_*", "X*"]);
        assert_eq!(
            idle(&filters, &names),
            [
                ("RESUM", Some("did you mean `RESUME`?".to_owned())),
                ("X*", None)
            ]
        );
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "[A", "A***"] {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
    }
}
