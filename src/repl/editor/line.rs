//! The editor of lines, by rustyline: its keys, its history, and what this session tells it to complete, to hint and to
//! show as a prompt.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::PathBuf;

use nu_ansi_term::Style as Paint;
use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, EditMode, Editor as Rustyline, Helper};

use super::ahead::Ahead;
use super::{Asker, Editor, Input, Question};
use crate::repl::complete::Candidate;
use crate::repl::history;
use crate::repl::preferences::{Keys, Preferences};
use crate::repl::prompt::Prompt;
use crate::repl::size::width;
use crate::repl::typing::Typing;
use crate::repl::whole;
use crate::script::consent::is_yes;

/// An editor at the process's terminal.
pub struct LineEditor<T: From<Question>> {
    rustyline: Rustyline<Assistant<T>, FileHistory>,
    history: Option<PathBuf>,
    ahead: Ahead,
}

impl<T: From<Question>> LineEditor<T> {
    /// An editor with the lines of that file as its history. Fails if the terminal cannot be used.
    pub fn new(asker: Asker<T>, typing: Typing, history: Option<PathBuf>) -> Result<Self, String> {
        let failed = |error: ReadlineError| error.to_string();
        let config = Config::builder()
            .max_history_size(history::LINES)
            .map_err(failed)?
            .history_ignore_dups(true)
            .map_err(failed)?
            .completion_type(CompletionType::List)
            .completion_prompt_limit(200)
            .bracketed_paste(true)
            .build();
        let mut rustyline = Rustyline::with_config(config).map_err(failed)?;
        rustyline.set_helper(Some(Assistant {
            asker,
            typing,
            hints: Cell::new(true),
            prompt: Cell::new(0),
            is_answer: Cell::new(false),
            hinter: HistoryHinter::new(),
        }));
        if let Some(path) = &history {
            // There is none yet, or it is no text: then there are no earlier lines.
            let _ = rustyline.load_history(path);
        }
        Ok(Self {
            rustyline,
            history,
            ahead: Ahead::default(),
        })
    }

    fn take_keys(&mut self, preferences: Preferences) {
        self.rustyline.set_edit_mode(match preferences.keys {
            Keys::Emacs => EditMode::Emacs,
            Keys::Vi => EditMode::Vi,
        });
    }

    fn read_at(&mut self, prompt: &Prompt) -> rustyline::Result<String> {
        let typing = self.rustyline.helper().map(|helper| helper.typing.clone());
        let typing = typing.unwrap_or_default();
        let begun = typing.begin(prompt);
        if let Some(assistant) = self.rustyline.helper() {
            assistant.prompt.set(begun.chars().count());
        }
        let read = self.rustyline.readline(&begun);
        typing.end();
        read
    }

    fn remember(&mut self, text: &str) {
        if !history::is_kept(text) {
            return;
        }
        let added = self.rustyline.add_history_entry(text);
        if let (Ok(true), Some(path)) = (added, &self.history) {
            // A history that cannot be written is no reason to stop; the lines of now are still there.
            let _ = self.rustyline.append_history(path);
        }
    }
}

impl<T: From<Question>> Editor for LineEditor<T> {
    fn read(&mut self, prompt: &Prompt, preferences: Preferences) -> Input {
        self.take_keys(preferences);
        let Some(assistant) = self.rustyline.helper_mut() else {
            return Input::End;
        };
        // Without colours a hint could not be told from what was typed.
        assistant.hints.set(preferences.hints && preferences.color);
        assistant.is_answer.set(false);
        if self.ahead.ends() {
            return Input::End;
        }
        let read = self.read_at(prompt);
        self.ahead.given(read.as_deref().ok());
        match read {
            Ok(text) => {
                self.remember(&text);
                Input::Text(text)
            }
            Err(ReadlineError::Interrupted) => Input::GivenUp,
            Err(_) => Input::End,
        }
    }

    fn ask(&mut self, question: &Prompt, preferences: Preferences) -> bool {
        self.take_keys(preferences);
        if let Some(assistant) = self.rustyline.helper_mut() {
            assistant.hints.set(false);
            assistant.is_answer.set(true);
        }
        // Ctrl-C and the end of the input are no answer, and so no yes.
        let answer = self.read_at(question).unwrap_or_default();
        is_yes(&answer)
    }
}

/// What rustyline asks while somebody types.
struct Assistant<T: From<Question>> {
    asker: Asker<T>,
    typing: Typing,
    hints: Cell<bool>,
    /// How wide the prompt is.
    prompt: Cell<usize>,
    /// Whether what is typed answers a question: then nobody is there who could be asked anything.
    is_answer: Cell<bool>,
    hinter: HistoryHinter,
}

impl<T: From<Question>> Helper for Assistant<T> {}

impl<T: From<Question>> Assistant<T> {
    /// How many characters fit behind the line in its last row.
    fn room(&self, line: &str) -> usize {
        let columns = width().max(1);
        let typed = match line.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => self.prompt.get() + line.chars().count(),
        };
        columns.saturating_sub(typed % columns + 1)
    }
}

impl<T: From<Question>> Validator for Assistant<T> {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(
            if self.is_answer.get() || whole::is_whole(context.input()) {
                ValidationResult::Valid(None)
            } else {
                ValidationResult::Incomplete
            },
        )
    }
}

/// What is between the line and a signature, and what stands for the rest of one.
const GAP: &str = "   ";
const CUT: &str = "...";

/// How much of a signature says something.
const LEAST: usize = 20;

/// What stands in grey behind the line.
enum Hint {
    /// How an earlier line went on, which a key takes over.
    Earlier(String),
    /// The signature of the call at the cursor, which is to be read only.
    Signature(String),
}

impl Hint {
    /// A signature, cut to so many characters; none where that would say nothing.
    fn that_fits(signature: &str, room: usize) -> Option<Self> {
        let length = signature.chars().count();
        let room = room
            .checked_sub(GAP.len() + CUT.len())
            .filter(|room| *room >= length.min(LEAST))?;
        let head: String = signature.chars().take(room).collect();
        let cut = if length > room { CUT } else { "" };
        Some(Self::Signature(format!("{GAP}{head}{cut}")))
    }
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        match self {
            Self::Earlier(text) | Self::Signature(text) => text,
        }
    }

    fn completion(&self) -> Option<&str> {
        match self {
            Self::Earlier(text) => Some(text),
            Self::Signature(_) => None,
        }
    }
}

impl<T: From<Question>> Hinter for Assistant<T> {
    type Hint = Hint;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<Hint> {
        let hint = self.hints.get().then(|| {
            let earlier = self.hinter.hint(line, cursor, context);
            // Several lines are more than a hint.
            let earlier = earlier.filter(|hint| !hint.contains('\n'));
            earlier.map(Hint::Earlier).or_else(|| {
                let is_at_end = cursor == line.len() && !line.is_empty();
                let signature = is_at_end.then(|| self.asker.hint(line))??;
                Hint::that_fits(&signature, self.room(line))
            })
        });
        let hint = hint.flatten();
        self.typing
            .hints(hint.as_ref().map(rustyline::hint::Hint::display));
        hint
    }
}

impl<T: From<Question>> Highlighter for Assistant<T> {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        is_own: bool,
    ) -> Cow<'b, str> {
        match self.typing.prompts(is_own) {
            Some(now) => Cow::Owned(now),
            None => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(Paint::new().dimmed().paint(hint).to_string())
    }

    /// Called before each change, so also where only the changed character is written.
    fn highlight_char(&self, line: &str, cursor: usize, kind: CmdKind) -> bool {
        if kind == CmdKind::ForcedRefresh {
            self.typing.hints(None);
        }
        self.typing.changes(line, cursor);
        false
    }
}

impl<T: From<Question>> Completer for Assistant<T> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.is_answer.get() {
            return Ok((cursor, Vec::new()));
        }
        let (start, candidates) = self.asker.complete(line, cursor);
        let pair = |candidate: Candidate| Pair {
            display: candidate.shown,
            replacement: candidate.text,
        };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}
