//! `:help`: what there is, and all about one thing.

use nu_ansi_term::{Color, Style as Paint};

use super::commands::COMMANDS;
use super::session::{Answer, Session};
use super::show::Style;
use crate::nearest::did_you_mean;
use crate::report::Report;
use crate::script::reference::{Entry, Reference};

/// What is said about the session as a whole.
const WELCOME: &str = "\
Type an expression and see its value; with a `;` at its end it is not shown. The last value is `last`, the last error \
`last_error`. What is open goes on in the next line; Ctrl-C gives it up. A line that begins with a space is not kept in \
the history.

A VM is `vm(\"/run/web01.qmp\")`; `:use /run/web01.qmp` makes it the variable `v`. Then

    v.status                        how it is
    v.qmp(\"query-block\")            any QMP command, also as v.qmp.query_block()
    v.agent.exec(\"uname\", [\"-a\"])   any command of its guest agent";

/// Tells about `topic`; without one, what there is. Fails if there is no such thing.
pub(super) fn tell(session: &mut Session, topic: &str) -> Result<Answer, Report> {
    let style = session.style();
    let text = if topic.is_empty() {
        overview(session, style)
    } else {
        about(session, topic, style)?
    };
    Ok(session.tell(&text))
}

/// The topics that there are, for completion.
pub(super) fn topics(reference: &Reference) -> Vec<String> {
    let mut topics: Vec<String> = reference
        .entries
        .iter()
        .filter(|entry| !entry.of_language)
        .flat_map(|entry| [Some(entry.name.clone()), entry.owner.clone()])
        .flatten()
        .chain(reference.modules.iter().map(|module| module.path.clone()))
        .collect();
    topics.sort();
    topics.dedup();
    topics
}

fn overview(session: &mut Session, style: Style) -> String {
    let mut text = welcome(style);
    text.push_str("\n\n");
    for command in COMMANDS {
        let usage = format!(":{} {}", command.name, command.arguments);
        text.push_str(&format!(
            "  {}  {}\n",
            bold(style, &format!("{usage:18}")),
            command.about
        ));
    }
    let reference = session.reference();
    let list = |names: Vec<&str>| wrapped(&names.join(" "), style.width, "    ");
    let mut functions: Vec<&str> = reference
        .functions()
        .map(|entry| entry.name.as_str())
        .collect();
    functions.sort_unstable();
    functions.dedup();
    let mut types: Vec<&str> = reference
        .entries
        .iter()
        .filter(|entry| !entry.of_language)
        .filter_map(|entry| entry.owner.as_deref())
        .collect();
    types.sort_unstable();
    types.dedup();
    let modules = reference.modules.iter().map(|module| module.path.as_str());
    text.push_str(&format!(
        "\n`:help TOPIC` tells all about one of these.\n  {}\n{}\n  {}\n{}\n  {}\n{}",
        bold(style, "functions"),
        list(functions),
        bold(style, "types, with their methods"),
        list(types),
        bold(style, "modules, as in `import \"std/size\" as size;`"),
        list(modules.collect()),
    ));
    text
}

fn welcome(style: Style) -> String {
    let paragraphs = WELCOME.split("\n\n").map(|paragraph| {
        if paragraph.starts_with("    ") {
            paragraph.to_owned()
        } else {
            wrapped(paragraph, style.width, "")
        }
    });
    paragraphs
        .collect::<Vec<_>>()
        .join("\n\n")
        .replacen("Then\n\n", "Then\n", 1)
}

fn about(session: &mut Session, topic: &str, style: Style) -> Result<String, Report> {
    let own = session.own_functions();
    // Written as in a line: `v.agent.exec`, `exec()`, `size::human`, `:use`.
    let word = topic.trim_end_matches("()");
    if let Some(command) = COMMANDS
        .iter()
        .find(|command| word.strip_prefix(':') == Some(command.name))
    {
        let usage = format!(":{} {}", command.name, command.arguments);
        return Ok(format!(
            "{}\n    {}",
            bold(style, usage.trim_end()),
            command.about
        ));
    }
    let (owner, name) = match word.rsplit_once("::").or_else(|| word.rsplit_once('.')) {
        Some((owner, name)) => (owner.rsplit(['.', ':']).next(), name),
        None => (None, word),
    };
    let reference = session.reference();
    if let Some(module) = reference.modules.iter().find(|module| module.path == word) {
        let mut text = format!(
            "{}\n{}\n",
            bold(style, &module.path),
            prose(&module.about, style)
        );
        for function in &module.functions {
            text.push_str(&line(function, style));
        }
        return Ok(text.trim_end().to_owned());
    }
    let is_meant = |entry: &&Entry| {
        let of_owner = |wanted: &str| {
            let own = entry.owner.as_deref().unwrap_or_default();
            own == wanted || own.ends_with(&format!("/{wanted}"))
        };
        entry.name == name && owner.is_none_or(of_owner)
    };
    let in_modules = reference
        .modules
        .iter()
        .flat_map(|module| &module.functions);
    let mut meant: Vec<&Entry> = own.iter().filter(is_meant).collect();
    meant.extend(reference.entries.iter().chain(in_modules).filter(is_meant));
    if meant.is_empty() && owner.is_some() {
        // `v.agent.exec`: the name of a variable says nothing of its type.
        let named = |entry: &&Entry| entry.name == name;
        meant.extend(reference.entries.iter().filter(named));
    }
    let members = match owner {
        None => of_type(word, reference, style),
        Some(_) => None,
    };
    if meant.is_empty() {
        return members.ok_or_else(|| unknown(topic, &own, reference));
    }
    meant.dedup();
    // What is ours comes first: it is seldom Rhai's own that is asked for.
    meant.sort_by_key(|entry| entry.of_language);
    let texts = meant.into_iter().map(|entry| full(entry, style));
    let texts: Vec<String> = texts.chain(members).collect();
    Ok(texts.join("\n\n"))
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

fn unknown(topic: &str, own: &[Entry], reference: &Reference) -> Report {
    let mut names = topics(reference);
    names.extend(own.iter().map(|entry| entry.name.clone()));
    names.extend(COMMANDS.iter().map(|command| format!(":{}", command.name)));
    let hint = did_you_mean(topic, names.iter().map(String::as_str))
        .unwrap_or_else(|| "`:help` lists what there is".to_owned());
    Report::usage(format!("there is no help on `{topic}`")).with_hint(hint)
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

/// Markdown in lines of the terminal's width; examples are set off and stay as they are.
fn prose(text: &str, style: Style) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let mut in_example = false;
    for line in text.lines().chain([""]) {
        let is_fence = line.trim_start().starts_with("```");
        let is_text = !in_example && !is_fence && !line.starts_with("    ");
        if is_text && !line.trim().is_empty() {
            if !line.starts_with("# ") {
                paragraph.push_str(line);
                paragraph.push(' ');
            }
            continue;
        }
        if !paragraph.is_empty() {
            lines.push(wrapped(&paragraph, style.width, "    "));
            paragraph.clear();
        }
        if is_fence {
            in_example = !in_example;
        } else if line.trim().is_empty() {
            lines.push(String::new());
        } else if style.color && in_example {
            lines.push(format!("        {}", Color::Green.paint(line)));
        } else {
            lines.push(format!("        {line}"));
        }
    }
    lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
    lines.join("\n").trim_end().to_owned()
}

fn bold(style: Style, text: &str) -> String {
    style.paint(Paint::new().bold(), text)
}

/// The words in lines of no more than `width` characters.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}
