//! The names that `with ... as NAME` binds in closures. Rhai's parser does not know that this syntax declares a variable, so
//! a closure that holds one takes NAME for a variable of its surroundings, and wants its value when it is made. It gets `()`,
//! which the guard's own variable then hides.
//!
//! Only names in closures are noted: elsewhere, one that is used outside of its block is a mistake that is to be told.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::Token;

thread_local! {
    /// A text is lexed by one thread from its start to its end, but the callback has no place to keep this.
    static PLACE: RefCell<Place> = const { RefCell::new(Place::new()) };
}

/// Where the lexer is.
struct Place {
    head: Head,
    /// How many brackets are open.
    depth: usize,
    /// How many were open where each closure that is open began.
    closures: Vec<usize>,
    in_parameters: bool,
    /// Whether the last token can end a value, so that a `|` behind it is an operator.
    behind_value: bool,
}

/// How far the lexer is in the head of a `with`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Elsewhere,
    BehindWith,
    BehindAs,
}

/// The names seen so far; all clones know the same.
#[derive(Clone, Default)]
pub(super) struct BoundNames(Arc<Mutex<BTreeSet<String>>>);

impl BoundNames {
    /// Takes note of a token that passes by.
    pub(super) fn pass(&self, token: &Token) {
        if let Some(name) = PLACE.with_borrow_mut(|place| place.pass(token)) {
            let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            names.insert(name);
        }
    }

    /// Whether a `with` in a closure binds this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.contains(name)
    }
}

/// To be called before each text that is compiled: the one before may have ended in the middle.
pub(super) fn start_of_text() {
    PLACE.set(Place::new());
}

impl Place {
    const fn new() -> Self {
        Self {
            head: Head::Elsewhere,
            depth: 0,
            closures: Vec::new(),
            in_parameters: false,
            behind_value: false,
        }
    }

    /// The name that a `with` in a closure binds, when this is it.
    fn pass(&mut self, token: &Token) -> Option<String> {
        self.follow_closures(token);
        let (head, name) = match (token, self.head) {
            (Token::Custom(word) | Token::Reserved(word), _) if word.as_str() == "with" => {
                (Head::BehindWith, None)
            }
            (Token::As, Head::BehindWith) => (Head::BehindAs, None),
            (Token::Identifier(name), Head::BehindAs) => (Head::Elsewhere, Some(name.to_string())),
            // `import "..." as NAME` names a module.
            (Token::Import, _) | (_, Head::BehindAs) => (Head::Elsewhere, None),
            (_, head) => (head, None),
        };
        self.head = head;
        name.filter(|_| !self.closures.is_empty())
    }

    fn follow_closures(&mut self, token: &Token) {
        match token {
            Token::Pipe if self.in_parameters => {
                self.in_parameters = false;
                self.closures.push(self.depth);
            }
            Token::Pipe if !self.behind_value => self.in_parameters = true,
            Token::Or if !self.behind_value => self.closures.push(self.depth),
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart => {
                self.depth += 1;
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace => {
                self.depth = self.depth.saturating_sub(1);
                let depth = self.depth;
                self.closures.retain(|began| *began <= depth);
            }
            Token::Comma | Token::SemiColon if !self.in_parameters => {
                let depth = self.depth;
                self.closures.retain(|began| *began < depth);
            }
            _ => {}
        }
        self.behind_value = matches!(
            token,
            Token::Identifier(_)
                | Token::IntegerConstant(_)
                | Token::FloatConstant(_)
                | Token::StringConstant(_)
                | Token::CharConstant(_)
                | Token::True
                | Token::False
                | Token::RightParen
                | Token::RightBracket
        );
    }
}
