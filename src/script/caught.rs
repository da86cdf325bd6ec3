//! What `catch (err)` sees of a mistake that Rhai itself found: a map like that of every other error, with the words and the
//! advice that the terminal would show. Rhai makes a map of its own from it, which has no kind, and lets nobody in between;
//! so the names of such variables are noted while a text is read, and the map is exchanged when the script first looks at it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::{Dynamic, EvalContext, Map, Token};

use super::error;
use super::library::Library;
use super::names::{self, Names};

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
            error::Raw::of(&map)
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
