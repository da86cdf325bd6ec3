//! A run's value as it is printed.

use std::borrow::Cow;

use rhai::{Dynamic, ImmutableString};
use serde_json::Value;

use super::convert::to_json;
use crate::report::{Kind, Report};
use crate::wire::escape::escaped_json;

/// A value as text: a text bare unless JSON is wanted, no value as nothing, all else as JSON, `spread` over lines or in one.
pub fn text(value: &Dynamic, json: bool, spread: bool) -> Result<Option<String>, Report> {
    if !json {
        if value.is_unit() {
            return Ok(None);
        }
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return Ok(Some(text.to_string()));
        }
    }
    let value = to_json(value).map_err(|unfit| {
        Report::new(Kind::Script, unfit.message(""))
            .with_hint("print the parts of it that you need")
    })?;
    Ok(Some(self::json(&value, spread)))
}

/// JSON as it is printed, `spread` over lines or in one. It is the same for a terminal, on which nothing in it acts.
pub fn json(value: &Value, spread: bool) -> String {
    let text = if spread && matches!(value, Value::Array(_) | Value::Object(_)) {
        format!("{value:#}")
    } else {
        value.to_string()
    };
    match escaped_json(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine};

    use super::text;

    #[test]
    fn text_is_bare_and_all_else_is_json() {
        for (script, bare, json) in [
            ("\"a\\nb\"", Some("a\nb"), "\"a\\nb\""),
            ("[1, \"a\"]", Some("[1,\"a\"]"), "[1,\"a\"]"),
            ("()", None, "null"),
            ("true", Some("true"), "true"),
        ] {
            let value: Dynamic = Engine::new().eval(script).unwrap();
            assert_eq!(
                text(&value, false, false).unwrap().as_deref(),
                bare,
                "{script}"
            );
            assert_eq!(
                text(&value, true, false).unwrap().as_deref(),
                Some(json),
                "{script}"
            );
        }
        let list: Dynamic = Engine::new().eval("[1]").unwrap();
        assert_eq!(
            text(&list, false, true).unwrap().as_deref(),
            Some("[\n  1\n]")
        );
    }

    #[test]
    fn nothing_in_json_acts_on_a_terminal_and_it_stays_the_same_json() {
        let text = "a\x1b[2J\u{7f}\u{9b}2J\u{202e}ü\n";
        let printed = self::text(&text.into(), true, true).unwrap().unwrap();
        assert_eq!(printed, r#""a\u001b[2J\u007f\u009b2J\u202eü\n""#);
        assert_eq!(serde_json::from_str::<String>(&printed).unwrap(), text);
    }

    #[test]
    fn a_value_with_no_json_form_is_an_error_that_says_so() {
        let value: Dynamic = Engine::new().eval("#{f: |x| x}").unwrap();
        assert_eq!(
            text(&value, false, false).unwrap_err().message,
            "`f` is a function, which has no JSON form"
        );
    }
}
