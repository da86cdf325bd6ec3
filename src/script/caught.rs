//! What `catch (err)` sees of a mistake that Rhai itself found: a map like that of every other error, with the words and the
//! advice that the terminal would show. Rhai makes a map of its own from it, which has no kind, and lets nobody in between;
//! so the names of such variables are noted while a text is read, and the map is exchanged when the script first looks at it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::{Dynamic, EvalAltResult, EvalContext, Map, Position, Token};

use super::error;
use super::library::Library;
use super::names::{self, Names};
use crate::report::Report;

thread_local! {
    /// A text is lexed by one thread from its start to its end, but the callback has no place to keep this.
    static HEAD: Cell<Head> = const { Cell::new(Head::Elsewhere) };
}

/// How far the lexer is in `catch (NAME)`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Elsewhere,
    BehindCatch,
    Within,
}

/// The variables that hold what was caught; all clones know the same.
#[derive(Clone, Default)]
pub(super) struct Catchers(Arc<Known>);

#[derive(Default)]
struct Known {
    /// Whether there is any: each look at a variable passes here.
    any: AtomicBool,
    names: RwLock<BTreeSet<String>>,
}

impl Catchers {
    /// Takes note of a token that passes by.
    pub(super) fn pass(&self, token: &Token) {
        let head = match (HEAD.get(), token) {
            (_, Token::Catch) => Head::BehindCatch,
            (Head::BehindCatch, Token::LeftParen) => Head::Within,
            (Head::Within, Token::Identifier(name)) => {
                let mut names = self.0.names.write().unwrap_or_else(PoisonError::into_inner);
                names.insert(name.to_string());
                self.0.any.store(true, Ordering::Release);
                Head::Elsewhere
            }
            _ => Head::Elsewhere,
        };
        HEAD.set(head);
    }

    fn has(&self, name: &str) -> bool {
        let names = || self.0.names.read().unwrap_or_else(PoisonError::into_inner);
        self.0.any.load(Ordering::Acquire) && names().contains(name)
    }

    /// Exchanges what the variable `name` holds if that is Rhai's own map of an error.
    pub(super) fn look_at(&self, name: &str, context: &mut EvalContext, library: &Library) {
        if !self.has(name) {
            return;
        }
        let raw = context.scope_mut().get_mut(name).and_then(|value| {
            let map = value.read_lock::<Map>()?;
            Raw::of(&map)
        });
        let Some(raw) = raw else {
            return;
        };
        let known = Names {
            engine: context.engine(),
            library,
            own: context.iter_namespaces().flat_map(names::shapes).collect(),
            scope: context.scope(),
        };
        let mut report = raw.report;
        report.hint = report.hint.or_else(|| {
            let text = library.text(&raw.source);
            known.near(raw.mistake.as_ref()?, text.as_deref())
        });
        let map = error::to_map(&report);
        let value = context.scope_mut().get_mut(name);
        if let Some(mut value) = value.and_then(Dynamic::write_lock::<Map>) {
            *value = map;
        }
    }
}

/// To be called before each text that is compiled: the one before may have ended in the middle.
pub(super) fn start_of_text() {
    HEAD.set(Head::Elsewhere);
}

/// A mistake that Rhai found and that a script caught, as far as the map tells that Rhai made of it.
struct Raw {
    /// It in people's words.
    report: Report,
    /// The mistake, for who knows the names that were nearly right.
    mistake: Option<EvalAltResult>,
    /// The text in which it happened.
    source: String,
}

impl Raw {
    /// What Rhai's map tells; none for any other map.
    fn of(map: &Map) -> Option<Self> {
        let member = |key: &str| map.get(key).and_then(error::text_of);
        let is_rhais = member("error")?.starts_with("Error") && !map.contains_key("kind");
        let message = member("message").filter(|_| is_rhais)?;
        // A mistake in a function that was called is told by its sentence alone, with its place and the calls behind.
        let calls = [
            "\nin call to function '",
            "\nin closure call",
            "\nin module",
        ];
        let end = calls.iter().filter_map(|call| message.find(call)).min();
        let (sentence, within) = match end {
            Some(end) => without_place(&message[..end]),
            None => (message.as_str(), None),
        };
        let source = within.map(str::to_owned).or_else(|| member("source"));
        let (report, mistake) = from_sentence(sentence);
        Some(Self {
            report,
            mistake,
            source: source.unwrap_or_default(),
        })
    }
}

/// Cuts ` @ 'SOURCE' (line 1, position 2)` off, and tells the source.
fn without_place(sentence: &str) -> (&str, Option<&str>) {
    let sentence = match sentence.rfind(" (line ") {
        Some(place) if sentence.ends_with(')') => &sentence[..place],
        _ => sentence,
    };
    let parts = sentence
        .strip_suffix('\'')
        .and_then(|rest| rest.rsplit_once(" @ '"));
    match parts {
        Some((sentence, source)) => (sentence, Some(source)),
        None => (sentence, None),
    }
}

/// The mistake that Rhai tells with this sentence, and its report.
fn from_sentence(sentence: &str) -> (Report, Option<EvalAltResult>) {
    use EvalAltResult as E;
    let nowhere = Position::NONE;
    let behind = |start: &str| sentence.strip_prefix(start).map(str::to_owned);
    if let Some(problem) = behind("Syntax error: ") {
        return (Report::usage(error::decapitalized(&problem)), None);
    }
    let mistake = if let Some(signature) = behind("Function not found: ") {
        E::ErrorFunctionNotFound(signature, nowhere)
    } else if let Some(name) = behind("Variable not found: ") {
        E::ErrorVariableNotFound(name, nowhere)
    } else if let Some(name) = behind("Module not found: ") {
        E::ErrorModuleNotFound(name, nowhere)
    } else if let Some(name) = behind("Data race detected") {
        let name = name.trim_start_matches(" on variable ").trim_matches('\'');
        E::ErrorDataRace(name.to_owned(), nowhere)
    } else if let Some(name) = behind("Cannot modify constant ") {
        E::ErrorAssignmentToConstant(name, nowhere)
    } else {
        let types = behind("Data type incorrect: ");
        let types = types.as_deref().and_then(|types| {
            let (given, wanted) = types.split_once(" (expecting ")?;
            Some((wanted.strip_suffix(')')?.to_owned(), given.to_owned()))
        });
        match types {
            Some((wanted, given)) => E::ErrorMismatchDataType(wanted, given, nowhere),
            // Its sentence is all that is told of it.
            None => E::ErrorDotExpr(sentence.to_owned(), nowhere),
        }
    };
    (error::to_report(&mistake), Some(mistake))
}
