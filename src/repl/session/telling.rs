//! How the session shows values and texts: for people or raw, in lines of the screen's width, and through a pager what is
//! longer than the screen.

use std::io;

use rhai::Dynamic;

use super::{Answer, SIGPIPE, Session, values};
use crate::repl::pager::{self, Pager};
use crate::repl::preferences::Lines;
use crate::repl::show::{Style, show};
use crate::repl::value::Value;
use crate::report::{Exit, Kind};
use crate::script::output::Output;
use crate::script::{diagnostic, result};
use crate::wire::escape::escaped_lines;

/// How wide what is shown is where no terminal says.
const WIDTH: usize = 100;

/// How many lines of a value are shown where there is no pager.
const LINES: usize = 200;

/// How many a pager is given: more than anybody reads.
const PAGED: usize = 100_000;

impl Session {
    /// Shows a line's value, which is `last` now: for people, or as `eval` does.
    pub(in crate::repl) fn tell_value(&mut self, value: &Value) -> Answer {
        if self.surroundings.for_people || matches!(value, Value::Nothing) {
            return self.tell_shown(value);
        }
        self.tell_raw(self.surroundings.json)
    }

    /// Shows `last` raw: as JSON, or text bare.
    pub(in crate::repl) fn tell_raw(&mut self, json: bool) -> Answer {
        let last = self.last();
        self.tell_result(&last, json)
    }

    pub(super) fn tell_result(&mut self, value: &Dynamic, json: bool) -> Answer {
        match result::text(value, json, self.surroundings.for_people) {
            Ok(None) => Answer::Done,
            Ok(Some(text)) if self.pager().is_some() => self.tell(&escaped_lines(&text)),
            Ok(Some(text)) => self.write(Output::result, &text),
            Err(report) => self.complain(&report),
        }
    }

    /// Shows all of `last`, however long it is.
    pub(in crate::repl) fn tell_all(&mut self) -> Answer {
        let value = values::plain(self.script.engine(), &self.last());
        let style = Style {
            lines: 0,
            ..self.style()
        };
        show(&value, style).map_or(Answer::Done, |shown| self.tell(&shown))
    }

    fn last(&self) -> Dynamic {
        let variables = self.script.variables();
        let last = variables.into_iter().find(|one| one.name == "last");
        last.map_or(Dynamic::UNIT, |last| last.value)
    }

    /// As [`Session::tell`] with no pager: for what was seen already and is to stay.
    pub(in crate::repl) fn tell_again(&mut self, text: &str) -> Answer {
        self.write(Output::shown, text)
    }

    /// Shows text that is fit for a terminal; what is longer than the screen in the pager.
    pub(in crate::repl) fn tell(&mut self, text: &str) -> Answer {
        let size = (self.surroundings.size)();
        // The next prompt takes a line too.
        let is_long = size.is_some_and(|size| pager::rows(text, size.columns) >= size.rows);
        let Some(pager) = self.pager().filter(|_| is_long) else {
            return self.write(Output::shown, text);
        };
        match pager.show(text, self.mode().is_some()) {
            Ok(()) => Answer::Done,
            Err(report) => {
                let warning = diagnostic::draw_warning(&report, self.preferences().color);
                match self.write(Output::drawn, &warning) {
                    Answer::Done => self.write(Output::shown, text),
                    unwritten => unwritten,
                }
            }
        }
    }

    /// What shows what is longer than the screen, if that is wanted.
    fn pager(&self) -> Option<&Pager> {
        let pager = self.surroundings.pager.as_ref();
        pager.filter(|_| self.preferences().pager)
    }

    /// What cannot be written ends the session: nobody reads it any more.
    pub(super) fn write(&self, by: fn(&Output, &str) -> io::Result<()>, text: &str) -> Answer {
        match by(self.script.output(), text) {
            Ok(()) => Answer::Done,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Answer::Leave(Exit::Signal(SIGPIPE))
            }
            Err(_) => Answer::Leave(Kind::Host.exit()),
        }
    }

    /// How values are shown now.
    pub(in crate::repl) fn style(&self) -> Style {
        let preferences = self.preferences();
        Style {
            color: preferences.color,
            width: (self.surroundings.size)().map_or(WIDTH, |size| size.columns),
            lines: match (preferences.lines, self.pager()) {
                (Lines::Auto, Some(_)) => PAGED,
                (Lines::Auto, None) => LINES,
                (Lines::Some(lines), _) => lines,
                (Lines::All, _) => 0,
            },
        }
    }

    /// Shows a value for people.
    pub(in crate::repl) fn tell_shown(&mut self, value: &Value) -> Answer {
        let shown = show(value, self.style());
        shown.map_or(Answer::Done, |shown| self.tell(&shown))
    }
}
