//! What the word at the cursor can become. `place` reads where the cursor stands. What the session knows is
//! in `names` and `agent`, what calls take in `calls`, `arguments` and `parts`; what VMs tell comes by `live`, which no more than a
//! moment is waited for.
//!
//! Nothing of the line is run. Names that a VM or a guest chose are offered only if a terminal shows them as they are, and
//! are written so that they stay in the text that they are in.

mod agent;
mod arguments;
mod calls;
mod colon;
mod files;
mod hint;
mod live;
mod names;
mod offer;
mod parts;
mod place;
mod scripts;

pub use hint::hint;
pub use live::Live;

use std::path::PathBuf;

use self::calls::{in_call, schema};
use self::offer::{Offer, Typed};
use super::code::{Code, Inside, Kind, Token, chain, is_of_name, is_sign};
use super::session::{Behind, Session};
use crate::script::Named;
use crate::vm::schema::Command;
use crate::wire::escape::{escaped, is_unsafe};

/// Something that the word can become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// What stands in the line then.
    pub text: String,
    /// What it is shown as in a list of several.
    pub shown: String,
}

/// More than so many are shown by their names alone.
const SHOWN_IN_FULL: usize = 12;

/// The candidates for what stands before `cursor`, a place in bytes, and where the word begins that they replace. Waits
/// 50 ms at most for VMs.
pub fn complete(session: &mut Session, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
    session.begin_to_look();
    let (before, after) = line.split_at_checked(cursor).unwrap_or((line, ""));
    let (start, mut offers) = match before.trim_start().strip_prefix(':') {
        Some(command) => colon::offers(session, before, command, after),
        None => of_code(session, before, after),
    };
    let word = &before[start..];
    offers.retain(|offer| offer.key.starts_with(word) && !offer.text.contains(is_unsafe));
    offers.sort_by(|one, other| (one.rank, &one.text).cmp(&(other.rank, &other.text)));
    offers.dedup_by(|one, other| one.text == other.text);
    let in_full = offers.len() <= SHOWN_IN_FULL;
    let candidate = |offer: Offer| {
        let shown = if in_full { offer.shown } else { offer.key };
        Candidate {
            shown: escaped(&shown).into_owned(),
            text: offer.text,
        }
    };
    (start, offers.into_iter().map(candidate).collect())
}

fn of_code(session: &mut Session, before: &str, after: &str) -> (usize, Vec<Offer>) {
    let code = Code::of(before);
    if code.tokens.iter().any(|token| token.text == "vms") {
        // One of them may stand for all.
        session.around();
    }
    match code.inside {
        Inside::Nothing => (before.len(), Vec::new()),
        Inside::Text(start) => {
            let typed = Typed {
                raw: &before[start..],
                in_text: true,
                closing: if after.starts_with('"') { "" } else { "\"" },
            };
            (start, in_text(session, &code, &typed))
        }
        Inside::Code => of_word(session, code, before),
    }
}

/// What a text can become.
fn in_text(session: &mut Session, code: &Code<'_>, typed: &Typed<'_>) -> Vec<Offer> {
    if code
        .tokens
        .last()
        .is_some_and(|token| token.text == "import")
    {
        return modules(session, typed);
    }
    let Some(call) = place::call(&code.tokens) else {
        return Vec::new();
    };
    in_call(session, &call, typed)
}

/// What a word of code can become.
fn of_word(session: &mut Session, mut code: Code<'_>, before: &str) -> (usize, Vec<Offer>) {
    let ends_word = before.ends_with(is_of_name);
    let start = match code.tokens.last().filter(|_| ends_word) {
        Some(word) => {
            let start = word.start;
            code.tokens.pop();
            start
        }
        None => before.len(),
    };
    let tokens = &code.tokens;
    match tokens.split_last() {
        Some((sign, owner)) if is_sign(sign, &["::"]) => {
            let module = owner.last().map_or("", |module| module.text);
            return (start, names::of_module(session, module));
        }
        Some((dot, owner)) if is_sign(dot, &[".", "?."]) => {
            return (start, members(session, owner));
        }
        _ => {}
    }
    let typed = Typed {
        raw: &before[start..],
        in_text: false,
        closing: "\"",
    };
    let call = place::call(tokens);
    let at_key = call
        .as_ref()
        .and_then(|call| call.levels.last())
        .is_some_and(|level| matches!(level, place::Level::Key(_)));
    let mut offers = match &call {
        // Behind a value nothing but a comma or a bracket can follow.
        Some(call) if !ends_value(tokens) => in_call(session, call, &typed),
        _ => Vec::new(),
    };
    // Where the schema tells what can stand here, all else would only hide it.
    if !at_key && (offers.is_empty() || !typed.raw.is_empty()) {
        offers.extend(names::all(session));
    }
    (start, offers)
}

/// Whether a value has just ended.
fn ends_value(tokens: &[Token<'_>]) -> bool {
    tokens.last().is_some_and(|last| match last.kind {
        Kind::Sign => matches!(last.text, ")" | "]" | "}"),
        Kind::Text | Kind::OtherText | Kind::Number | Kind::Name => true,
    })
}

/// What the value of the chain at the end of `owner` has.
fn members(session: &mut Session, owner: &[Token<'_>]) -> Vec<Offer> {
    let Some(steps) = chain(owner) else {
        return Vec::new();
    };
    if let Some(Behind { vm, members }) = session.vm_behind_chain(&steps) {
        match &members[..] {
            [step] if step.is_call => {}
            [step] if step.name == "qmp" => return commands_as_methods(session, &vm),
            [step] if step.name == "agent" => return agent::members(session, &vm, &steps),
            _ => {}
        }
    }
    names::members(session, &steps)
}

fn commands_as_methods(session: &mut Session, vm: &Named) -> Vec<Offer> {
    let Some(schema) = schema(session, vm) else {
        return Vec::new();
    };
    let offer = |command: &Command| {
        let method = command.name.replace('-', "_");
        let takes_nothing = schema.is_nothing(command.arguments) && !schema.is_open(command);
        let open = if takes_nothing { "()" } else { "(" };
        Offer {
            shown: format!("{method}{}", arguments::signature(&schema, command)),
            ..Offer::word(format!("{method}{open}"))
        }
    };
    schema
        .commands()
        .filter(|command| {
            command
                .name
                .chars()
                .all(|next| is_of_name(next) || next == '-')
        })
        .map(offer)
        .collect()
}

/// Modules for `import`: those in the binary, files from here, and the user's own.
fn modules(session: &mut Session, typed: &Typed<'_>) -> Vec<Offer> {
    let standard = session.reference().modules.iter();
    let mut offers: Vec<Offer> = standard.map(|module| typed.text(&module.path)).collect();
    let folders = [Some(PathBuf::new()), session.modules().map(PathBuf::from)];
    for folder in folders.into_iter().flatten() {
        for entry in files::entries(typed.raw, &folder) {
            if entry.is_folder {
                offers.push(typed.open_text(&entry.path));
            } else if let Some(module) = entry.path.strip_suffix(".rhai") {
                offers.push(typed.text(module));
            }
        }
    }
    offers
}
