//! The tests of what is hidden, by where it is looked for.

mod call;
mod line;
mod message;
mod text;

use serde_json::{Value, json};

use super::*;

/// What is hidden is hidden so, and stays so when it is hidden once more.
#[track_caller]
fn shows(message: Value, shown: &Value) {
    assert_eq!(redacted(&message), *shown, "of {message}");
    assert_eq!(redacted(shown), *shown);
}

/// The same of a text, alone and in a message.
#[track_caller]
fn text_shows(text: &str, shown: &str) {
    assert_eq!(hidden_text(text), shown);
    assert_eq!(hidden_text(shown), shown);
    shows(json!({ "x": [text] }), &json!({ "x": [shown] }));
}
