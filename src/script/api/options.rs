//! The options of a script function, which it takes as a map: read in one way, so that an unknown one and a wrong value
//! are told alike everywhere. An option that is `()` is one that was left out.
//!
//! A function names each of its options once, where it reads it: `options::read("wait", &map, |given| given.length("timeout"))`.

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
    asked: Vec<&'static str>,
}

/// Has `take` read the options in `map` for `function`. Fails when there are others than it asked for.
pub(super) fn read<T>(
    function: &str,
    map: &Map,
    take: impl FnOnce(&mut Options) -> Outcome<T>,
) -> Outcome<T> {
    let mut options = Options {
        function,
        map,
        asked: Vec::new(),
    };
    let taken = take(&mut options)?;
    options.no_other()?;
    Ok(taken)
}

impl<'a> Options<'a> {
    fn no_other(&self) -> Outcome<()> {
        let is_known = |name: &str| self.asked.contains(&name);
        let Some(name) = self.map.keys().find(|name| !is_known(name)) else {
            return Ok(());
        };
        let message = format!("{}: there is no option `{name}`", self.function);
        let hint = did_you_mean(name, self.asked.iter().copied())
            .unwrap_or_else(|| format!("it takes `{}`", self.asked.join("`, `")));
        Err(error::thrown(&Report::usage(message).with_hint(hint)))
    }

    fn given(&mut self, name: &'static str) -> Option<&'a Dynamic> {
        self.asked.push(name);
        self.map.get(name).filter(|value| !value.is_unit())
    }

    /// What errors call an option.
    fn title(&self, name: &str) -> String {
        format!("{}: `{name}`", self.function)
    }

    /// The error for an option that is something else.
    pub(super) fn wrong(&self, name: &str, wanted: &str) -> Box<rhai::EvalAltResult> {
        let title = self.title(name);
        error::usage(match self.map.get(name) {
            Some(value) => format!("{title} is {wanted}, not {value:?}"),
            None => format!("{title} is {wanted}"),
        })
    }

    /// True or false; false if left out.
    pub(super) fn flag(&mut self, name: &'static str) -> Outcome<bool> {
        self.given(name).map_or(Ok(false), |value| {
            value
                .as_bool()
                .map_err(|_| self.wrong(name, "true or false"))
        })
    }

    /// A whole number in a range.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> Outcome<Option<i64>> {
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
    pub(super) fn length(&mut self, name: &'static str) -> Outcome<Option<Duration>> {
        let given = self.given(name);
        given
            .map(|value| length(value, &self.title(name)))
            .transpose()
    }

    /// Text.
    pub(super) fn text(&mut self, name: &'static str) -> Outcome<Option<String>> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        let text = value.clone().into_string();
        text.map(Some).map_err(|_| self.wrong(name, "text"))
    }

    /// Text or bytes.
    pub(super) fn bytes(&mut self, name: &'static str) -> Outcome<Option<Vec<u8>>> {
        let given = self.given(name);
        given
            .map(|value| bytes(value.clone(), &self.title(name)))
            .transpose()
    }

    /// A list of texts.
    pub(super) fn words(&mut self, name: &'static str) -> Outcome<Option<Vec<String>>> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        match value.read_lock::<Array>() {
            Some(list) => words(&self.title(name), list.clone()).map(Some),
            None => Err(self.wrong(name, "an array of texts")),
        }
    }

    /// Values by name, each as text.
    pub(super) fn named(&mut self, name: &'static str) -> Outcome<Option<Vec<(String, String)>>> {
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
    use std::time::Duration;

    use rhai::{Engine, Map};

    use super::{Options, read};
    use crate::script::api::Outcome;
    use crate::script::error::to_report;

    type Taken = (
        Option<Duration>,
        bool,
        Option<i64>,
        Option<Vec<(String, String)>>,
    );

    fn take(options: &mut Options) -> Outcome<Taken> {
        Ok((
            options.length("timeout")?,
            options.flag("check")?,
            options.number("jobs", 1..=8)?,
            options.named("env")?,
        ))
    }

    fn map(script: &str) -> Map {
        Engine::new().eval(script).unwrap()
    }

    /// What is wrong with the options, and what to do about it.
    fn wrong(script: &str) -> (String, Option<String>) {
        let error = read("f", &map(script), take).unwrap_err();
        let report = to_report(&error);
        (report.message, report.hint)
    }

    #[test]
    fn options_are_read_and_those_that_are_nothing_were_left_out() {
        let map = map("#{ timeout: \"2s\", check: (), jobs: 3, env: #{ A: 1 } }");
        let (timeout, check, jobs, env) = read("f", &map, take).unwrap();
        assert_eq!(timeout, Some(Duration::from_secs(2)));
        assert!(!check);
        assert_eq!(jobs, Some(3));
        assert_eq!(env.unwrap(), [("A".to_owned(), "1".to_owned())]);
        let words = read("f", &Map::new(), |options| options.words("keys"));
        assert!(words.unwrap().is_none());
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
