//! What the word at the cursor can become: colon-commands, settings, help topics, variables, functions, what a value has
//! behind its dot, what an imported module has, and the modules of `import "`. It asks the session, and no VM.

use std::collections::BTreeMap;

use super::commands::COMMANDS;
use super::help;
use super::preferences::Preferences;
use super::session::Session;
use super::value::Value;
use crate::script::reference::Entry;

/// Something that the word can become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// What stands in the line then.
    pub text: String,
    /// What it is shown as in a list of several.
    pub shown: String,
}

/// Words of the language, and names that every line knows.
const WORDS: [&str; 24] = [
    "args", "break", "catch", "const", "continue", "do", "else", "false", "fn", "for", "host",
    "if", "import", "in", "let", "loop", "return", "switch", "throw", "true", "try", "until",
    "while", "with",
];

/// More than so many are shown by their names alone.
const SHOWN_IN_FULL: usize = 12;

/// The candidates for what stands before `cursor`, a place in bytes, and where the word begins that they replace.
pub fn complete(session: &mut Session, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
    let before = line.get(..cursor).unwrap_or(line);
    let (start, mut candidates) = if let Some(command) = before.trim_start().strip_prefix(':') {
        of_command(session, before, command)
    } else {
        of_code(session, before)
    };
    let word = &before[start..];
    candidates.retain(|candidate| candidate.text.starts_with(word));
    candidates.sort();
    candidates.dedup_by(|one, other| one.text == other.text);
    if candidates.len() > SHOWN_IN_FULL {
        for candidate in &mut candidates {
            candidate.shown.clone_from(&candidate.text);
        }
    }
    (start, candidates)
}

fn named(text: impl Into<String>) -> Candidate {
    let text = text.into();
    Candidate {
        shown: text.clone(),
        text,
    }
}

/// How the entries are written, each name once: a property as such, a call up to where its arguments begin.
fn written<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Candidate> {
    let mut by_name: BTreeMap<&str, &Entry> = BTreeMap::new();
    let arguments = |entry: &Entry| entry.parameters.as_ref().map(Vec::len);
    for entry in entries {
        let known = by_name.entry(&entry.name).or_insert(entry);
        let is_property = arguments(known).is_none();
        if !is_property && (arguments(entry).is_none() || arguments(entry) > arguments(known)) {
            *known = entry;
        }
    }
    by_name.into_values().map(called).collect()
}

fn called(entry: &Entry) -> Candidate {
    let text = match &entry.parameters {
        Some(parameters) if parameters.is_empty() => format!("{}()", entry.name),
        Some(_) => format!("{}(", entry.name),
        None => entry.name.clone(),
    };
    Candidate {
        text,
        shown: entry.signature(),
    }
}

fn of_command(session: &mut Session, before: &str, command: &str) -> (usize, Vec<Candidate>) {
    let Some((name, rest)) = command.split_once(char::is_whitespace) else {
        let names = COMMANDS.iter().map(|command| Candidate {
            text: command.name.to_owned(),
            shown: format!(":{} {}", command.name, command.arguments),
        });
        return (before.len() - command.len(), names.collect());
    };
    match name {
        "help" => {
            let topics = help::topics(session.reference());
            let commands = COMMANDS.iter().map(|command| format!(":{}", command.name));
            let all = topics.into_iter().chain(commands).map(named);
            (before.len() - rest.trim_start().len(), all.collect())
        }
        "set" => {
            let word = rest.trim_start();
            match word.split_once(char::is_whitespace) {
                None => (
                    before.len() - word.len(),
                    Preferences::names().map(named).collect(),
                ),
                Some((name, value)) => {
                    let values: &[&str] = match name {
                        "mode" => &["emacs", "vi"],
                        "lines" => &["all"],
                        _ => &["on", "off"],
                    };
                    (
                        before.len() - value.len(),
                        values.iter().map(|value| named(*value)).collect(),
                    )
                }
            }
        }
        "time" | "json" => of_code(session, before),
        _ => (before.len(), Vec::new()),
    }
}

fn of_code(session: &mut Session, before: &str) -> (usize, Vec<Candidate>) {
    if let Some(path) = in_import(before) {
        let modules = session.reference().modules.iter();
        let paths = modules.map(|module| named(format!("{}\"", module.path)));
        return (before.len() - path.len(), paths.collect());
    }
    if is_in_text(before) {
        return (before.len(), Vec::new());
    }
    let start = before
        .rfind(|next: char| !is_of_name(next))
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    let owner = &before[..start];
    if let Some(module) = owner.strip_suffix("::") {
        let module = last_name(module);
        let functions = session.own_functions();
        let of_module = |entry: &&Entry| entry.owner.as_deref() == Some(module);
        return (
            start,
            functions.iter().filter(of_module).map(called).collect(),
        );
    }
    if owner.ends_with('.') && !owner.ends_with("..") {
        let owner = owner.trim_end_matches('.').trim_end_matches('?');
        return (start, members(session, owner));
    }
    (start, names(session))
}

fn names(session: &mut Session) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = session
        .variable_types()
        .into_iter()
        .map(|(name, kind)| Candidate {
            shown: format!("{name}: {kind}"),
            text: name,
        })
        .collect();
    all.extend(WORDS.iter().map(|word| named(*word)));
    let own = session.own_functions();
    let plain = own.iter().filter(|entry| entry.owner.is_none());
    all.extend(written(plain));
    let imports = own.iter().filter_map(|entry| entry.owner.as_deref());
    all.extend(imports.map(|import| named(format!("{import}::"))));
    all.extend(written(session.reference().functions()));
    all
}

/// What the value of the chain at the end of `text` has: a map's keys, else the members of its type.
fn members(session: &mut Session, text: &str) -> Vec<Candidate> {
    let Some(chain) = chain(text) else {
        return Vec::new();
    };
    let Some((root, steps)) = chain.split_first() else {
        return Vec::new();
    };
    let variable = session
        .variables()
        .into_iter()
        .find(|(name, ..)| *name == root.name);
    let (mut kind, mut value) = match variable {
        Some((_, kind, value)) if !root.is_call => (kind, Some(value)),
        _ if root.name == "host" => ("host".to_owned(), None),
        _ => match given(session, None, root) {
            Some(kind) => (kind, None),
            None => return Vec::new(),
        },
    };
    for step in steps {
        let inner = value.as_ref().and_then(|value| value.get(&step.name));
        if let Some(inner) = inner.filter(|_| !step.is_call) {
            kind_of(inner).clone_into(&mut kind);
            value = Some(inner.clone());
            continue;
        }
        value = None;
        match given(session, Some(&kind), step) {
            Some(given) => kind = given,
            None => return Vec::new(),
        }
    }
    let mut all = written(session.reference().members(&kind));
    if let Some(Value::Map(keys)) = &value {
        let simple = keys
            .iter()
            .filter(|(key, _)| !key.is_empty() && key.chars().all(is_of_name));
        all.extend(simple.map(|(key, _)| named(key)));
    }
    all
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "string",
        Value::Number(number) if number.contains('.') => "float",
        Value::Number(_) => "int",
        Value::List(_) => "array",
        Value::Map(_) => "map",
        Value::Bytes(_) => "blob",
        Value::Bool(_) | Value::Nothing | Value::Other(_) => "",
    }
}

/// The type of what a member or a function gives.
fn given(session: &mut Session, owner: Option<&str>, step: &Step) -> Option<String> {
    session
        .reference()
        .entries
        .iter()
        .find(|entry| {
            let is_call = entry.parameters.is_some();
            entry.owner.as_deref() == owner && entry.name == step.name && is_call == step.is_call
        })
        .map(|entry| entry.gives.clone())
}

/// A name in a chain of them.
struct Step {
    name: String,
    is_call: bool,
}

/// The names at the end of `text` with dots between them; what calls are given is left out. None if something else
/// stands there, a list or a number.
fn chain(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text.trim_end();
    loop {
        let is_call = rest.ends_with(')');
        if is_call {
            rest = &rest[..opening(rest)?];
        }
        let name = last_name(rest);
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        steps.push(Step {
            name: name.to_owned(),
            is_call,
        });
        rest = &rest[..rest.len() - name.len()];
        let Some(before) = rest.strip_suffix('.') else {
            break;
        };
        rest = before.trim_end_matches('?');
    }
    steps.reverse();
    Some(steps)
}

/// Where the bracket opens that closes at the end of `text`. Brackets in texts are taken for brackets: rare, and the
/// price is a list of candidates that is not shown.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, next) in text.char_indices().rev() {
        match next {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn last_name(text: &str) -> &str {
    let start = text.rfind(|next: char| !is_of_name(next)).map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    });
    &text[start..]
}

fn is_of_name(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}

/// What stands of a module's path so far behind `import "`.
fn in_import(before: &str) -> Option<&str> {
    let (head, path) = before.rsplit_once('"')?;
    let is_import = head.trim_end().ends_with("import");
    (is_import && !path.contains(char::is_whitespace)).then_some(path)
}

/// Whether the cursor stands in a text, where names mean nothing.
fn is_in_text(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before);
    let mut inside = false;
    let mut escaped = false;
    for next in line.chars() {
        match next {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            _ => {}
        }
    }
    inside
}
