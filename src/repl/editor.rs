//! Where lines come from that somebody types at a terminal. The session knows an editor by [`Editor`] alone; the one that
//! there is, is rustyline's, in `line.rs`.

mod line;

use std::sync::mpsc::{Sender, channel};

pub use line::LineEditor;

use super::complete::Candidate;
use super::preferences::Preferences;
use super::prompt::Prompt;

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
    /// Where the answer goes.
    pub answer: Sender<(usize, Vec<Candidate>)>,
}

/// How an editor asks.
#[derive(Clone)]
pub struct Asker<T: From<Question>>(pub Sender<T>);

impl<T: From<Question>> Asker<T> {
    /// What the word at the cursor can become. Nothing when the session has ended.
    pub fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        let (answer, told) = channel();
        let question = Question {
            line: line.to_owned(),
            cursor,
            answer,
        };
        // A session that has ended answers by dropping the channel.
        let _ = self.0.send(question.into());
        told.recv().unwrap_or((cursor, Vec::new()))
    }
}
