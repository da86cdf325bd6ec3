//! A session of typed lines, with no terminal: a line goes in, and what it gives, or what is wrong with it, goes to the
//! session's output. The only file of the REPL (with those below its folder) that knows Rhai.

mod behind;
mod glance;
mod scripts;
mod telling;
mod values;
mod vms;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::complete::Live;
use super::lines::Lines;
use super::log::Log;
use super::pager::Pager;
use super::preferences::Preferences;
use super::prompt::Prompt;
use super::size::Size;
use super::value::Value;
use super::view::Views;
use super::{commands, help, history, whole};
use crate::report::{Exit, Report};
use crate::script::kept::Held;
use crate::script::output::Output;
use crate::script::reference::{Entry, Reference};
use crate::script::{self, Control, Ending, Outcome, Source, diagnostic, result, signals};
use crate::vm::mode::Mode;

pub use behind::Behind;

/// The signal by which a program ends whose reader went away.
const SIGPIPE: u8 = 13;

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did what it should.
    Done,
    /// It failed, which was told; a session that nobody watches ends so.
    Failed(Exit),
    /// The session is to end.
    Leave(Exit),
}

/// What the session knows of the process around it.
pub struct Surroundings {
    /// Where its lines are kept.
    pub history: Option<PathBuf>,
    /// The size of the terminal's screen now; none where there is no terminal.
    pub size: fn() -> Option<Size>,
    /// What shows what is longer than that; none where nothing does.
    pub pager: Option<Pager>,
    /// How the whole screen is taken; none where there is no terminal.
    pub views: Option<Views>,
    /// Where messages are kept for `:log`.
    pub log: Option<Log>,
    /// What somebody sets.
    pub preferences: Preferences,
    /// Whether values are shown for people; else as `eval` prints them.
    pub for_people: bool,
    /// Whether values and errors are JSON, for programs.
    pub json: bool,
}

/// A session.
pub struct Session {
    script: script::Session,
    surroundings: Surroundings,
    lines: Lines,
    in_use: Option<vms::InUse>,
    count: usize,
    reference: Option<Reference>,
    live: Live,
}

impl Session {
    /// A session whose lines run in `script`.
    pub fn new(script: script::Session, surroundings: Surroundings) -> Self {
        Self {
            script,
            surroundings,
            lines: Lines::default(),
            in_use: None,
            count: 0,
            reference: None,
            live: Live::default(),
        }
    }

    /// Does what was typed and tells its value or its error. Blocks until it is done.
    pub fn take(&mut self, text: &str) -> Answer {
        let text = text.trim_end();
        if text.trim().is_empty() {
            return Answer::Done;
        }
        if let Some(pieces) = self.pieces(text) {
            return self.take_each(&pieces);
        }
        if let Some(command) = text.trim_start().strip_prefix(':') {
            return match commands::perform(self, command) {
                Ok(answer) => answer,
                Err(report) => self.complain(&report),
            };
        }
        if help::is_asked(text) {
            return match help::answer(self, text) {
                Ok(answer) => answer,
                Err(report) => self.complain(&report),
            };
        }
        match self.evaluate(text) {
            Ok(value) if is_quiet(text) || is_nothing(text, &value) => Answer::Done,
            Ok(value) => self.tell_value(&value),
            Err(answer) => answer,
        }
    }

    /// What was pasted as several lines, if these were typed as such: commands are among them, or they are no script
    /// together, for want of the semicolons that nobody types.
    fn pieces(&self, text: &str) -> Option<Vec<String>> {
        if !text.contains('\n') {
            return None;
        }
        let pieces: Vec<String> = whole::pieces(text).map(|(_, piece)| piece).collect();
        let is_command = |piece: &String| piece.trim_start().starts_with(':');
        let compiles = |text: &str| self.script.check(&Source::new("<pasted>", text)).is_ok();
        let are_lines = pieces.iter().any(is_command)
            || !compiles(text) && pieces.iter().all(|piece| compiles(piece));
        (pieces.len() > 1 && are_lines).then_some(pieces)
    }

    fn take_each(&mut self, pieces: &[String]) -> Answer {
        for piece in pieces {
            let answer = self.take(piece);
            if answer != Answer::Done {
                return answer;
            }
        }
        Answer::Done
    }

    /// Runs the file that a user has for the start of every session: what fails in it is told and does no harm.
    pub fn take_start(&mut self, source: &Source) {
        for (before, statement) in whole::pieces(&source.text) {
            if statement.trim_start().starts_with(':') {
                self.take(&statement);
            } else {
                self.start(&source.name, before, &statement);
            }
        }
    }

    /// Runs a statement of a file that begins behind so many lines, which errors are to count.
    fn start(&mut self, name: &str, before: usize, statement: &str) {
        // So that its lines have the numbers that they have in the file.
        let text = format!("{}{statement}", "\n".repeat(before));
        self.script.set_asks(false);
        let outcome = self.script.line(&Source::new(name, text));
        // What it is worth is nothing to show at a start.
        let _ = self.ending(outcome);
    }

    /// The value of what was typed; what else ended it is told.
    pub(super) fn evaluate(&mut self, text: &str) -> Result<Value, Answer> {
        self.count += 1;
        let source = Source::new(format!("<line {}>", self.count), text);
        self.script.set_asks(self.preferences().confirm);
        let outcome = self.script.line(&source);
        let value = self.ending(outcome)?;
        self.lines.push(text);
        Ok(value)
    }

    /// As [`Session::evaluate`], for what is no line of a script: it is only looked at.
    pub(super) fn look(&mut self, text: &str) -> Result<Value, Answer> {
        let looked = self.evaluate(text);
        if looked.is_ok() {
            self.lines.pop();
        }
        looked
    }

    /// Does nothing for so long.
    pub(super) fn rest(&mut self, time: Duration) -> Answer {
        match self.script.rest(time) {
            Ok(()) => Answer::Done,
            Err(outcome) => self.ended(*outcome),
        }
    }

    /// The last messages, where they are kept.
    pub(super) fn log(&self) -> Option<&Log> {
        self.surroundings.log.as_ref()
    }

    /// How the whole screen is taken, if there is one.
    pub(super) fn views(&self) -> Option<&Views> {
        self.surroundings.views.as_ref()
    }

    fn ending(&mut self, outcome: Outcome) -> Result<Value, Answer> {
        let exit = outcome.exit();
        for note in &outcome.notes {
            self.complain(note);
        }
        match outcome.ending {
            Ending::Value(value) if outcome.notes.is_empty() => {
                Ok(values::plain(self.script.engine(), &value))
            }
            Ending::Value(_) => Err(Answer::Failed(exit)),
            Ending::Exit(code, value) => {
                // As a script's last value.
                self.tell_result(&value, self.surroundings.json);
                Err(Answer::Leave(Exit::Script(code)))
            }
            Ending::Signal(signals::CTRL_C) => {
                self.write(Output::drawn, "interrupted");
                Err(Answer::Failed(exit))
            }
            Ending::Signal(_) => Err(Answer::Leave(exit)),
            Ending::Failed(failure) => {
                let told = if self.surroundings.json {
                    result::json(&json!({ "error": failure.to_value() }), false)
                } else {
                    failure.drawn
                };
                self.write(Output::drawn, &told);
                Err(Answer::Failed(exit))
            }
        }
    }

    /// Tells how something ended that has no value.
    fn ended(&mut self, outcome: Outcome) -> Answer {
        self.ending(outcome).err().unwrap_or(Answer::Done)
    }

    /// Tells an error.
    pub fn complain(&mut self, report: &Report) -> Answer {
        let told = if self.surroundings.json {
            result::json(&json!({ "error": report.to_value() }), false)
        } else {
            diagnostic::draw_bare(report, self.preferences().color)
        };
        match self.write(Output::drawn, &told) {
            Answer::Done => Answer::Failed(report.exit),
            unwritten => unwritten,
        }
    }

    /// Releases all that lines left to be held on: the end of a session. Its error becomes the session's, if that had none.
    pub fn leave(&mut self, exit: Exit) -> Exit {
        let outcome = self.script.release_held();
        match self.ending(outcome) {
            Err(Answer::Failed(failed)) if exit == Exit::Done => failed,
            _ => exit,
        }
    }

    /// Releases what was held and ended by itself, and tells of it.
    pub fn tell_ended(&mut self) {
        if self.held().has_ended() {
            let outcome = self.script.release_ended();
            let _ = self.ending(outcome);
        }
    }

    /// Releases all that is held.
    pub(super) fn release(&mut self) -> Answer {
        let outcome = self.script.release_held();
        self.ended(outcome)
    }

    /// What becomes of changes, where they are not simply made.
    pub fn mode(&self) -> Option<&'static str> {
        match self.script.mode() {
            Mode::Live => None,
            Mode::ReadOnly => Some("read-only"),
            Mode::DryRun(_) => Some("dry-run"),
        }
    }

    /// The prompt for the next line.
    pub fn prompt(&self) -> Prompt {
        let recording = self.lines.is_recording().then_some("rec");
        let marks = self.mode().into_iter().chain(recording);
        Prompt::new(self.in_use(), marks, self.held(), self.preferences().color)
    }

    /// What is held.
    pub fn held(&self) -> Held {
        self.script.held()
    }

    /// For the thread that handles signals.
    pub fn control(&self) -> Control {
        self.script.control()
    }

    /// What is set.
    pub fn preferences(&self) -> Preferences {
        self.surroundings.preferences
    }

    pub(super) fn preferences_mut(&mut self) -> &mut Preferences {
        &mut self.surroundings.preferences
    }

    /// The lines that succeeded.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    pub(super) fn lines_mut(&mut self) -> &mut Lines {
        &mut self.lines
    }

    /// What is wrong with a script and in which line of it, as far as that can be known without running it.
    pub(super) fn check(&self, text: &str) -> Option<(usize, Report)> {
        let faults = self.script.examine(&Source::new("<saved>", text), &[]);
        let wrong = faults.into_iter().find(|fault| fault.is_error);
        wrong.map(|fault| (fault.place.line, fault.report))
    }

    /// The lines that the history keeps, oldest first.
    pub(super) fn history(&self) -> Vec<String> {
        let path = self.surroundings.history.as_deref();
        path.map(history::entries).unwrap_or_default()
    }

    /// What can be called.
    pub fn reference(&mut self) -> &Reference {
        let script = &self.script;
        self.reference.get_or_insert_with(|| script.reference())
    }

    /// The functions of lines and of imports.
    pub fn own_functions(&self) -> Vec<Entry> {
        self.script.own_functions()
    }

    /// Name, type and value of each variable, newest first.
    pub fn variables(&self) -> Vec<(String, String, Value)> {
        let of = |variable: script::Variable| {
            let kind = self.script.type_name(&variable.value);
            let value = values::plain(self.script.engine(), &variable.value);
            (variable.name, kind, value)
        };
        self.script.variables().into_iter().map(of).collect()
    }

    /// Names and types of the variables, newest first: cheaper than with their values.
    pub fn variable_types(&self) -> Vec<(String, String)> {
        self.script.variable_types()
    }

    /// The value of what was typed, and how long it took.
    pub(super) fn timed(&mut self, text: &str) -> (Result<Value, Answer>, Duration) {
        let begun = Instant::now();
        let ended = self.evaluate(text);
        (ended, begun.elapsed())
    }
}

/// Whether a value says nothing: it is none, or the empty reply of a command, as `qmpsh qmp` prints none.
fn is_nothing(text: &str, value: &Value) -> bool {
    let is_reply = || text.contains(".qmp") || text.contains(".agent");
    match value {
        Value::Nothing => true,
        Value::Map(members) => members.is_empty() && is_reply(),
        _ => false,
    }
}

/// Whether what was typed asks for no value to be shown: it ends in a semicolon.
fn is_quiet(text: &str) -> bool {
    text.ends_with(';')
}
