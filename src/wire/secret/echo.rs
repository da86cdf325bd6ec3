//! Secrets that a peer was sent and says back, as an agent may in the words of a refusal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::HIDDEN;
use super::rules::{INPUTS, is_secret};

/// The shortest that is looked for: less is in any text.
const SHORTEST: usize = 4;

/// The secrets among a command's arguments that its reply may hold: as they are sent, and decoded where that is base64.
pub fn secrets_in(arguments: &Map<String, Value>) -> Vec<String> {
    let mut secrets = Vec::new();
    collect(arguments, &mut secrets);
    secrets.retain(|secret: &String| secret.len() >= SHORTEST);
    secrets
}

fn collect(members: &Map<String, Value>, secrets: &mut Vec<String>) {
    for (name, member) in members {
        match member {
            Value::String(text) if is_secret(name) || INPUTS.contains(&name.as_str()) => {
                let decoded = STANDARD.decode(text).ok();
                secrets.extend(decoded.and_then(|bytes| String::from_utf8(bytes).ok()));
                secrets.push(text.clone());
            }
            Value::Object(members) => collect(members, secrets),
            _ => {}
        }
    }
}

/// A text without these secrets.
pub fn without(text: &str, secrets: &[String]) -> String {
    let mut shown = text.to_owned();
    for secret in secrets {
        shown = shown.replace(secret.as_str(), HIDDEN);
    }
    shown
}

/// The words of a refusal without these secrets.
pub fn hide_echo(reply: &mut Value, secrets: &[String]) {
    if let Some(Value::String(desc)) = reply.pointer_mut("/error/desc") {
        *desc = without(desc, secrets);
    }
}
