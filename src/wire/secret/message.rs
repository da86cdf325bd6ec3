//! Secrets in messages: what is secret by the names of members, and by what stands beside them.

use serde_json::{Map, Value};

use super::HIDDEN;
use super::line::{asks_for_secret, hidden_words, monitor};
use super::rules::{BYTES, INPUTS, is_secret, is_secret_property};
use super::text::{hidden_text, hidden_word};

/// `message` with its secrets as `***`; a reply or event as well as a command, and any part of one.
pub fn redacted(message: &Value) -> Value {
    let mut shown = message.clone();
    hide_in(&mut shown);
    shown
}

/// Whether the answer to a command is a secret as a whole, with no name that tells.
pub fn asks_for(command: &Value) -> bool {
    let arguments = &command["arguments"];
    let text = |name: &str| arguments[name].as_str();
    text("property").is_some_and(is_secret_property) && arguments.get("value").is_none()
        || text("command-line").is_some_and(asks_for_secret)
}

/// Whether an encoded command may be one for which [`asks_for`] is true, told without reading it.
pub fn may_ask(encoded: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(encoded) else {
        return true;
    };
    ["property", "command-line"]
        .iter()
        .any(|name| text.contains(name))
}

/// An answer that is a secret, with that as `***`.
pub fn hide_answer(reply: &mut Value) {
    if let Some(answer) = reply.get_mut("return") {
        hide(answer);
    }
}

fn hide_in(value: &mut Value) {
    match value {
        Value::Object(members) => {
            hide_by_neighbours(members);
            for (name, member) in members.iter_mut() {
                if is_secret(name) || INPUTS.contains(&name.as_str()) {
                    hide(member);
                } else if !BYTES.contains(&name.as_str()) {
                    hide_in(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_in),
        Value::String(text) => {
            let shown = hidden_text(text);
            if *shown != **text {
                *text = shown.into_owned();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Hides a secret, all that is in it; what is true, false or nothing only tells that there is one.
fn hide(member: &mut Value) {
    if !matches!(member, Value::Null | Value::Bool(_)) {
        *member = Value::from(HIDDEN);
    }
}

/// Hides members whose name is harmless, and that are secret for what stands beside them.
fn hide_by_neighbours(members: &mut Map<String, Value>) {
    let text = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let is_secret_object = text("qom-type").starts_with("secret");
    // `device: vnc, target: password`, of QEMU before 6.0.
    let is_change = ["password", "passwd"].contains(&text("target"));
    // Of `qom-set`, and of what `qom-list-get` tells.
    let is_property = is_secret_property(text("property"))
        || members.contains_key("type") && is_secret_property(text("name"))
        || is_secret(text("name"));
    let program = text("path").to_owned();
    if is_secret_object {
        hide_member(members, "data");
        // Before QEMU 6.0 the properties were wrapped.
        if let Some(Value::Object(properties)) = members.get_mut("props") {
            hide_member(properties, "data");
        }
    }
    if is_change {
        hide_member(members, "arg");
    }
    if is_property {
        hide_member(members, "value");
    }
    if let Some(Value::String(line)) = members.get_mut("command-line") {
        *line = monitor(line).into_owned();
    }
    // Of `guest-exec`, and of a migration's channel to a program.
    for name in ["arg", "args"] {
        if let Some(Value::Array(words)) = members.get_mut(name) {
            hide_in_words(&program, words);
        }
    }
    if let Some(Value::Array(variables)) = members.get_mut("env") {
        for variable in variables {
            if let Value::String(text) = variable {
                *text = hidden_word(text).into_owned();
            }
        }
    }
}

fn hide_member(members: &mut Map<String, Value>, name: &str) {
    if let Some(member) = members.get_mut(name) {
        hide(member);
    }
}

/// Hides what is secret among the words of a program.
fn hide_in_words(program: &str, words: &mut [Value]) {
    let text = |word: &Value| word.as_str().unwrap_or_default().to_owned();
    let line: Vec<String> = std::iter::once(program.to_owned())
        .chain(words.iter().map(text))
        .collect();
    for (word, shown) in words
        .iter_mut()
        .zip(hidden_words(&line).into_iter().skip(1))
    {
        if word.is_string() {
            *word = Value::from(shown);
        }
    }
}
