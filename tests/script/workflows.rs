//! What the pages of `docs/` show stays true: their commands are lines that qmpsh takes, and the messages that they show
//! are such as QEMU and the agent take and send.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qmpsh::script::argument::{Argument, Kind};
use qmpsh::script::check::Target;
use qmpsh::script::header::Header;
use qmpsh::script::{Session, Settings, Source, called, ready_made};
use qmpsh::vm::agent::AgentCommands;
use qmpsh::vm::schema::{Finding, Schema, bundled};
use serde_json::{Map, Value};

use crate::documented::code;

/// General options that may stand anywhere, and whether a word follows.
const GENERAL: [(&str, bool); 7] = [
    ("--json", false),
    ("--dry-run", false),
    ("--read-only", false),
    ("-v", false),
    ("--timeout", true),
    ("--record", true),
    ("--replay", true),
];

/// The pages that people write, and the README.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pattern = format!("{}/docs/**/*.md", root.display());
    let found = glob::glob(&pattern).unwrap().map(Result::unwrap);
    let mut paths: Vec<PathBuf> = found.collect();
    paths.push(root.join("README.md"));
    assert!(paths.len() > 10, "{paths:?}");
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The words of each `qmpsh` that is typed in a page's console blocks, without general options.
fn typed(page: &str) -> Vec<Vec<String>> {
    let blocks = code(page, "console");
    let lines = blocks.iter().flat_map(|block| block.lines());
    lines
        .filter_map(|line| line.strip_prefix("# ").or_else(|| line.strip_prefix("$ ")))
        .filter_map(|line| shlex::split(line).unwrap().split_first().map(own_words))
        .flatten()
        .collect()
}

/// The words behind `qmpsh`, up to what the shell would make of the line.
fn own_words((first, rest): (&String, &[String])) -> Option<Vec<String>> {
    let mut words = rest.iter();
    let mut own = Vec::new();
    while let Some(word) = words.next() {
        if ["|", "<", ">", ";", "&&"].contains(&word.as_str()) {
            break;
        }
        match GENERAL.iter().find(|(option, _)| option == word) {
            Some((_, true)) => drop(words.next()),
            Some((_, false)) => {}
            None => own.push(word.clone()),
        }
    }
    (first == "qmpsh").then_some(own)
}

#[test]
fn the_scripts_that_the_pages_run_take_these_arguments() {
    let mut seen = 0;
    for (page, text) in pages() {
        for words in typed(&text).iter().filter(|words| words[0] == "run") {
            let Some(script) = ready_made::find(&words[1]) else {
                assert!(words[1].contains(['.', '/']), "{page}: {words:?}");
                continue;
            };
            let header = Header::read(script).unwrap();
            let command = called::command(&words[1], &header);
            if !words.contains(&"--help".to_owned()) {
                let read = command.try_get_matches_from(&words[2..]);
                assert!(read.is_ok(), "{page}: {words:?}: {}", read.unwrap_err());
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_scripts_that_pages_show_have_no_fault() {
    let pages = pages();
    let session = Session::new(Settings::default()).unwrap();
    for shown in ["README.md", "docs/scripts.md"] {
        let (_, page) = pages.iter().find(|(page, _)| page == shown).unwrap();
        let scripts = code(page, "rhai");
        assert_eq!(scripts.len(), 1);
        let newest = Target {
            name: "the newest QEMU".to_owned(),
            release: None,
            schema: Arc::new(newest()),
        };
        let faults = session.examine(&Source::new(shown, scripts[0].as_str()), &[newest]);
        let drawn: Vec<&str> = faults.iter().map(|fault| fault.drawn.as_str()).collect();
        assert!(drawn.is_empty(), "{}", drawn.join("\n"));
    }
}

#[test]
fn what_a_header_may_say_of_an_argument_stands_in_its_page() {
    let pages = pages();
    let (_, page) = pages
        .iter()
        .find(|(page, _)| page == "docs/scripts.md")
        .unwrap();
    for word in Argument::KEYS.iter().chain(&Kind::NAMES) {
        let is_told = page
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
            .any(|cell| cell.contains(&format!("`{word}`")));
        assert!(is_told, "{word}");
    }
}

/// A page or a section tells about each script, with a line to type; the README's table names each.
#[test]
fn each_ready_made_script_is_run_in_a_page_and_stands_in_the_readme() {
    let pages = pages();
    let lines: BTreeSet<String> = pages
        .iter()
        .filter(|(page, _)| page.starts_with("docs/workflows/"))
        .flat_map(|(_, text)| typed(text))
        .filter(|words| words[0] == "run")
        .map(|words| words[1].clone())
        .collect();
    let (_, readme) = pages.iter().find(|(page, _)| page == "README.md").unwrap();
    for name in ready_made::names() {
        assert!(lines.contains(name), "no page runs {name}");
        let row = [format!("`{name} "), format!("`{name}`")];
        assert!(
            row.iter().any(|start| readme.contains(start)),
            "README.md: {name}"
        );
    }
}

#[test]
fn the_scripts_that_the_pages_name_are_there() {
    for (page, text) in pages() {
        for behind in text.split("qmpsh run ").skip(1) {
            let name = behind.split(|next: char| !next.is_ascii_lowercase() && next != '-');
            let name = name.into_iter().next().unwrap_or_default();
            let is_script = !name.is_empty() && !behind[name.len()..].starts_with(['.', '/']);
            assert!(
                !is_script || ready_made::find(name).is_some(),
                "{page}: {name}"
            );
        }
    }
}

fn newest() -> Schema {
    bundled().next_back().unwrap().schema()
}

fn wrong(findings: Vec<Finding>) -> Vec<String> {
    let errors = findings.iter().filter(|finding| finding.is_error());
    errors.map(ToString::to_string).collect()
}

#[test]
fn the_commands_that_the_pages_send_are_there() {
    let (qmp, agent) = (newest(), AgentCommands::known());
    for (page, text) in pages() {
        for words in typed(&text) {
            let command = words.get(2).filter(|command| !command.starts_with('-'));
            let Some(command) = command else { continue };
            let known = match words[0].as_str() {
                "qmp" => qmp.named(command).is_some(),
                "agent" => agent.find(command).is_some(),
                _ => true,
            };
            assert!(known, "{page}: {words:?}");
        }
    }
}

/// A message as `-v` shows it, its id left out: `-> qmp web01: {...}`.
fn messages(page: &str) -> Vec<(bool, bool, Value)> {
    let blocks = code(page, "text");
    let lines = blocks.iter().flat_map(|block| block.lines());
    lines
        .filter_map(|line| {
            let sent = line.starts_with("-> ");
            let (head, json) = line.split_once(": ")?;
            let is_message = sent || line.starts_with("<- ");
            let channel = head.split(' ').nth(1)?;
            is_message.then(|| {
                let message = serde_json::from_str(json);
                let message = message.unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
                (sent, channel == "agent", message)
            })
        })
        .collect()
}

#[test]
fn the_messages_that_the_pages_show_are_such_as_are_taken_and_sent() {
    let (qmp, agent) = (newest(), AgentCommands::known());
    let mut seen = 0;
    for (page, text) in pages() {
        for (sent, is_agents, message) in messages(&text) {
            seen += 1;
            if let Some(event) = message["event"].as_str() {
                assert!(qmp.event(event).is_some(), "{page}: {event}");
            }
            let Some(command) = message["execute"].as_str().filter(|_| sent) else {
                continue;
            };
            let arguments: Map<String, Value> = message["arguments"]
                .as_object()
                .cloned()
                .unwrap_or_default();
            let schema = if is_agents { &agent.schema } else { &qmp };
            let wrong = wrong(schema.check(command, &arguments));
            assert!(wrong.is_empty(), "{page}: {message}: {wrong:?}");
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn what_the_pages_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (page, text) in pages() {
        for target in links(&text) {
            let (file, place) = target.split_once('#').unwrap_or((&target, ""));
            if file.contains("://") {
                continue;
            }
            let folder = root.join(&page).parent().unwrap().to_owned();
            let path = if file.is_empty() {
                root.join(&page)
            } else {
                folder.join(file)
            };
            assert!(path.exists(), "{page}: {target}");
            if !place.is_empty() {
                let anchors = anchors(&fs::read_to_string(&path).unwrap());
                assert!(
                    anchors.contains(&place.to_owned()),
                    "{page}: {target}: {anchors:?}"
                );
            }
        }
    }
}

fn links(page: &str) -> Vec<String> {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    Parser::new_ext(page, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        })
        .collect()
}

/// The headings as forges make addresses of them.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|next| next.is_alphanumeric() || "-_ ".contains(*next));
            kept.map(|next| if next == ' ' { '-' } else { next })
                .collect()
        })
        .collect()
}
