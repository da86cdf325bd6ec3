//! What is wrong with a script: as a run found it, or without one.

use annotate_snippets::Level;
use rhai::{AST, EvalAltResult};

use super::Session;
use crate::report::Report;
use crate::script::check::{self, Examiner, Target};
use crate::script::diagnostic::{Explainer, Spot, draw_at};
use crate::script::error;
use crate::script::header::Header;
use crate::script::outcome::Failure;
use crate::script::source::Source;

/// Something that is wrong in a script, or notable.
#[derive(Debug)]
pub struct Fault {
    /// What it is.
    pub report: Report,
    /// The same with its place in the script, for the terminal.
    pub drawn: String,
    /// Where it is.
    pub place: Spot,
    /// Whether the script cannot do what it says; else it may with another QEMU.
    pub is_error: bool,
}

/// What is to be told of targets that are older than the script needs, each with its line; and all others, which alone
/// it is compared with.
fn for_it<'a>(header: &Header, targets: &'a [Target]) -> (Vec<(Report, usize)>, Vec<&'a Target>) {
    let Some(oldest) = header.qemu else {
        return (Vec::new(), targets.iter().collect());
    };
    let is_older = |target: &&Target| target.release.is_some_and(|own| own < oldest.release);
    let (older, others): (Vec<_>, Vec<_>) = targets.iter().partition(is_older);
    let message = |target: &Target| {
        let needed = oldest.release;
        Report::usage(format!(
            "{}: the script needs QEMU {needed} or newer",
            target.name
        ))
    };
    let told = older
        .into_iter()
        .map(|target| (message(target), oldest.line));
    (told.collect(), others)
}

impl Session {
    /// What is wrong with a script for these QEMUs, as far as that can be known without running it.
    pub fn examine(&self, source: &Source, targets: &[Target]) -> Vec<Fault> {
        let start = |line| Spot {
            source: source.name.clone(),
            line,
            column: 1,
        };
        let header = match Header::read(&source.text) {
            Ok(header) => header,
            Err(invalid) => {
                return vec![Fault {
                    drawn: draw_at(&invalid.report, source, invalid.line, self.color),
                    report: invalid.report,
                    place: start(invalid.line),
                    is_error: true,
                }];
            }
        };
        let script = match self.compile(source) {
            Ok(script) => script,
            Err(failure) => {
                return vec![Fault {
                    place: failure.place.unwrap_or_else(|| start(1)),
                    report: failure.report,
                    drawn: failure.drawn,
                    is_error: true,
                }];
            }
        };
        let (too_old, targets) = for_it(&header, targets);
        let mut examiner = Examiner::new(&self.engine, &self.library, &targets);
        let found = examiner.examine(&script, Some(&header), None);
        let fault = |found: check::Found| {
            let mut explainer = self.explainer(Some(&script), &source.name);
            if !found.is_error {
                explainer.level = Level::WARNING;
            }
            let report = explainer.explain(&found.error, error::to_report(&found.error));
            Fault {
                drawn: explainer.draw(&found.error, &report, self.color),
                place: explainer.spot(&found.error).unwrap_or_else(|| start(1)),
                report,
                is_error: found.is_error,
            }
        };
        let too_old = too_old.into_iter().map(|(report, line)| Fault {
            drawn: draw_at(&report, source, line, self.color),
            report,
            place: start(line),
            is_error: true,
        });
        too_old.chain(found.into_iter().map(fault)).collect()
    }

    /// What draws an error of a script.
    fn explainer<'a>(&'a self, script: Option<&'a AST>, name: &'a str) -> Explainer<'a> {
        Explainer {
            engine: &self.engine,
            sources: &self.sources,
            library: &self.library,
            script,
            kept: &self.kept,
            scope: &self.scope,
            name,
            level: Level::ERROR,
            lines: self.lines,
        }
    }

    /// An error that ended a script, explained and drawn.
    pub(super) fn failure(
        &self,
        error: &EvalAltResult,
        script: Option<&AST>,
        name: &str,
    ) -> Failure {
        let explainer = self.explainer(script, name);
        let report = explainer.explain(error, error::to_report(error));
        let drawn = explainer.draw(error, &report, self.color);
        Failure {
            report,
            drawn,
            place: explainer.spot(error),
        }
    }
}
