//! How a command ends: its result on standard output, what went wrong on standard error, and the exit code.

use std::io::{self, IsTerminal, Write};

use super::options::Options;
use super::told;
use crate::report::{Exit, Kind, Report};
use crate::script::output::Output;
use crate::script::stop::Cause;
use crate::script::{Ending, Outcome, Session, result};

/// SIGPIPE: the reader of our output went away, and so do we, without a word.
pub(super) const SIGPIPE: u8 = 13;

/// Tells that not even a session could be made.
pub(super) fn no_session(error: &io::Error, options: &Options) -> Exit {
    complain(
        &Report::new(Kind::Fault, format!("qmpsh cannot start: {error}")),
        options,
    )
}

/// Shows a report that belongs to no script.
pub(super) fn complain(report: &Report, options: &Options) -> Exit {
    options.opened.showing(report);
    tell(&told::error(report, options));
    report.exit
}

/// Shows a report that is no error of this run.
pub(super) fn warn(report: &Report, options: &Options) {
    tell(&told::warning(report, options));
}

/// Writes a message on standard error. Where not even that can be written there is nobody left to tell.
pub(super) fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a result on standard output.
pub(super) fn print(text: &str, options: &Options) -> Exit {
    write(&Output::of_process(options.json), text, options)
}

/// Writes a run's result at its end to its streams. Of a replay that differs none is written with `--json`; for people it
/// is, as all that the script printed before.
pub(super) fn write(output: &Output, text: &str, options: &Options) -> Exit {
    if options.json && options.opened.differs() {
        return Exit::Done;
    }
    match output.result(text) {
        Ok(()) => Exit::Done,
        Err(error) => unwritten(&error, options),
    }
}

/// Writes a line on standard output whose parts are fit for a terminal already, and whose colours are ours.
pub(super) fn print_drawn(line: &str, options: &Options) -> Exit {
    match writeln!(io::stdout().lock(), "{line}") {
        Ok(()) => Exit::Done,
        Err(error) => unwritten(&error, options),
    }
}

/// Prints the run's value as `eval` does, or tells how else it ended.
pub(super) fn with_value(session: &Session, outcome: Outcome, options: &Options) -> Exit {
    let spread = !options.json && io::stdout().is_terminal();
    let text = outcome
        .value()
        .map_or(Ok(None), |value| result::text(value, options.json, spread));
    let printed = match text {
        Ok(None) => Exit::Done,
        Ok(Some(text)) => write(session.output(), &text, options),
        Err(report) => complain(&report, options),
    };
    // Whatever became of the value: what else the run has to tell is told.
    match (printed, without_value(outcome, options)) {
        (Exit::Done, exit) => exit,
        (unprinted, _) => unprinted,
    }
}

/// Tells what stopped work that ran no script.
pub(super) fn stopped(cause: &Cause, options: &Options) -> Exit {
    match cause {
        Cause::Signal(signal) => {
            tell_signal(*signal, options);
            Exit::Signal(*signal)
        }
        Cause::Exit(code) => Exit::Script(*code),
        Cause::Ended(_, report) => complain(report, options),
    }
}

fn tell_signal(signal: u8, options: &Options) {
    if signal != SIGPIPE {
        tell(&told::signal(signal, options));
    }
}

/// Tells how the run ended, without its value.
pub(super) fn without_value(outcome: Outcome, options: &Options) -> Exit {
    let exit = outcome.exit();
    match outcome.ending {
        Ending::Failed(failure) => {
            options.opened.showing(&failure.report);
            tell(&told::failure(&failure, options));
        }
        Ending::Signal(signal) => tell_signal(signal, options),
        _ => {}
    }
    for note in &outcome.notes {
        complain(note, options);
    }
    exit
}

/// That the output cannot be written.
pub(super) fn unwritable(error: &io::Error) -> Report {
    Report::new(Kind::Host, format!("the output cannot be written: {error}"))
}

/// That a command whose output is a text of its own sort has no JSON to print.
pub(super) fn no_json(what: &str) -> Report {
    Report::usage(format!("{what} has no JSON form")).with_hint("leave `--json` out")
}

/// Ends a command whose output cannot be written.
pub(super) fn unwritten(error: &io::Error, options: &Options) -> Exit {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Exit::Signal(SIGPIPE);
    }
    complain(&unwritable(error), options)
}
