//! Script values to JSON and back, exactly: an integer stays an integer, up to the largest u64; a map's `()` means that
//! the key is left out; a value that has no JSON form (a function, a handle) is an error that names where it is, never
//! silently some text. Bytes go out as base64, the form in which QMP and the agent carry them.

use std::fmt::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Array, Blob, Dynamic, ImmutableString, Map};
use serde_json::{Number, Value};

/// The deepest nesting that goes out: deeper than any command, less deep than the stack.
const DEPTH: usize = 128;

/// From here up, an `f64` is no longer below 2^64, and from there down no longer at least -2^63.
const ABOVE_U64: f64 = 18_446_744_073_709_551_616.0;
const LEAST_I64: f64 = -9_223_372_036_854_775_808.0;

/// A value that has no JSON form, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit {
    path: Vec<Step>,
    what: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Unfit {
    fn new(what: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            what: what.into(),
        }
    }

    fn below(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    /// Where it is below `root`: `args.file.sizes[2]`.
    pub fn path(&self, root: &str) -> String {
        // Writing to a String cannot fail.
        let mut path = root.to_owned();
        for step in self.path.iter().rev() {
            match step {
                Step::Key(key) if is_word(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Key(key) => {
                    let _ = write!(path, "[{key:?}]");
                }
                Step::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        path
    }

    /// The whole sentence, for a value that the script knows as `root`.
    pub fn message(&self, root: &str) -> String {
        let path = self.path(root);
        if path.is_empty() {
            self.to_string()
        } else {
            format!("`{path}` {}", self.what)
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path("");
        if path.is_empty() {
            write!(f, "the value {}", self.what)
        } else {
            write!(f, "`{path}` {}", self.what)
        }
    }
}

impl std::error::Error for Unfit {}

fn is_word(key: &str) -> bool {
    let mut characters = key.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|next| next.is_ascii_alphanumeric() || next == '_')
}

/// `null` in a script: JSON's null, where `()` would leave the key out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Null;

/// A script value as JSON.
pub fn to_json(value: &Dynamic) -> Result<Value, Unfit> {
    to_json_at(value, DEPTH)
}

/// A script's map as the arguments of a command.
pub fn to_arguments(map: &Map) -> Result<serde_json::Map<String, Value>, Unfit> {
    map_to_json(map, DEPTH)
}

fn to_json_at(value: &Dynamic, depth: usize) -> Result<Value, Unfit> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Unfit::new(format!("is nested more than {DEPTH} deep")));
    };
    if value.is_unit() || value.is::<Null>() {
        return Ok(Value::Null);
    }
    if let Ok(boolean) = value.as_bool() {
        return Ok(Value::Bool(boolean));
    }
    if let Ok(integer) = value.as_int() {
        return Ok(Value::from(integer));
    }
    if let Ok(float) = value.as_float() {
        return number(float).map(Value::Number);
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(Value::String(text.as_str().to_owned()));
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map_to_json(&map, depth).map(Value::Object);
    }
    if let Some(array) = value.read_lock::<Array>() {
        let item = |(index, item)| {
            to_json_at(item, depth).map_err(|unfit| unfit.below(Step::Index(index)))
        };
        return array
            .iter()
            .enumerate()
            .map(item)
            .collect::<Result<_, _>>()
            .map(Value::Array);
    }
    if let Some(bytes) = value.read_lock::<Blob>() {
        return Ok(Value::String(STANDARD.encode(&*bytes)));
    }
    if let Ok(character) = value.as_char() {
        return Ok(Value::String(character.to_string()));
    }
    if let Some(unsigned) = value.read_lock::<u64>() {
        return Ok(Value::from(*unsigned));
    }
    let name = if value.is_fnptr() {
        "function"
    } else {
        short(value.type_name())
    };
    Err(Unfit::new(format!("is a {name}, which has no JSON form")))
}

fn map_to_json(map: &Map, depth: usize) -> Result<serde_json::Map<String, Value>, Unfit> {
    let mut object = serde_json::Map::new();
    for (key, member) in map.iter().filter(|(_, member)| !member.is_unit()) {
        let json =
            to_json_at(member, depth).map_err(|unfit| unfit.below(Step::Key(key.to_string())))?;
        object.insert(key.to_string(), json);
    }
    Ok(object)
}

/// QEMU refuses 1.0 where it wants an integer, so a whole float goes out as one where it fits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and in range"
)]
fn number(float: f64) -> Result<Number, Unfit> {
    if float.fract() == 0.0 && (0.0..ABOVE_U64).contains(&float) {
        return Ok(Number::from(float as u64));
    }
    if float.fract() == 0.0 && (LEAST_I64..0.0).contains(&float) {
        return Ok(Number::from(float as i64));
    }
    Number::from_f64(float)
        .ok_or_else(|| Unfit::new(format!("is {float}, which JSON cannot carry")))
}

/// The last part of a Rust type's path: what people may call it.
fn short(type_name: &str) -> &str {
    type_name.rsplit("::").next().unwrap_or(type_name)
}

/// JSON as a script value. An integer above i64's largest stays exact, as a u64.
pub fn from_json(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(boolean) => boolean.into(),
        Value::Number(number) => from_number(&number),
        Value::String(text) => text.into(),
        Value::Array(items) => Dynamic::from_array(items.into_iter().map(from_json).collect()),
        Value::Object(members) => Dynamic::from_map(from_object(members)),
    }
}

/// The arguments of a command as a script's map, from which [`to_arguments`] makes the same again.
pub fn from_arguments(arguments: serde_json::Map<String, Value>) -> Map {
    fn keeping_nulls(value: Value) -> Dynamic {
        match value {
            Value::Null => Dynamic::from(Null),
            Value::Array(items) => items
                .into_iter()
                .map(keeping_nulls)
                .collect::<Array>()
                .into(),
            Value::Object(members) => Dynamic::from_map(from_arguments(members)),
            plain => from_json(plain),
        }
    }
    arguments
        .into_iter()
        .map(|(key, member)| (key.into(), keeping_nulls(member)))
        .collect()
}

/// A JSON object as a script's map.
pub fn from_object(members: serde_json::Map<String, Value>) -> Map {
    // Not `collect`, which sorts what is sorted already: most replies have few members.
    let mut map = Map::new();
    for (key, member) in members {
        map.insert(key.into(), from_json(member));
    }
    map
}

fn from_number(number: &Number) -> Dynamic {
    if let Some(integer) = number.as_i64() {
        integer.into()
    } else if let Some(unsigned) = number.as_u64() {
        Dynamic::from(unsigned)
    } else {
        // Without arbitrary precision a number is one of the three.
        Dynamic::from_float(number.as_f64().unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine, Map};
    use serde_json::{Value, json};

    use super::{DEPTH, from_arguments, from_json, to_arguments, to_json};

    fn eval(script: &str) -> Dynamic {
        Engine::new().eval(script).unwrap()
    }

    #[test]
    fn json_survives_the_way_through_a_script_unchanged() {
        let values = [
            json!(0),
            json!(-1),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(i64::MAX as u64 + 1),
            json!(u64::MAX),
            json!(9_007_199_254_740_993_u64),
            json!(0.1),
            json!(-1.5e-7),
            json!(1e300),
            json!(true),
            json!(null),
            json!(""),
            json!("\u{0}\u{1b}[31m\u{202e}😀"),
            json!([]),
            json!({}),
            json!([null, [1, [2.5, {"a": u64::MAX}]]]),
            json!({"node-name": "x", "": 1, "a.b": {"c": []}}),
        ];
        for value in values {
            assert_eq!(to_json(&from_json(value.clone())).unwrap(), value);
        }
    }

    #[test]
    fn every_power_of_two_and_its_neighbours_stay_exact() {
        for bits in 0..64_u32 {
            let power = 1_u64 << bits;
            for value in [power - 1, power, power.saturating_add(1)] {
                assert_eq!(to_json(&from_json(json!(value))).unwrap(), json!(value));
                let negative = i64::try_from(-i128::from(value));
                if let Ok(negative) = negative {
                    assert_eq!(
                        to_json(&from_json(json!(negative))).unwrap(),
                        json!(negative)
                    );
                }
            }
        }
    }

    #[test]
    fn whole_floats_go_out_as_integers_where_they_fit() {
        for (float, expected) in [
            (1.0, json!(1)),
            (-3.0, json!(-3)),
            (-0.0, json!(0)),
            (
                9_223_372_036_854_775_808.0,
                json!(9_223_372_036_854_775_808_u64),
            ),
            (-9_223_372_036_854_775_808.0, json!(i64::MIN)),
            (
                18_446_744_073_709_551_616.0,
                json!(18_446_744_073_709_551_616.0),
            ),
            (2.5, json!(2.5)),
        ] {
            assert_eq!(
                to_json(&Dynamic::from_float(float)).unwrap(),
                expected,
                "{float}"
            );
        }
    }

    #[test]
    fn arguments_with_null_come_back_as_they_were() {
        let arguments = json!({ "backing": null, "list": [null, 1], "below": { "x": null } });
        let map = from_arguments(arguments.as_object().unwrap().clone());
        assert_eq!(json!(to_arguments(&map).unwrap()), arguments);
    }

    #[test]
    fn an_absent_value_leaves_its_key_out_of_a_map_and_is_null_in_a_list() {
        assert_eq!(
            to_json(&eval("#{a: (), b: [()], c: 1}")).unwrap(),
            json!({"b": [null], "c": 1})
        );
    }

    #[test]
    fn bytes_go_out_as_base64_and_characters_as_text() {
        assert_eq!(to_json(&eval("blob(3, 255)")).unwrap(), json!("////"));
        assert_eq!(to_json(&eval("'x'")).unwrap(), json!("x"));
    }

    #[test]
    fn a_shared_value_goes_out_as_what_it_holds() {
        assert_eq!(
            to_json(&eval("let a = [1]; let f = || a; #{a: a}")).unwrap(),
            json!({"a": [1]})
        );
    }

    #[test]
    fn what_has_no_json_form_is_named_by_its_path() {
        let unfit = |script: &str| to_json(&eval(script)).unwrap_err().message("args");
        assert_eq!(
            unfit("#{file: #{sizes: [1, 2, |x| x]}}"),
            "`args.file.sizes[2]` is a function, which has no JSON form"
        );
        assert_eq!(
            unfit("#{\"node-name\": 0.0 / 0.0}"),
            "`args[\"node-name\"]` is NaN, which JSON cannot carry"
        );
        assert_eq!(
            to_json(&eval("#{a: timestamp()}")).unwrap_err().to_string(),
            "`a` is a timestamp, which has no JSON form"
        );
        assert_eq!(
            to_json(&eval("|x| x")).unwrap_err().to_string(),
            "the value is a function, which has no JSON form"
        );
    }

    #[test]
    fn nesting_beyond_the_bound_is_an_error_and_no_overflow() {
        let nested = (0..DEPTH).fold(Dynamic::UNIT, |inner, _| {
            Map::from([("a".into(), inner), ("b".into(), 1.into())]).into()
        });
        assert!(
            to_json(&nested)
                .unwrap_err()
                .to_string()
                .ends_with("is nested more than 128 deep")
        );
    }

    #[test]
    fn members_arrive_as_the_types_that_scripts_expect() {
        let value = from_json(json!({"i": 1, "f": 1.5, "u": u64::MAX, "s": "x", "n": Value::Null}));
        let map = value.cast::<Map>();
        assert!(map["i"].is_int() && map["f"].is_float() && map["s"].is_string());
        assert!(map["u"].is::<u64>() && map["n"].is_unit());
    }
}
