//! Where lines come from that somebody types at a terminal. The session knows an editor by [`Editor`] alone; the one that
//! there is, is rustyline's, in `line.rs`.

mod ahead;
mod line;

use std::sync::mpsc::{Sender, channel};

pub use line::LineEditor;

use super::complete::{Candidate, complete, hint};
use super::preferences::Preferences;
use super::prompt::Prompt;
use super::session::Session;

/// Reads what is typed.
pub trait Editor {
    /// Reads a line, or several that belong together. Blocks until it is there.
    fn read(&mut self, prompt: &Prompt, preferences: Preferences) -> Input;

    /// Puts a question and reads whether the answer is yes. Blocks until it is there.
    fn ask(&mut self, question: &Prompt, preferences: Preferences) -> bool;
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// This.
    Text(String),
    /// Nothing: the line was given up.
    GivenUp,
    /// Nothing, and nothing will be: the end of the input.
    End,
}

/// What an editor asks its session while somebody types: the session lives on another thread.
pub struct Question {
    /// The line so far.
    pub line: String,
    /// Where the cursor stands in it, in bytes.
    pub cursor: usize,
    /// What is asked, and where the answer goes.
    pub asked: Asked,
}

/// What an editor asks about a line.
pub enum Asked {
    /// What the word at the cursor can become.
    Candidates(Sender<(usize, Vec<Candidate>)>),
    /// The signature of the call at the cursor.
    Hint(Sender<Option<String>>),
}

impl Question {
    /// Answers from the session. An editor that does not wait any more has no need of it.
    pub fn answer(self, session: &mut Session) {
        match self.asked {
            Asked::Candidates(answer) => {
                let _ = answer.send(complete(session, &self.line, self.cursor));
            }
            Asked::Hint(answer) => {
                let _ = answer.send(hint(session, &self.line));
            }
        }
    }
}

/// How an editor asks.
#[derive(Clone)]
pub struct Asker<T: From<Question>>(pub Sender<T>);

impl<T: From<Question>> Asker<T> {
    /// What the word at the cursor can become. Nothing when the session has ended.
    pub fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        self.ask(line, cursor, Asked::Candidates)
            .unwrap_or((cursor, Vec::new()))
    }

    /// The signature of the call in which the line ends.
    pub fn hint(&self, line: &str) -> Option<String> {
        self.ask(line, line.len(), Asked::Hint).flatten()
    }

    fn ask<A>(&self, line: &str, cursor: usize, ask: impl FnOnce(Sender<A>) -> Asked) -> Option<A> {
        let (answer, told) = channel();
        let question = Question {
            line: line.to_owned(),
            cursor,
            asked: ask(answer),
        };
        // A session that has ended answers by dropping the channel.
        let _ = self.0.send(question.into());
        told.recv().ok()
    }
}
