//! Lengths of time as scripts write them: seconds as a number, or text such as `"500ms"`.

use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, ImmutableString};

use crate::duration;
use crate::script::error;

/// The length of time that `value` means; `what` names it in the error.
pub(super) fn length(value: &Dynamic, what: &str) -> Result<Duration, Box<EvalAltResult>> {
    let parsed = if let Ok(seconds) = value.as_float() {
        duration::from_seconds(seconds)
    } else if let Some(text) = value.read_lock::<ImmutableString>() {
        duration::parse(&text)
    } else {
        // A number of seconds that a float cannot hold exactly is far beyond the longest one allowed.
        duration::parse(&value.to_string())
    };
    parsed.map_err(|invalid| error::usage(format!("{what}: {invalid}")))
}
