//! Which numbers are bytes, told by their keys: QMP has no types for units.

use crate::repl::value::Value;
use crate::vm::size::human;

/// What a number counts, as far as its key and the keys beside it tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
}

/// Words in keys of which bytes are counted: `virtual-size`, `total-bytes`, `base-memory`.
const WORDS: [&str; 4] = ["size", "bytes", "memory", "granularity"];

/// Words that say that a `size` is another one.
const NOT: [&str; 3] = ["queue", "ring", "table"];

/// Whole keys: of `query-balloon`, and of `query-named-block-nodes`.
const KEYS: [&str; 3] = ["actual", "write_threshold", "wr_highest_offset"];

/// Keys that mean bytes only beside another one: of block jobs, of bitmaps, and of a migration's memory.
const BESIDE: [(&str, &str); 6] = [
    ("len", "speed"),
    ("offset", "speed"),
    ("count", "granularity"),
    ("transferred", "remaining"),
    ("remaining", "transferred"),
    ("total", "transferred"),
];

impl Unit {
    /// The unit of what stands at `key`; `has` tells which keys are beside it.
    pub(super) fn of(key: &str, has: impl Fn(&str) -> bool) -> Option<Self> {
        let mut words = key.split(['-', '_']);
        let first = words.clone().next().unwrap_or_default();
        if first == "bps" || key == "speed" || key.ends_with("-bandwidth") {
            return Some(Self::BytesPerSecond);
        }
        let is_beside = BESIDE.iter().any(|(one, other)| *one == key && has(other));
        let is_of_bytes = words.clone().any(|word| WORDS.contains(&word))
            && !words.any(|word| NOT.contains(&word));
        (is_beside || is_of_bytes || KEYS.contains(&key)).then_some(Self::Bytes)
    }

    /// A number of it as people say it; none for what is no such number.
    pub(super) fn say(self, value: &Value) -> Option<String> {
        let Value::Number(number) = value else {
            return None;
        };
        let said = human(number.parse().ok()?);
        Some(match self {
            Self::Bytes => said,
            Self::BytesPerSecond => format!("{said}/s"),
        })
    }
}

/// Whether people would say such a number otherwise than as it is written.
pub(super) fn is_large(value: &Value) -> bool {
    matches!(value, Value::Number(number) if number.parse::<u64>().is_ok_and(|number| number >= 1024))
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn numbers_of_bytes_are_known_by_their_keys_and_those_beside() {
        let none = |_: &str| false;
        for key in [
            "actual-size",
            "virtual_size",
            "used-bytes",
            "base-memory",
            "cluster-size",
            "actual",
            "rd_bytes",
        ] {
            assert_eq!(Unit::of(key, none), Some(Unit::Bytes), "{key}");
        }
        for key in ["bps", "bps_rd", "speed", "max-bandwidth"] {
            assert_eq!(Unit::of(key, none), Some(Unit::BytesPerSecond), "{key}");
        }
        for key in [
            "queue-size",
            "rx_queue_size",
            "len",
            "offset",
            "count",
            "total",
            "thread-id",
            "memories",
            "",
        ] {
            assert_eq!(Unit::of(key, none), None, "{key}");
        }
        assert_eq!(Unit::of("offset", |key| key == "speed"), Some(Unit::Bytes));
        assert_eq!(
            Unit::of("count", |key| key == "granularity"),
            Some(Unit::Bytes)
        );
        assert_eq!(
            Unit::of("total", |key| key == "transferred"),
            Some(Unit::Bytes)
        );
    }
}
