//! What stands behind `:run`: scripts, and what their headers declare.

use super::calls::vms;
use super::files;
use super::offer::{Offer, Typed, plain};
use crate::repl::session::Session;
use crate::script::argument::{Argument, Kind};
use crate::script::header::Header;
use crate::script::{Source, ready_made};

/// The options before a script, which let it touch more than it declares, and what they take.
const ALLOWING: [(&str, &str); 4] = [
    ("--allow-read", "PATH"),
    ("--allow-write", "PATH"),
    ("--allow-run", "PROGRAM"),
    ("--allow-env", "NAME"),
];

/// The offers for the end of `before`, which is `:run` and `rest`, and where the word begins that they are for.
pub(super) fn offers(session: &mut Session, before: &str, rest: &str) -> (usize, Vec<Offer>) {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let typed = Typed {
        raw: &before[start..],
        in_text: true,
        closing: "",
    };
    let words = shlex::split(&rest[..rest.len() - typed.raw.len()]);
    let offers = words.map(|words| of_word(session, &words, &typed));
    (start, offers.unwrap_or_default())
}

fn of_word(session: &mut Session, mut words: &[String], typed: &Typed<'_>) -> Vec<Offer> {
    while let Some((option, rest)) = words.split_first() {
        let Some((_, takes)) = ALLOWING.iter().find(|(name, _)| name == option) else {
            break;
        };
        match rest.split_first() {
            Some((_, rest)) => words = rest,
            None if *takes == "PATH" => return of_files(typed),
            None => return Vec::new(),
        }
    }
    match words.split_first() {
        Some((script, words)) => of_script(session, script, words, typed),
        None if typed.raw.starts_with('-') => {
            let option = |(name, takes): &(&str, &str)| Offer {
                shown: format!("{name} {takes}"),
                ..Offer::word(*name)
            };
            ALLOWING.iter().map(option).collect()
        }
        None => {
            let script = |(name, summary): (&str, String)| Offer {
                shown: format!("{name}  {summary}"),
                ..Offer::word(name)
            };
            let files = of_files(typed);
            ready_made::summaries().map(script).chain(files).collect()
        }
    }
}

/// What a word of the script's own can be, behind those.
fn of_script(
    session: &mut Session,
    script: &str,
    words: &[String],
    typed: &Typed<'_>,
) -> Vec<Offer> {
    let header = Source::glance(script).and_then(|source| Header::read(&source.text).ok());
    let Some(arguments) = header.and_then(|header| header.arguments) else {
        return of_files(typed);
    };
    let (options, places): (Vec<&Argument>, Vec<&Argument>) =
        arguments.iter().partition(|argument| argument.flag);
    let mut given: Vec<&str> = Vec::new();
    let (mut place, mut only_places) = (0, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").filter(|_| !only_places);
        match name {
            None => place += 1,
            Some("") => only_places = true,
            Some(name) => {
                let own = name.split('=').next().unwrap_or_default();
                let Some(option) = options.iter().find(|option| option.option() == own) else {
                    return Vec::new();
                };
                if !option.many {
                    given.push(&option.name);
                }
                let is_complete = option.is_switch() || name.contains('=');
                if !is_complete && words.next().is_none() {
                    return values(session, option, typed);
                }
            }
        }
    }
    let many = places.last().filter(|last| last.many);
    match places.get(place).or(many) {
        Some(argument) if only_places || !typed.raw.starts_with('-') => {
            values(session, argument, typed)
        }
        _ if only_places => Vec::new(),
        _ => {
            let missing = options
                .iter()
                .filter(|option| !given.contains(&option.name.as_str()));
            missing.map(|option| of_option(option)).collect()
        }
    }
}

fn of_option(option: &Argument) -> Offer {
    let word = format!("--{}", option.option());
    let takes = match &option.kind {
        _ if option.is_switch() => String::new(),
        Kind::Choice(choices) => format!(" {}", choices.join("|")),
        kind => format!(" {}", kind.placeholder()),
    };
    Offer {
        shown: format!("{word}{takes}  {}", option.help),
        ..Offer::word(word)
    }
}

fn values(session: &mut Session, argument: &Argument, typed: &Typed<'_>) -> Vec<Offer> {
    match &argument.kind {
        Kind::Vm | Kind::Vms => plain(vms(session, typed)),
        Kind::Path => of_files(typed),
        Kind::Bool => ["false", "true"].map(Offer::word).into(),
        Kind::Choice(choices) => choices.iter().map(Offer::word).collect(),
        Kind::Text | Kind::Int | Kind::Float | Kind::Duration | Kind::Size => Vec::new(),
    }
}

fn of_files(typed: &Typed<'_>) -> Vec<Offer> {
    plain(typed.files(files::entries(typed.raw, "".as_ref())))
}
