//! What the table of all that can be called says of one thing: a function, a type, a module, a variable, a colon-command.

use super::text::{bold, prose, wrapped};
use crate::repl::commands::COMMANDS;
use crate::repl::session::Session;
use crate::repl::show::Style;
use crate::script::reference::{Entry, Reference, StandardModule};
use crate::wire::escape::escaped;

/// What is said of a thing.
pub(super) struct About {
    pub(super) text: String,
    /// Whether it is of a module's function only, which was asked for by its name alone.
    pub(super) in_module: bool,
}

/// All about it, as it is written in a line (`v.agent.exec`, `exec()`, `size::human`, `:use`); none if there is no such thing.
pub(super) fn about(session: &mut Session, topic: &str, style: Style) -> Option<About> {
    let word = topic.split('(').next().unwrap_or(topic);
    if let Some(name) = word.strip_prefix(':') {
        let command = COMMANDS.iter().find(|command| command.name == name)?;
        let usage = format!(":{} {}", command.name, command.arguments);
        let usage = bold(style, usage.trim_end());
        return Some(About {
            text: format!("{usage}\n    {}", command.about),
            in_module: false,
        });
    }
    let mut texts: Vec<String> = Vec::new();
    let variables = session.variable_types();
    let kind_of = |name: &str| {
        let variable = variables.iter().find(|(known, _)| known == name);
        variable.map(|(_, kind)| kind.clone())
    };
    let kind = kind_of(word);
    if let Some(kind) = &kind {
        texts.push(format!(
            "{}: {}",
            bold(style, &escaped(word)),
            escaped(kind)
        ));
    }
    if let Some(module) = module(session, word) {
        texts.push(of_module(&module, style));
    }
    let (owner, name) = match word.rsplit_once("::").or_else(|| word.rsplit_once('.')) {
        Some((owner, name)) => (Some(owner), name),
        None => (None, word),
    };
    // The type of a variable, else what is called so itself: a type, a module.
    let owner = owner.map(|owner| match kind_of(owner) {
        Some(kind) => kind,
        None => owner.rsplit(['.', ':']).next().unwrap_or(owner).to_owned(),
    });
    let functions = functions(session, owner.as_deref(), name);
    let members = match owner {
        None => of_type(kind.as_deref().unwrap_or(word), session.reference(), style),
        Some(_) => None,
    };
    let is_of_module = |entry: &Entry| {
        entry
            .owner
            .as_deref()
            .is_some_and(|owner| owner.contains('/'))
    };
    let in_module = owner.is_none()
        && texts.is_empty()
        && members.is_none()
        && functions.iter().all(is_of_module);
    texts.extend(functions.iter().map(|entry| full(entry, style)));
    // The longest comes last.
    texts.extend(members);
    (!texts.is_empty()).then(|| About {
        text: texts.join("\n\n"),
        in_module,
    })
}

/// The module of that path, or that an import calls so.
fn module(session: &mut Session, name: &str) -> Option<StandardModule> {
    let own = session.own_functions();
    let imported = own
        .into_iter()
        .filter(|entry| entry.owner.as_deref() == Some(name));
    let functions: Vec<Entry> = imported.collect();
    if !functions.is_empty() {
        return Some(StandardModule {
            path: name.to_owned(),
            about: String::new(),
            functions,
        });
    }
    let modules = &session.reference().modules;
    let in_binary = modules.iter().find(|module| module.path == name).cloned();
    in_binary.or_else(|| session.module(name))
}

/// What is called so, of that owner if one is said.
fn functions(session: &mut Session, owner: Option<&str>, name: &str) -> Vec<Entry> {
    let is_meant = |entry: &&Entry| {
        let of_owner = |wanted: &str| {
            let own = entry.owner.as_deref().unwrap_or_default();
            own == wanted || own.ends_with(&format!("/{wanted}"))
        };
        entry.name == name && owner.is_none_or(of_owner)
    };
    let own = session.own_functions();
    let mut meant: Vec<Entry> = own.iter().filter(is_meant).cloned().collect();
    let reference = session.reference();
    let in_modules = reference
        .modules
        .iter()
        .flat_map(|module| &module.functions);
    let known = reference.entries.iter().chain(in_modules);
    meant.extend(known.filter(is_meant).cloned());
    if meant.is_empty() {
        if let Some(module) = owner.and_then(|owner| session.module(owner)) {
            meant.extend(
                module
                    .functions
                    .into_iter()
                    .filter(|entry| entry.name == name),
            );
        }
    }
    if meant.is_empty() && owner.is_some() {
        // What gives the value is not known, and its name may be the only one.
        let entries = &session.reference().entries;
        meant.extend(entries.iter().filter(|entry| entry.name == name).cloned());
    }
    meant.dedup();
    // What is ours comes first: it is seldom Rhai's own that is asked for.
    meant.sort_by_key(|entry| entry.of_language);
    meant
}

fn of_module(module: &StandardModule, style: Style) -> String {
    let mut text = format!("{}\n", bold(style, &escaped(&module.path)));
    if !module.about.is_empty() {
        text.push_str(&prose(&module.about, style));
        text.push('\n');
    }
    for function in &module.functions {
        text.push_str(&line(function, style));
    }
    text.trim_end().to_owned()
}

/// What a type has; none if there is no type of that name.
fn of_type(name: &str, reference: &Reference, style: Style) -> Option<String> {
    let mut members: Vec<&Entry> = reference.members(name).collect();
    if members.is_empty() {
        return None;
    }
    members.sort_by(|one, other| one.name.cmp(&other.name));
    let title = format!("what a value of type {name} has");
    let mut text = format!("{}\n", bold(style, &title));
    for member in members {
        text.push_str(&line(member, style));
    }
    Some(text.trim_end().to_owned())
}

fn title(entry: &Entry) -> String {
    let signature = entry.signature();
    match entry.owner.as_deref() {
        Some(owner) if owner.contains('/') => format!("{owner}::{signature}"),
        Some(owner) => format!("{owner}.{signature}"),
        None => signature,
    }
}

/// An entry in one line or two.
fn line(entry: &Entry, style: Style) -> String {
    let summary = wrapped(&entry.summary(), style.width, "        ");
    format!("    {}\n{summary}\n", bold(style, &entry.signature()))
}

/// An entry with all that is said about it.
fn full(entry: &Entry, style: Style) -> String {
    let title = bold(style, &title(entry));
    format!("{title}\n{}", prose(&entry.about, style))
}
