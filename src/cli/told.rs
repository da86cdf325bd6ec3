//! What is told on standard error: drawn for people, or with `--json` a JSON object on a line of its own, `{"error": {...}}` or
//! `{"warning": {...}}`. Standard output is for results alone, so that what reads them never takes an error for one.

use serde_json::json;

use super::options::Options;
use crate::inventory::ConfigError;
use crate::report::{Exit, Kind, Report};
use crate::script::header::Invalid;
use crate::script::{Failure, Source, called, diagnostic, result};

/// An error of this run.
pub(super) fn error(report: &Report, options: &Options) -> String {
    drawn(report, options, || {
        diagnostic::draw_bare(report, options.color())
    })
}

/// An error of this run that people see as `draw` draws it.
fn drawn(report: &Report, options: &Options, draw: impl FnOnce() -> String) -> String {
    if options.json {
        result::json(&json!({ "error": report.to_value() }), false)
    } else {
        draw()
    }
}

/// A mistake in the configuration, with its place there.
pub(super) fn misconfigured(error: &ConfigError, options: &Options) -> String {
    let report = Report::from(error);
    let path = error.path.to_string_lossy();
    if options.json {
        let mut told = report.to_value();
        told["config"] = json!({ "file": path });
        if let Some((line, column)) = error.line_and_column() {
            told["config"]["line"] = line.into();
            told["config"]["column"] = column.into();
        }
        return result::json(&json!({ "error": told }), false);
    }
    match &error.place {
        Some((source, span)) => {
            diagnostic::draw_marked(&report, &path, &source.text, span.clone(), options.color())
        }
        None => diagnostic::draw_bare(&report, options.color()),
    }
}

/// A mistake in a line of a script's header.
pub(super) fn bad_header(invalid: &Invalid, source: &Source, options: &Options) -> String {
    let report = &invalid.report;
    if !options.json {
        return diagnostic::draw_at(report, source, invalid.line, options.color());
    }
    let mut told = report.to_value();
    told["script"] = json!({ "source": source.name, "line": invalid.line });
    result::json(&json!({ "error": told }), false)
}

/// An error of a command line whose options could not be read.
pub(super) fn of_line(report: &Report, json: bool) -> String {
    if json {
        result::json(&json!({ "error": report.to_value() }), false)
    } else {
        diagnostic::draw_bare(report, false)
    }
}

/// What is no error of this run.
pub(super) fn warning(report: &Report, options: &Options) -> String {
    if options.json {
        result::json(&json!({ "warning": report.to_value() }), false)
    } else {
        diagnostic::draw_warning(report, options.color())
    }
}

/// An error that ended a script, with its place there.
pub(super) fn failure(failure: &Failure, options: &Options) -> String {
    if !options.json {
        return failure.drawn.clone();
    }
    result::json(&json!({ "error": failure.to_value() }), false)
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
    result::json(
        &json!({ "error": called::misread(error).to_value() }),
        false,
    )
}
