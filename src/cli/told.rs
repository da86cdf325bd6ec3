//! What is told on standard error: drawn for people, or with `--json` a JSON object on a line of its own, `{"error": {...}}` or
//! `{"warning": {...}}`. Standard output is for results alone, so that what reads them never takes an error for one.

use serde_json::json;

use super::options::Options;
use crate::report::{Exit, Kind, Report};
use crate::script::{Failure, diagnostic};

/// An error of this run.
pub(super) fn error(report: &Report, options: &Options) -> String {
    drawn(report, options, || {
        diagnostic::draw_bare(report, options.color())
    })
}

/// An error of this run that people see as `draw` draws it.
pub(super) fn drawn(report: &Report, options: &Options, draw: impl FnOnce() -> String) -> String {
    if options.json {
        json!({ "error": report.to_value() }).to_string()
    } else {
        draw()
    }
}

/// What is no error of this run.
pub(super) fn warning(report: &Report, options: &Options) -> String {
    if options.json {
        json!({ "warning": report.to_value() }).to_string()
    } else {
        diagnostic::draw_warning(report, options.color())
    }
}

/// An error that ended a script, with its place there.
pub(super) fn failure(failure: &Failure, options: &Options) -> String {
    if !options.json {
        return failure.drawn.clone();
    }
    let mut error = failure.report.to_value();
    if let Some(place) = &failure.place {
        error["script"] = json!({
            "source": place.source, "line": place.line, "column": place.column,
        });
    }
    json!({ "error": error }).to_string()
}

/// That a signal ended the run.
pub(super) fn signal(signal: u8, options: &Options) -> String {
    let name = signal_hook::low_level::signal_name(signal.into()).unwrap_or("a signal");
    let report = Report::new(Kind::Interrupted, format!("ended by {name}"));
    let report = report.with_exit(Exit::Signal(signal));
    drawn(&report, options, || format!("qmpsh: {}", report.message))
}

/// A command line that clap could not read, as JSON.
pub(super) fn usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let (tips, mut others): (Vec<_>, Vec<_>) =
        paragraphs.partition(|paragraph| paragraph.starts_with("tip: "));
    let message = others.remove(0);
    let mut report = Report::usage(message.trim_start_matches("error: "));
    report.hint = tips
        .first()
        .map(|tip| tip.trim_start_matches("tip: ").to_owned());
    json!({ "error": report.to_value() }).to_string()
}
