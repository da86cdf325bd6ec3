//! Lengths of time as people write them: `"500ms"`, `"30s"`, `"5m"`, `"1h"`, or a number of seconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest length of time that is accepted, in seconds: a year.
///
/// A longer one is a slip of the pen, and would overflow the clock's arithmetic further on.
const LONGEST: f64 = 366.0 * 24.0 * 3600.0;

/// Why a text or number is no length of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDuration(String);

impl fmt::Display for InvalidDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no length of time; write seconds (30, 0.5) or a text such as \"500ms\", \"30s\", \"5m\" or \"1h\"",
            self.0
        )
    }
}

impl std::error::Error for InvalidDuration {}

/// A number of seconds as a length of time; negative, infinite and not-a-number are refused.
pub fn from_seconds(seconds: f64) -> Result<Duration, InvalidDuration> {
    if (0.0..=LONGEST).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(InvalidDuration(seconds.to_string()))
    }
}

/// A text as a length of time: a number with the unit `ms`, `s`, `m`, `h` or `d`, or without one in seconds.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let scale = match unit.trim_start() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(invalid()),
    };
    let number = f64::from_str(number).map_err(|_| invalid())?;
    from_seconds(number * scale).map_err(|_| invalid())
}

/// A length of time for people: `850 ms`, `5 s`, `1.5 s`, `3 min`.
pub fn show(duration: Duration) -> String {
    let ms = duration.as_millis();
    let whole = |unit: u128, name: &str| {
        let tenths = (ms * 10 + unit / 2) / unit;
        if tenths % 10 == 0 {
            format!("{} {name}", tenths / 10)
        } else {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    };
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => whole(1_000, "s"),
        120_000..7_200_000 => whole(60_000, "min"),
        _ => whole(3_600_000, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_and_without_units_are_lengths_of_time() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("30", 30_000),
            ("0.5", 500),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("5 m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_text_that_was_given() {
        for text in [
            "", "s", "-1s", "1x", "1e3s", "1.2.3", "inf", "NaN", "99999d",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("`{text}` ")), "{error}");
        }
        assert!(from_seconds(f64::NAN).is_err());
        assert!(from_seconds(-0.1).is_err());
    }

    #[test]
    fn lengths_of_time_are_shown_in_the_unit_that_people_would_say() {
        for (ms, shown) in [
            (0, "0 ms"),
            (41, "41 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (1_540, "1.5 s"),
            (60_000, "60 s"),
            (180_000, "3 min"),
            (7_200_000, "2 h"),
        ] {
            assert_eq!(show(Duration::from_millis(ms)), shown);
        }
    }
}
