//! Secrets in a command that is typed as `KEY=VALUE`: what is secret in the message that it becomes.

use serde_json::{Map, Value};

use super::{HIDDEN, redacted};

/// Keys whose value is a list of words, which may be written with commas.
const LISTS: [&str; 3] = ["arg", "args", "env"];

/// The words `KEY=VALUE` of a command with what is secret in them as `***`; dots in keys lead into objects and lists.
pub fn hidden_call(words: &[String]) -> Vec<String> {
    let mut message = Value::Object(Map::new());
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            put(&mut message, &path(key), typed(key, value));
        }
    }
    with_lists(&mut message);
    let shown = redacted(&message);
    let hide = |word: &String| {
        let Some((key, value)) = word.split_once('=') else {
            return HIDDEN.to_owned();
        };
        let path = path(key);
        match (at(&message, &path), at(&shown, &path)) {
            (Some(before), Some(after)) if before == after => word.clone(),
            (_, Some(Value::String(text))) => format!("{key}={text}"),
            (_, Some(Value::Array(items))) if !value.starts_with('[') => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                format!("{key}={}", items.join(","))
            }
            (_, Some(after)) => format!("{key}={after}"),
            (_, None) => format!("{key}={HIDDEN}"),
        }
    };
    words.iter().map(hide).collect()
}

/// `-` and `_` are the same in keys.
fn path(key: &str) -> Vec<String> {
    key.split('.').map(|part| part.replace('_', "-")).collect()
}

fn typed(key: &str, value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => json,
        _ if LISTS.contains(&key) => value.split(',').map(Value::from).collect(),
        _ => Value::from(value),
    }
}

fn put(place: &mut Value, path: &[String], value: Value) {
    match (path, place) {
        ([last], Value::Object(members)) => {
            members.insert(last.clone(), value);
        }
        ([part, rest @ ..], Value::Object(members)) => {
            let below = members.entry(part).or_insert_with(|| Map::new().into());
            put(below, rest, value);
        }
        _ => {}
    }
}

/// Makes lists of the objects whose keys are numbers.
fn with_lists(value: &mut Value) {
    let Value::Object(members) = value else {
        return;
    };
    members.values_mut().for_each(with_lists);
    let numbered: Option<Vec<(usize, Value)>> = members
        .iter()
        .map(|(key, member)| Some((key.parse().ok()?, member.clone())))
        .collect();
    if let Some(mut items) = numbered.filter(|items| !items.is_empty()) {
        items.sort_by_key(|(number, _)| *number);
        if items.iter().map(|(number, _)| *number).eq(0..items.len()) {
            *value = items.into_iter().map(|(_, item)| item).collect();
        }
    }
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, part| match value {
        Value::Object(members) => members.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}
