//! A value in one line, without colours: in the cell of a table, or behind its key in a tree.

use crate::repl::value::Value;
use crate::wire::escape::escaped;

/// The most of a text that one line of a tree shows, in characters.
const TEXT: usize = 500;

/// All of it, for the cell of a table.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{}: {}", escaped(key), inline(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        plain => word(plain),
    }
}

/// What a plain value is called; the others have members, which stand elsewhere.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.clone(),
        Value::Text(text) => quoted_if_need_be(text),
        Value::Bytes(bytes) => format!("<{} bytes>", bytes.len()),
        Value::Other(told) => escaped(told).into_owned(),
        Value::Nothing | Value::List(_) | Value::Map(_) => String::new(),
    }
}

/// A text that could be taken for something else, or has more than plain characters, stands in quotes.
fn quoted_if_need_be(text: &str) -> String {
    let mut shown = escaped(text).into_owned();
    let is_whole = shown == text;
    if let Some((at, _)) = shown.char_indices().nth(TEXT) {
        shown.truncate(at);
        shown.push_str("...");
    }
    let is_plain = is_whole
        && !text.is_empty()
        && text.trim() == text
        && !matches!(text, "true" | "false" | "()" | "[]" | "{}")
        && text.parse::<f64>().is_err()
        && !text.starts_with(['"', '[', '{', '(', '-'])
        && !text.contains(", ")
        && !text.contains(": ");
    if is_plain {
        shown
    } else {
        format!("\"{shown}\"")
    }
}
