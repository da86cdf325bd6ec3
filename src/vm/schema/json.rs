//! JSON as people write it for a command: what JSON leaves open, and could so mean something else than was meant, is an
//! error. A member that is given twice, of which the last would count; an integer that no 64 bits hold, which would become
//! another number.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The value of a text. Fails with what is wrong with it, and where.
pub fn strict(text: &str) -> Result<Value, serde_json::Error> {
    // Editors of some systems begin each text with this mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str::<Strict>(text).map(|strict| strict.0)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // An integer that is too large arrives here too; no argument of QEMU's is a number of that size.
        let is_too_large = value.abs() >= 2_f64.powi(63);
        let number = Number::from_f64(value).filter(|_| !is_too_large);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number is larger than 64 bits hold"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                let what = format!("`{}` is given twice", key.escape_default());
                return Err(A::Error::custom(what));
            }
            let Strict(value) = members.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::strict;

    #[test]
    fn values_come_out_as_they_are_written() {
        for text in [
            "null",
            "[true,1,-1,18446744073709551615,1.5,\"a\\n\"]",
            "{\"a\":{\"a\":[{}]}}",
        ] {
            assert_eq!(strict(text).unwrap().to_string(), text);
        }
        assert_eq!(strict("\u{feff}{}").unwrap(), json!({}));
    }

    #[test]
    fn what_could_mean_something_else_is_refused_with_its_place() {
        for (text, what) in [
            (
                "{\"a\":1,\"a\":1}",
                "`a` is given twice at line 1 column 10",
            ),
            (
                "[{\"b\":{\"a\":1,\n\"a\":2}}]",
                "`a` is given twice at line 2",
            ),
            ("{\"a\":18446744073709551616}", "larger than 64 bits hold"),
            ("[-9223372036854775809]", "larger than 64 bits hold"),
            ("{\"a\":1} x", "trailing characters"),
            ("\u{feff}\u{feff}{}", "expected value"),
        ] {
            let error = strict(text).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
