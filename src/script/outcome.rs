//! How a run ended, for whoever started it: a value, an exit, a signal, or an error as data and as drawn.

use std::any::Any;

use rhai::Dynamic;
use serde_json::{Value, json};

use super::diagnostic::{Spot, draw_bare};
use crate::report::{Exit, Kind, Report};

/// How a run ended, and what else it has to tell.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Problems beside the ending: releases that failed while something else ended the run.
    pub notes: Vec<Report>,
}

/// What ended a run.
#[derive(Debug)]
pub enum Ending {
    /// The script's last value.
    Value(Dynamic),
    /// The script called `exit`, maybe with a value.
    Exit(u8, Dynamic),
    /// The process got this signal.
    Signal(u8),
    /// An error that nothing caught.
    Failed(Failure),
}

/// An error that ended a run, as data and as drawn for the terminal.
#[derive(Debug)]
pub struct Failure {
    /// The error.
    pub report: Report,
    /// The error with its place in the script, several lines without a newline at the end.
    pub drawn: String,
    /// Where in the script it happened, as far as that is known.
    pub place: Option<Spot>,
}

impl Failure {
    /// The error as data, with its place.
    pub fn to_value(&self) -> Value {
        let mut error = self.report.to_value();
        if let Some(place) = &self.place {
            error["script"] = json!({
                "source": place.source, "line": place.line, "column": place.column,
            });
        }
        error
    }

    /// An error that happened at no place in a script.
    pub fn bare(report: Report) -> Self {
        Self {
            drawn: draw_bare(&report, false),
            report,
            place: None,
        }
    }
}

impl Outcome {
    /// The outcome of a run that came to nothing.
    pub fn of_failure(failure: Failure) -> Self {
        Self {
            ending: Ending::Failed(failure),
            notes: Vec::new(),
        }
    }

    /// The value to print: the script's last, or what it gave to `exit`.
    pub fn value(&self) -> Option<&Dynamic> {
        match &self.ending {
            Ending::Value(value) => Some(value),
            Ending::Exit(_, value) if !value.is_unit() => Some(value),
            _ => None,
        }
    }

    /// How the process ends after this.
    pub fn exit(&self) -> Exit {
        match &self.ending {
            Ending::Value(_) if self.notes.is_empty() => Exit::Done,
            Ending::Value(_) => Exit::Failed,
            Ending::Exit(0, _) if !self.notes.is_empty() => Exit::Failed,
            Ending::Exit(code, _) => Exit::Script(*code),
            Ending::Signal(signal) => Exit::Signal(*signal),
            Ending::Failed(failure) => failure.report.exit,
        }
    }
}

/// A panic, as the fault of ours that it is.
pub fn fault(panic: &(dyn Any + Send)) -> Failure {
    let said = panic
        .downcast_ref::<&str>()
        .map(|said| (*said).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let report = Report::new(Kind::Fault, format!("qmpsh itself failed: {said}"))
        .with_hint("this is a bug: please report it with the script and the lines above");
    Failure::bare(report)
}
