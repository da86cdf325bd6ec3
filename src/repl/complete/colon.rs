//! What stands behind a colon-command: decided by what the table of the commands says that it takes.

use super::calls::{schema, vms};
use super::offer::{Offer, Typed, plain};
use super::{files, of_code, scripts};
use crate::repl::commands::COMMANDS;
use crate::repl::help;
use crate::repl::preferences::Preferences;
use crate::repl::session::Session;
use crate::script::Named;

/// The offers for the end of `before`, which is `:` and `command`, and where the word begins that they are for.
pub(super) fn offers(
    session: &mut Session,
    before: &str,
    command: &str,
    after: &str,
) -> (usize, Vec<Offer>) {
    let Some((name, rest)) = command.split_once(char::is_whitespace) else {
        let names = COMMANDS.iter().map(|command| Offer {
            shown: format!(":{} {}", command.name, command.arguments),
            ..Offer::word(command.name)
        });
        return (before.len() - command.len(), names.collect());
    };
    if name == "run" {
        return scripts::offers(session, before, rest);
    }
    let takes = COMMANDS.iter().find(|command| command.name == name);
    let takes = takes.map_or("", |command| command.arguments);
    let place = rest.split_whitespace().count()
        - usize::from(!rest.ends_with(char::is_whitespace) && !rest.trim().is_empty());
    let Some(expected) = expected(takes, place) else {
        return (before.len(), Vec::new());
    };
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let typed = Typed {
        raw: &before[start..],
        in_text: true,
        closing: "",
    };
    if expected == "EXPR" || expected == "TOPIC" && typed.raw.contains('.') {
        return of_code(session, before, after);
    }
    let first = rest.split_whitespace().next().unwrap_or_default();
    let alternatives = expected.split('|');
    let offers = alternatives.flat_map(|one| of_one(session, one, name, first, &typed));
    (start, offers.collect())
}

/// What a word can become of which the table says that it is `expected`; `first` is the command's first word.
fn of_one(
    session: &mut Session,
    expected: &str,
    command: &str,
    first: &str,
    typed: &Typed<'_>,
) -> Vec<Offer> {
    let files = || plain(typed.files(files::entries(typed.raw, "".as_ref())));
    match (expected, command) {
        ("TOPIC", _) => {
            let topics = help::topics(session.reference());
            let commands = COMMANDS.iter().map(|command| format!(":{}", command.name));
            let all = topics.into_iter().chain(commands);
            all.map(Offer::word).collect()
        }
        ("NAME", "set") => Preferences::names().map(Offer::word).collect(),
        ("VALUE", "set") => {
            let values: &[&str] = match first {
                "mode" => &["emacs", "vi"],
                "lines" => &["all"],
                _ => &["on", "off"],
            };
            values.iter().map(|value| Offer::word(*value)).collect()
        }
        ("NAME", "events") => events(session, first),
        ("VM" | "PATTERN", _) => plain(vms(session, typed)),
        ("FILE" | "PATH" | "LINE", _) => files(),
        _ if expected.chars().all(|next| next.is_ascii_lowercase()) => vec![Offer::word(expected)],
        _ => Vec::new(),
    }
}

/// The events of the VM that is called so, or of the one in use.
fn events(session: &mut Session, vm: &str) -> Vec<Offer> {
    let vm = match vm {
        "on" | "off" => session.vm_behind("v").map(|behind| behind.vm),
        vm => Some(Named::Text(vm.to_owned())),
    };
    let schema = vm.and_then(|vm| schema(session, &vm));
    let events = schema.iter().flat_map(|schema| schema.events());
    events.map(|event| Offer::word(&event.name)).collect()
}

/// What a command takes at a place; the last that it takes may stand for several.
fn expected(takes: &str, place: usize) -> Option<&str> {
    let words = takes.split_whitespace();
    let words: Vec<&str> = words.map(|word| word.trim_matches(['[', ']'])).collect();
    // What follows is code, or a line of a shell's.
    let rest = ["EXPR", "LINE"];
    let at = words
        .iter()
        .take(place + 1)
        .find(|word| rest.contains(*word));
    let repeated = words.last().filter(|last| last.ends_with("..."));
    let word = at.or(words.get(place)).or(repeated)?;
    Some(word.trim_end_matches("..."))
}
