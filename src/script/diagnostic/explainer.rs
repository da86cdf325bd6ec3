//! What a script's error rests on: where it happened, how the script came there, and which names were nearly right. The
//! words come from `error.rs`, the names from `names.rs`; this file finds the places.

use std::sync::Arc;

use annotate_snippets::Level;
use rhai::{AST, Engine, EvalAltResult, ParseErrorType, Scope};

use super::{Place, Spot, draw_briefly, draw_way, printable, span};
use crate::report::{Kind, Report};
use crate::script::kept::Kept;
use crate::script::library::Library;
use crate::script::names::{self, Names};
use crate::script::source::Sources;
use crate::script::words;

/// What an error is explained with.
pub(in crate::script) struct Explainer<'a> {
    pub(in crate::script) engine: &'a Engine,
    pub(in crate::script) sources: &'a Sources,
    pub(in crate::script) library: &'a Library,
    /// The script that ran; none if it did not compile.
    pub(in crate::script) script: Option<&'a AST>,
    /// What earlier lines of the session left.
    pub(in crate::script) kept: &'a Kept,
    pub(in crate::script) scope: &'a Scope<'static>,
    /// What errors call that script.
    pub(in crate::script) name: &'a str,
    pub(in crate::script) level: Level<'static>,
    /// Whether the lines are shown.
    pub(in crate::script) lines: bool,
}

impl Explainer<'_> {
    /// The report with what the script's names tell about the error.
    pub(in crate::script) fn explain(&self, error: &EvalAltResult, mut report: Report) -> Report {
        if let Some(word) = self.unfit_name(error) {
            (report.message, report.hint) = words::unfit_for_functions(&word);
        }
        if report.hint.is_none() {
            let source = self.places(error).last().map(|place| place.source.clone());
            let text = source.map(|source| self.text(&source));
            let mistake = error.unwrap_inner();
            report.hint = self
                .out_of_reach(mistake)
                .or_else(|| self.names().near(mistake, text.as_deref()));
        }
        report
    }

    /// That a variable is there, and functions do not see it.
    fn out_of_reach(&self, mistake: &EvalAltResult) -> Option<String> {
        let EvalAltResult::ErrorVariableNotFound(name, _) = mistake else {
            return None;
        };
        self.scope.contains(name).then(|| {
            format!(
                "functions see only their own variables: hand them `{name}`, or make it a `const` and write `global::{name}`"
            )
        })
    }

    /// The word that a function was to be called by, and that is none of the names that it can have.
    fn unfit_name(&self, error: &EvalAltResult) -> Option<String> {
        let EvalAltResult::ErrorParsing(ParseErrorType::FnMissingName, _) = error.unwrap_inner()
        else {
            return None;
        };
        let place = self.places(error).pop()?;
        let text = self.text(&place.source);
        words::reserved_at(text.get(span(&text, place.position)?.start..)?)
    }

    /// Where the error happened, as far as that is known.
    pub(in crate::script) fn spot(&self, error: &EvalAltResult) -> Option<Spot> {
        let place = self.places(error).pop()?;
        Some(Spot {
            line: place.position.line()?,
            column: place.position.position().unwrap_or(1),
            source: place.source,
        })
    }

    /// Draws `report`, which is of `error`.
    pub(in crate::script) fn draw(
        &self,
        error: &EvalAltResult,
        report: &Report,
        color: bool,
    ) -> String {
        let mut places = self.places(error);
        // What a session undoes by itself has no lines.
        places.retain(|place| !place.source.is_empty());
        if !self.lines && report.kind != Kind::Fault {
            return draw_briefly(&report.shown(), places.last(), color);
        }
        let texts: Vec<Arc<str>> = places
            .iter()
            .map(|place| self.text(&place.source))
            .collect();
        let way: Vec<_> = places.iter().zip(&texts).collect();
        draw_way(self.level.clone(), &report.shown(), &way, color)
    }

    fn names(&self) -> Names<'_> {
        let mut own = self.script.map(names::of_script).unwrap_or_default();
        own.extend(self.kept.functions());
        Names {
            engine: self.engine,
            library: self.library,
            own,
            scope: self.scope,
        }
    }

    fn text(&self, source: &str) -> Arc<str> {
        printable(&self.sources.text(source).unwrap_or_default()).into()
    }

    /// The way of the script to the error, outermost first.
    fn places(&self, error: &EvalAltResult) -> Vec<Place> {
        let mut places = Vec::new();
        let mut source = self.name.to_owned();
        let mut error = error;
        loop {
            let (inner, step, next) = match error {
                EvalAltResult::ErrorInFunctionCall(name, next, inner, _) => (
                    inner,
                    format!("in the call of {}", function_name(name)),
                    next,
                ),
                EvalAltResult::ErrorInModule(name, inner, _) => {
                    (inner, format!("in the import of `{name}`"), name)
                }
                _ => break,
            };
            let position = error.position();
            if !position.is_none() {
                places.push(Place {
                    source: source.clone(),
                    position,
                    step: Some(step),
                });
            }
            if !next.is_empty() {
                source.clone_from(next);
            }
            error = inner;
        }
        if !error.position().is_none() {
            places.push(Place {
                source,
                position: error.position(),
                step: None,
            });
        }
        places
    }
}

fn function_name(name: &str) -> String {
    if names::is_closure(name) {
        "a closure".to_owned()
    } else {
        format!("`{name}`")
    }
}
