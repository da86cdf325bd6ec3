//! Which parts of a message are secret, so that a log or a recording does not keep them: passwords and the data of
//! secret objects. A list of names: a secret inside a file's content or a program's output is not known as one.

use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// What stands for a secret.
pub const HIDDEN: &str = "***";

/// Members that hold a secret wherever they are.
const ANYWHERE: [&str; 4] = ["password", "passphrase", "cookie", "crypted-password"];

/// Commands whose arguments hold a secret under a name that elsewhere is harmless.
const BY_COMMAND: [(&str, &str); 2] = [
    // What a program reads from its standard input is how it is handed a password.
    ("guest-exec", "input-data"),
    // With QEMU before 6.0, a password of its own; `device: vnc, target: password`.
    ("change", "arg"),
];

/// Human-monitor lines that hold a secret.
const HMP: [&str; 5] = [
    "set_password",
    "change ",
    "block_passwd",
    "object_add",
    "qom-set",
];

/// Parts of names, of options and variables, whose value is a secret.
const NAMES: [&str; 6] = [
    "passw",
    "passphrase",
    "secret",
    "token",
    "cookie",
    "api_key",
];

/// Whether what goes by this name is a secret: an option, a variable of the environment.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    NAMES.iter().any(|part| name.contains(part))
}

/// Words beside which a line that somebody typed may have a secret though it is called otherwise.
const IN_LINES: [&str; 4] = ["rawdata", "input-data", "input:", "private_key"];

/// Whether a line that somebody typed may hold a secret, so that no history is to keep it: it has a word that goes with
/// one.
pub fn may_be_in(line: &str) -> bool {
    let lowercase = line.to_lowercase();
    is_secret(line) || IN_LINES.iter().any(|word| lowercase.contains(word))
}

/// The words of a command line with what is secret in them as `***`: `password=x`, `--password=x`, `--password x`, and a
/// JSON object's members.
pub fn hidden_words(words: &[String]) -> Vec<String> {
    let mut is_next = false;
    let hide = |word: &String| {
        if std::mem::take(&mut is_next) && !word.starts_with('-') {
            return HIDDEN.to_owned();
        }
        match word.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
            Some(_) => word.clone(),
            None => {
                is_next = word.starts_with('-') && is_secret(word);
                match serde_json::from_str::<Value>(word) {
                    Ok(value @ Value::Object(_)) => redacted(&value).to_string(),
                    _ => word.clone(),
                }
            }
        }
    };
    words.iter().map(hide).collect()
}

/// `message` with its secrets as `***`; a reply or event as well as a command.
pub fn redacted(message: &Value) -> Value {
    let mut shown = message.clone();
    hide_anywhere(&mut shown);
    if let Value::Object(members) = &mut shown {
        let command = ["execute", "exec-oob"]
            .iter()
            .find_map(|name| members.get(*name))
            .and_then(Value::as_str);
        if let Some(command) = command.map(str::to_owned) {
            if let Some(Value::Object(arguments)) = members.get_mut("arguments") {
                hide_arguments(&command, arguments);
            }
        }
    }
    shown
}

fn hide_anywhere(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if ANYWHERE.contains(&name.as_str()) && member.is_string() {
                    *member = Value::from(HIDDEN);
                } else {
                    hide_anywhere(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_anywhere),
        _ => {}
    }
}

fn hide_arguments(command: &str, arguments: &mut Map<String, Value>) {
    for (of, name) in BY_COMMAND {
        if of == command {
            hide(arguments, name);
        }
    }
    match command {
        "object-add" if text(arguments, "qom-type").starts_with("secret") => {
            hide(arguments, "data");
            // Before QEMU 6.0 the properties were wrapped.
            if let Some(Value::Object(properties)) = arguments.get_mut("props") {
                hide(properties, "data");
            }
        }
        "qom-set" if ["data", "rawdata", "password"].contains(&text(arguments, "property")) => {
            hide(arguments, "value");
        }
        "human-monitor-command"
            if HMP.iter().any(|word| {
                text(arguments, "command-line")
                    .trim_start()
                    .starts_with(word)
            }) =>
        {
            let word = text(arguments, "command-line")
                .split_whitespace()
                .next()
                .unwrap_or_default();
            let line = format!("{word} {HIDDEN}");
            arguments.insert("command-line".to_owned(), Value::from(line));
        }
        "guest-exec" => {
            if let Some(Value::Array(variables)) = arguments.get_mut("env") {
                variables.iter_mut().for_each(hide_variable);
            }
        }
        _ => {}
    }
}

fn hide(members: &mut Map<String, Value>, name: &str) {
    if let Some(member) = members.get_mut(name) {
        *member = Value::from(HIDDEN);
    }
}

/// `NAME=value` keeps its name.
fn hide_variable(variable: &mut Value) {
    if let Some((name, _)) = variable.as_str().and_then(|text| text.split_once('=')) {
        *variable = Value::from(format!("{name}={HIDDEN}"));
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> &'a str {
    members
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
