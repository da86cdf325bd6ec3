//! What stands behind a colon-command: decided by what the table of the commands says that it takes.

use super::calls::{schema, vms};
use super::offer::{Offer, Typed};
use super::{files, of_code};
use crate::repl::commands::COMMANDS;
use crate::repl::help;
use crate::repl::preferences::Preferences;
use crate::repl::session::Session;
use crate::script::ready_made;

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
    let offers = match expected {
        "EXPR" => return of_code(session, before, after),
        "TOPIC" if typed.raw.contains('.') => return of_code(session, before, after),
        "TOPIC" => {
            let topics = help::topics(session.reference());
            let commands = COMMANDS.iter().map(|command| format!(":{}", command.name));
            topics
                .into_iter()
                .chain(commands)
                .map(Offer::word)
                .collect()
        }
        "NAME" if name == "set" => Preferences::names().map(Offer::word).collect(),
        "VALUE" => {
            let setting = rest.split_whitespace().next().unwrap_or_default();
            let values: &[&str] = match setting {
                "mode" => &["emacs", "vi"],
                "lines" => &["all"],
                _ => &["on", "off"],
            };
            values.iter().map(|value| Offer::word(*value)).collect()
        }
        "VM" | "PATTERN" => plain(vms(session, &typed)),
        "FILE" | "PATH" | "LINE" => plain(typed.files(files::entries(typed.raw, "".as_ref()))),
        "SCRIPT" => {
            let mut offers: Vec<Offer> = ready_made::names().map(Offer::word).collect();
            offers.extend(plain(typed.files(files::entries(typed.raw, "".as_ref()))));
            offers
        }
        "EVENT" | "EVENTS" => {
            let v = session.vm_behind("v").map(|behind| behind.vm);
            let schema = v.and_then(|vm| schema(session, &vm));
            let events = schema.iter().flat_map(|schema| schema.events());
            events.map(|event| Offer::word(&event.name)).collect()
        }
        words if words.contains('|') => words.split('|').map(Offer::word).collect(),
        word if word.chars().all(|next| next.is_ascii_lowercase()) => vec![Offer::word(word)],
        _ => Vec::new(),
    };
    (start, offers)
}

/// What a command takes at a place; the last that it takes may stand for several.
fn expected(takes: &str, place: usize) -> Option<&str> {
    let mut words = takes
        .split_whitespace()
        .map(|word| word.trim_matches(['[', ']']));
    let mut last = None;
    for _ in 0..=place {
        match words.next() {
            // All that follows is code.
            Some("EXPR") => return Some("EXPR"),
            Some(word) => last = Some(word.trim_end_matches("...")),
            None if last.is_some_and(|last| matches!(last, "EVENT" | "EVENTS" | "LINE")) => {}
            None => return None,
        }
    }
    last
}

/// What needs no quotes in a command.
fn plain(mut offers: Vec<Offer>) -> Vec<Offer> {
    offers.retain(|offer| !offer.text.contains(['"', '\\', '\'', ' ']));
    offers
}
