//! Names of the session's: variables, functions, what a value has behind its dot, what an imported module has.

use std::collections::BTreeMap;

use super::offer::Offer;
use crate::repl::Session;
use crate::repl::code::{Step, is_of_name};
use crate::script::reference::Entry;

/// Words of the language, and names that every line knows.
const WORDS: [&str; 25] = [
    "args", "break", "catch", "const", "continue", "do", "else", "false", "fn", "for", "host",
    "if", "import", "in", "let", "loop", "null", "return", "switch", "throw", "true", "try",
    "until", "while", "with",
];

/// All that a word that stands alone can become.
pub(super) fn all(session: &mut Session) -> Vec<Offer> {
    let mut all: Vec<Offer> = session
        .variable_types()
        .into_iter()
        .map(|(name, kind)| Offer {
            shown: format!("{name}: {kind}"),
            ..Offer::word(name)
        })
        .collect();
    all.extend(WORDS.iter().map(|word| Offer::word(*word)));
    let own = session.own_functions();
    let plain = own.iter().filter(|entry| entry.owner.is_none());
    all.extend(written(plain));
    let imports = own.iter().filter_map(|entry| entry.owner.as_deref());
    all.extend(imports.map(|import| Offer::word(format!("{import}::"))));
    all.extend(written(session.reference().functions()));
    all
}

/// What an imported module has.
pub(super) fn of_module(session: &Session, module: &str) -> Vec<Offer> {
    let functions = session.own_functions();
    let of_module = |entry: &&Entry| entry.owner.as_deref() == Some(module);
    functions.iter().filter(of_module).map(called).collect()
}

/// What the value of a chain has: a map's keys, else the members of its type.
pub(super) fn members(session: &mut Session, chain: &[Step]) -> Vec<Offer> {
    let Some((kind, keys)) = typed(session, chain) else {
        return Vec::new();
    };
    let mut all = written(session.reference().members(&kind));
    let simple = keys
        .into_iter()
        .filter(|key| !key.is_empty() && key.chars().all(is_of_name));
    all.extend(simple.map(Offer::word));
    all
}

/// The type of what a chain gives, and its keys where that is a map in a variable.
fn typed(session: &mut Session, chain: &[Step]) -> Option<(String, Vec<String>)> {
    let (root, steps) = chain.split_first()?;
    let (mut kind, keys, steps) = match session.reached(root, steps) {
        Some(reached) => (reached.kind, reached.keys, reached.rest),
        None if root.name == "vms" && steps.first().is_some_and(Step::is_item) => {
            ("vm".to_owned(), Vec::new(), &steps[1..])
        }
        None if root.name == "host" => ("host".to_owned(), Vec::new(), steps),
        None => (entry(session, None, root)?.gives.clone(), Vec::new(), steps),
    };
    if steps.is_empty() {
        return Some((kind, keys));
    }
    for step in steps {
        kind.clone_from(&entry(session, Some(&kind), step)?.gives);
    }
    Some((kind, Vec::new()))
}

/// The functions that a call may mean, as they are known.
pub(super) fn meant(session: &mut Session, chain: &[Step]) -> Vec<Entry> {
    let Some((last, before)) = chain.split_last() else {
        return Vec::new();
    };
    let owner = match before {
        [] => None,
        before => match typed(session, before) {
            Some((kind, _)) => Some(kind),
            None => return Vec::new(),
        },
    };
    let is_meant = |entry: &&Entry| {
        entry.owner == owner && entry.name == last.name && entry.parameters.is_some()
    };
    let own = session.own_functions();
    let known = session.reference().entries.iter();
    own.iter().chain(known).filter(is_meant).cloned().collect()
}

/// A member or a function by its name.
fn entry<'a>(session: &'a mut Session, owner: Option<&str>, step: &Step) -> Option<&'a Entry> {
    session.reference().entries.iter().find(|entry| {
        let is_call = entry.parameters.is_some();
        entry.owner.as_deref() == owner && entry.name == step.name && is_call == step.is_call
    })
}

/// How the entries are written, each name once: a property as such, a call up to where its arguments begin.
fn written<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Offer> {
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

fn called(entry: &Entry) -> Offer {
    let text = match &entry.parameters {
        Some(parameters) if parameters.is_empty() => format!("{}()", entry.name),
        Some(_) => format!("{}(", entry.name),
        None => entry.name.clone(),
    };
    Offer {
        shown: entry.signature(),
        ..Offer::word(text)
    }
}
