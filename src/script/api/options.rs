//! The options of a script function, which it takes as a map: read in one way, so that an unknown one and a wrong value
//! are told alike everywhere. An option that is `()` is one that was left out.

use std::ops::RangeInclusive;
use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use super::Outcome;
use super::agent::words;
use super::files::bytes;
use super::time::length;
use crate::nearest::did_you_mean;
use crate::report::Report;
use crate::script::error;

/// The options of one call.
pub(super) struct Options<'a> {
    function: &'a str,
    map: &'a Map,
}

impl<'a> Options<'a> {
    /// The options in `map` for `function`, which takes those that are `known`. Fails when there are others.
    pub(super) fn read(function: &'a str, map: &'a Map, known: &[&str]) -> Outcome<Self> {
        let is_known = |name: &str| known.contains(&name);
        if let Some(name) = map.keys().find(|name| !is_known(name)) {
            let message = format!("{function}: there is no option `{name}`");
            let hint = did_you_mean(name, known.iter().copied())
                .unwrap_or_else(|| format!("it takes `{}`", known.join("`, `")));
            return Err(error::thrown(&Report::usage(message).with_hint(hint)));
        }
        Ok(Self { function, map })
    }

    fn given(&self, name: &str) -> Option<&'a Dynamic> {
        self.map.get(name).filter(|value| !value.is_unit())
    }

    /// What errors call an option.
    fn title(&self, name: &str) -> String {
        format!("{}: `{name}`", self.function)
    }

    /// The error for an option that is something else.
    pub(super) fn wrong(&self, name: &str, wanted: &str) -> Box<rhai::EvalAltResult> {
        let title = self.title(name);
        error::usage(match self.given(name) {
            Some(value) => format!("{title} is {wanted}, not {value:?}"),
            None => format!("{title} is {wanted}"),
        })
    }

    /// True or false; false if left out.
    pub(super) fn flag(&self, name: &str) -> Outcome<bool> {
        self.given(name).map_or(Ok(false), |value| {
            value
                .as_bool()
                .map_err(|_| self.wrong(name, "true or false"))
        })
    }

    /// A whole number in a range.
    pub(super) fn number(&self, name: &str, range: RangeInclusive<i64>) -> Outcome<Option<i64>> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        let number = value.as_int().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            let first = range.start();
            self.wrong(
                name,
                &match *range.end() {
                    i64::MAX => format!("a number from {first} up"),
                    last => format!("a number from {first} to {last}"),
                },
            )
        })
    }

    /// A length of time.
    pub(super) fn length(&self, name: &str) -> Outcome<Option<Duration>> {
        let given = self.given(name);
        given
            .map(|value| length(value, &self.title(name)))
            .transpose()
    }

    /// Text or bytes.
    pub(super) fn bytes(&self, name: &str) -> Outcome<Option<Vec<u8>>> {
        let given = self.given(name);
        given
            .map(|value| bytes(value.clone(), &self.title(name)))
            .transpose()
    }

    /// A list of texts.
    pub(super) fn words(&self, name: &str) -> Outcome<Option<Vec<String>>> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        match value.read_lock::<Array>() {
            Some(list) => words(&self.title(name), list.clone()).map(Some),
            None => Err(self.wrong(name, "an array of texts")),
        }
    }

    /// Values by name, each as text.
    pub(super) fn named(&self, name: &str) -> Outcome<Option<Vec<(String, String)>>> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        let Some(map) = value.read_lock::<Map>() else {
            // What was given is not shown: variables hold passwords.
            let title = self.title(name);
            return Err(error::usage(format!(
                "{title} is a map, as in `#{{ PATH: \"/bin\" }}`, not a value of type {}",
                value.type_name()
            )));
        };
        let named = map
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        Ok(Some(named.collect()))
    }
}

#[cfg(test)]
mod tests {
    use rhai::{Engine, Map};

    use super::Options;
    use crate::script::error::to_report;

    const KNOWN: [&str; 4] = ["timeout", "check", "jobs", "env"];

    fn map(script: &str) -> Map {
        Engine::new().eval(script).unwrap()
    }

    /// What is wrong with the options, and what to do about it.
    fn wrong(script: &str) -> (String, Option<String>) {
        let map = map(script);
        let read = || {
            let options = Options::read("f", &map, &KNOWN)?;
            options.length("timeout")?;
            options.flag("check")?;
            options.number("jobs", 1..=8)?;
            options.named("env")
        };
        let report = to_report(&read().unwrap_err());
        (report.message, report.hint)
    }

    #[test]
    fn options_are_read_and_those_that_are_nothing_were_left_out() {
        let map = map("#{ timeout: \"2s\", check: (), jobs: 3, env: #{ A: 1 } }");
        let options = Options::read("f", &map, &KNOWN).unwrap();
        assert_eq!(options.length("timeout").unwrap().unwrap().as_secs(), 2);
        assert!(!options.flag("check").unwrap());
        assert_eq!(options.number("jobs", 1..=8).unwrap(), Some(3));
        assert_eq!(
            options.named("env").unwrap().unwrap(),
            [("A".to_owned(), "1".to_owned())]
        );
        assert!(options.words("nothing").unwrap().is_none());
    }

    #[test]
    fn an_unknown_option_is_told_with_the_nearest_or_with_all() {
        let (message, hint) = wrong("#{ tiemout: 1 }");
        assert_eq!(message, "f: there is no option `tiemout`");
        assert_eq!(hint.as_deref(), Some("did you mean `timeout`?"));
        let (_, hint) = wrong("#{ x: () }");
        assert_eq!(
            hint.as_deref(),
            Some("it takes `timeout`, `check`, `jobs`, `env`")
        );
    }

    #[test]
    fn a_wrong_value_is_told_with_what_is_wanted() {
        for (script, message) in [
            (
                "#{ check: \"yes\" }",
                "f: `check` is true or false, not \"yes\"",
            ),
            ("#{ jobs: 0 }", "f: `jobs` is a number from 1 to 8, not 0"),
            (
                "#{ env: 1 }",
                "f: `env` is a map, as in `#{ PATH: \"/bin\" }`, not a value of type i64",
            ),
            (
                "#{ env: [\"TOKEN=abc\"] }",
                "f: `env` is a map, as in `#{ PATH: \"/bin\" }`, not a value of type array",
            ),
        ] {
            assert_eq!(wrong(script).0, message);
        }
        assert!(
            wrong("#{ timeout: \"x\" }")
                .0
                .starts_with("f: `timeout`: `x` is no length")
        );
    }
}
