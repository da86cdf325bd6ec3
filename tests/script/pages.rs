//! The pages of `docs/reference/`, made of the table that `:help` reads and of the headers of the ready-made scripts.

use std::collections::{BTreeMap, BTreeSet};

use qmpsh::script::argument::{Argument, Kind};
use qmpsh::script::called;
use qmpsh::script::header::Header;
use qmpsh::script::ready_made;
use qmpsh::script::reference::{Entry, Reference, StandardModule};

use crate::documented::own;

/// What each page begins with, below its title.
const NOTE: &str =
    "<!-- Made by `make docs` from the descriptions beside the functions; change those. -->";

/// All pages, each by its path below `docs/reference/`.
pub(crate) fn all(reference: &Reference) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::from([
        ("README.md".to_owned(), contents(reference)),
        ("functions.md".to_owned(), functions(reference)),
        ("scripts.md".to_owned(), scripts()),
    ]);
    for kind in types(reference) {
        pages.insert(format!("{kind}.md"), of_type(kind, reference));
    }
    for module in &reference.modules {
        pages.insert(format!("{}.md", module.path), of_module(module));
    }
    pages
}

/// The types that have methods or properties of ours.
fn types(reference: &Reference) -> BTreeSet<&str> {
    let ours = reference.entries.iter().filter(|entry| !entry.of_language);
    ours.filter_map(|entry| entry.owner.as_deref()).collect()
}

fn contents(reference: &Reference) -> String {
    let mut text = format!(
        "# Reference\n\n{NOTE}\n\nWhat scripts can call, as `:help` tells it in a session. The language itself is \
         [Rhai](https://rhai.rs/book/). Every example is run by a test, against a real QEMU and a real guest where it \
         speaks of one. What fails throws a map whose `kind` says [what went wrong](../errors.md#kinds). In \
         the examples `v` is a VM, `f` an open file and `w` a watch.\n\n\
         - [Functions](functions.md): what is called by its name alone\n\
         - [The ready-made scripts](scripts.md): `qmpsh run NAME`\n"
    );
    let kinds = types(reference);
    text.push_str("\n## Types\n\n");
    for kind in kinds {
        let members = groups(reference.members(kind).filter(|entry| !entry.of_language));
        let names: Vec<String> = members.keys().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!("- [{kind}]({kind}.md): {}\n", names.join(", ")));
    }
    text.push_str("\n## Modules\n\n");
    for module in sorted(&reference.modules) {
        let path = &module.path;
        let about = sentence(&module.about);
        text.push_str(&format!("- [{path}]({path}.md): {about}\n"));
    }
    text
}

fn functions(reference: &Reference) -> String {
    let entries = reference.functions().filter(|entry| !entry.of_language);
    let about = "What is called by its name alone. Times are seconds, or text such as `\"500ms\"`, `\"30s\"`, `\"5m\"`.";
    page("Functions", about, entries, Entry::signature)
}

fn of_type(kind: &str, reference: &Reference) -> String {
    let gives = |entry: &&Entry| entry.gives == kind && entry.owner.as_deref() != Some(kind);
    // Several types may have one of the same name.
    let sources: BTreeSet<(Option<&str>, &str)> = own(reference)
        .filter(gives)
        .map(|entry| (entry.owner.as_deref(), entry.name.as_str()))
        .collect();
    let links: Vec<String> = sources
        .into_iter()
        .map(|(owner, name)| match owner {
            Some(owner) => format!("[`{owner}.{name}`]({owner}.md#{name})"),
            None => format!("[`{name}`](functions.md#{name})"),
        })
        .collect();
    let about = if links.is_empty() {
        format!("`{kind}` is there in every script.")
    } else {
        format!("It comes from {}.", links.join(", "))
    };
    let members = reference.members(kind).filter(|entry| !entry.of_language);
    let title = format!("What a value of type {kind} has");
    page(&title, &about, members, |entry| {
        format!("{kind}.{}", entry.signature())
    })
}

fn of_module(module: &StandardModule) -> String {
    let StandardModule {
        path,
        about,
        functions,
    } = module;
    let name = path.rsplit('/').next().unwrap_or(path);
    let about = format!("{about}\n\n```text\nimport \"{path}\" as {name};\n```");
    page(path, &about, functions.iter(), |entry| {
        format!("{name}::{}", entry.signature())
    })
}

/// A page of functions: a table of what there is, then each with its forms.
fn page<'a>(
    title: &str,
    about: &str,
    entries: impl Iterator<Item = &'a Entry>,
    signature: impl Fn(&Entry) -> String,
) -> String {
    let groups = groups(entries);
    let mut text = format!("# {title}\n\n{NOTE}\n\n{about}\n\n| | |\n| --- | --- |\n");
    for (name, forms) in &groups {
        let summary = cell(&forms[0].summary());
        text.push_str(&format!("| [`{name}`](#{name}) | {summary} |\n"));
    }
    for (name, forms) in &groups {
        text.push_str(&format!("\n## {name}\n"));
        for form in forms {
            let signature = signature(form);
            // Of syntax, the text begins with it.
            if signature != form.name {
                text.push_str(&format!("\n```text\n{signature}\n```\n"));
            }
            text.push_str(&format!("\n{}\n", without_headings(&form.about)));
        }
    }
    text
}

/// What is called by the same name, the form first that the others speak of.
fn groups<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeMap<&'a str, Vec<&'a Entry>> {
    let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        groups.entry(&entry.name).or_default().push(entry);
    }
    for forms in groups.values_mut() {
        forms.sort_by_cached_key(|form| {
            let leans = form.about.starts_with("The same");
            let count = form.parameters.as_ref().map_or(0, Vec::len);
            (leans, count, form.signature())
        });
    }
    groups
}

fn scripts() -> String {
    let headers: Vec<(&str, Header)> = ready_made::names()
        .map(|name| {
            let text = ready_made::find(name).expect("it is in the list");
            (name, Header::read(text).expect("a test reads all headers"))
        })
        .collect();
    let mut text = format!(
        "# The ready-made scripts\n\n{NOTE}\n\n`qmpsh run NAME --help` tells the same. `qmpsh scripts NAME` shows the script, \
         to be copied and changed. What they do on the wire, and what can go wrong, is told by the [workflows](../workflows/README.md).\n\n\
         | | |\n| --- | --- |\n"
    );
    for (name, header) in &headers {
        let summary = cell(&header.summary);
        text.push_str(&format!("| [`{name}`](#{name}) | {summary} |\n"));
    }
    for (name, header) in &headers {
        text.push_str(&script(name, header));
    }
    text
}

fn script(name: &str, header: &Header) -> String {
    let mut command = called::command(&format!("qmpsh run {name}"), header).term_width(100);
    let usage = command.render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage: ");
    let mut text = format!("\n## {name}\n\n{}\n", header.summary);
    if !header.about.is_empty() {
        text.push_str(&format!("\n{}\n", header.about));
    }
    text.push_str(&format!(
        "\n```text\n{usage}\n```\n\n| argument | |\n| --- | --- |\n"
    ));
    for argument in header.arguments.iter().flatten() {
        let mut about = argument.help.clone();
        if let Kind::Choice(values) = &argument.kind {
            about.push_str(&format!(" (one of: {})", values.join(", ")));
        }
        if !argument.default.is_empty() {
            about.push_str(&format!(" (default: {})", argument.default.join(" ")));
        }
        if argument.flag && argument.required {
            about.push_str(" (required)");
        }
        let about = cell(&about);
        text.push_str(&format!("| `{}` | {about} |\n", called(argument)));
    }
    if let Some(oldest) = header.qemu {
        text.push_str(&format!("\nIt needs QEMU {} or newer.\n", oldest.release));
    }
    let allow = &header.allow;
    let touched: Vec<String> = [
        ("reads", &allow.read),
        ("writes", &allow.write),
        ("runs", &allow.run),
        ("knows the variables", &allow.env),
    ]
    .into_iter()
    .filter(|(_, what)| !what.is_empty())
    .map(|(verb, what)| format!("{verb} `{}`", what.join("`, `")))
    .collect();
    if !touched.is_empty() {
        text.push_str(&format!("\nOn this host it {}.\n", touched.join("; ")));
    }
    text.push_str(&format!("\n[Its text](../../scripts/{name}.rhai)\n"));
    text
}

/// An argument as it is written on the command line.
fn called(argument: &Argument) -> String {
    let name = argument.name.replace('_', "-");
    let is_switch = argument.kind == Kind::Bool;
    let many = if argument.many { "..." } else { "" };
    match (argument.flag, is_switch) {
        (true, true) => format!("--{name}"),
        (true, false) => format!("--{name} {}{many}", argument.kind.placeholder()),
        (false, _) if argument.required => format!("{}{many}", name.to_uppercase()),
        (false, _) => format!("[{}]{many}", name.to_uppercase()),
    }
}

fn sorted(modules: &[StandardModule]) -> Vec<&StandardModule> {
    let mut modules: Vec<&StandardModule> = modules.iter().collect();
    modules.sort_by_key(|module| &module.path);
    modules
}

/// The headings of doc comments would be those of the page.
fn without_headings(markdown: &str) -> String {
    let mut in_example = false;
    let lines = markdown.lines().filter(|line| {
        in_example ^= line.starts_with("```");
        in_example || !line.starts_with("# ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The first sentence.
fn sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.replace('\n', " ");
    let end = paragraph.find(". ").map_or(paragraph.len(), |end| end + 1);
    paragraph[..end].to_owned()
}

/// Text that a table's cell can hold.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
