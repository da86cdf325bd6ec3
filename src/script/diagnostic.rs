//! An error that ended a script, drawn for the terminal: what happened, the line with a caret, how the script came
//! there across functions and modules, and what to do. The words come from `error.rs`, the names that were nearly right
//! from `names.rs`; this file finds the places. What scripts and guests put into the words is escaped, and secrets in
//! them hidden; the script's own lines are shown as they are.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use rhai::{AST, Engine, EvalAltResult, ParseErrorType, Position, Scope};

use super::kept::Kept;
use super::library::Library;
use super::names::{self, Names};
use super::source::{Source, Sources};
use super::words;
use crate::report::{Kind, Report};
use crate::wire::escape::{escaped, escaped_lines};

/// How many calls of a long chain are drawn at each of its ends.
const CALLS_SHOWN: usize = 5;

/// What an error is explained with.
pub(super) struct Explainer<'a> {
    pub(super) engine: &'a Engine,
    pub(super) sources: &'a Sources,
    pub(super) library: &'a Library,
    /// The script that ran; none if it did not compile.
    pub(super) script: Option<&'a AST>,
    /// What earlier lines of the session left.
    pub(super) kept: &'a Kept,
    pub(super) scope: &'a Scope<'static>,
    /// What errors call that script.
    pub(super) name: &'a str,
    pub(super) level: Level<'static>,
    /// Whether the lines are shown.
    pub(super) lines: bool,
}

/// Where in a script something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The script or module.
    pub source: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A place that the script was at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    source: String,
    position: Position,
    /// How it went on from here: "in the call of `f`".
    step: Option<String>,
}

impl Explainer<'_> {
    /// The report with what the script's names tell about the error.
    pub(super) fn explain(&self, error: &EvalAltResult, mut report: Report) -> Report {
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
    pub(super) fn spot(&self, error: &EvalAltResult) -> Option<Spot> {
        let place = self.places(error).pop()?;
        Some(Spot {
            line: place.position.line()?,
            column: place.position.position().unwrap_or(1),
            source: place.source,
        })
    }

    /// Draws `report`, which is of `error`.
    pub(super) fn draw(&self, error: &EvalAltResult, report: &Report, color: bool) -> String {
        let report = &report.shown();
        let mut places = self.places(error);
        // What a session undoes by itself has no lines.
        places.retain(|place| !place.source.is_empty());
        if !self.lines && report.kind != Kind::Fault {
            return draw_briefly(report, places.last(), color);
        }
        let texts: Vec<Arc<str>> = places
            .iter()
            .map(|place| self.text(&place.source))
            .collect();
        let title = escaped_lines(&report.message).into_owned();
        let head = self.level.clone().primary_title(title);
        let head = head.elements(facts(report));
        let mut groups = Vec::new();
        // The innermost place is where it happened, the others how the script came there.
        let mut drawn = places.drain(..).zip(&texts).rev();
        let first = drawn.next();
        groups.push(match &first {
            Some((place, text)) => snippet(head, place, text, AnnotationKind::Primary),
            None => head,
        });
        let calls: Vec<_> = drawn.collect();
        let hidden = calls.len().saturating_sub(2 * CALLS_SHOWN);
        for (index, (place, text)) in calls.iter().enumerate() {
            if hidden > 0 && index == CALLS_SHOWN {
                groups.push(Group::with_title(
                    Level::NOTE.secondary_title(format!("{hidden} more calls are not shown")),
                ));
            }
            if hidden > 0 && (CALLS_SHOWN..CALLS_SHOWN + hidden).contains(&index) {
                continue;
            }
            let step = escaped(place.step.as_deref().unwrap_or("from here")).into_owned();
            let title = Level::NOTE.secondary_title(step);
            groups.push(snippet(
                Group::with_title(title),
                place,
                text,
                AnnotationKind::Primary,
            ));
        }
        groups.extend(report.hint.as_deref().map(help));
        renderer(color).render(&groups)
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

/// A script's text with what the drawing library does not replace by a sign: the second set of control characters.
/// Each by one of the same length, so that places stay where they are.
fn printable(text: &str) -> String {
    text.replace(|next| ('\u{80}'..='\u{9f}').contains(&next), "\u{bf}")
}

/// Draws a report of one place in a text, for what is wrong before a script runs.
pub fn draw_at(report: &Report, source: &Source, line: usize, color: bool) -> String {
    let report = &report.shown();
    let position = u16::try_from(line).map_or(Position::NONE, |line| Position::new(line, 1));
    let text = printable(&source.text);
    let place = Place {
        source: source.name.clone(),
        position,
        step: None,
    };
    let title = Level::ERROR.primary_title(escaped_lines(&report.message).into_owned());
    let mut groups = vec![whole_line(Group::with_title(title), &place, &text)];
    groups.extend(report.hint.as_deref().map(help));
    renderer(color).render(&groups)
}

/// Draws a report of these bytes of a text that is no script.
pub fn draw_marked(
    report: &Report,
    name: &str,
    text: &str,
    span: Range<usize>,
    color: bool,
) -> String {
    let report = &report.shown();
    let text = printable(text);
    let whole = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = whole(span.start.min(text.len()));
    // One line of it: what a mistake leaves open may reach to the end of the text.
    let line = text[start..].split(['\n', '\r']).next().unwrap_or_default();
    let end = whole(span.end.clamp(start, start + line.len()));
    let mark = AnnotationKind::Primary.span(start..end);
    let snippet = Snippet::source(&*text).path(escaped(name)).annotation(mark);
    let title = Level::ERROR.primary_title(escaped_lines(&report.message).into_owned());
    let mut groups = vec![Group::with_title(title).element(snippet)];
    groups.extend(report.hint.as_deref().map(help));
    renderer(color).render(&groups)
}

/// Draws a report of no place in a script.
pub fn draw_bare(report: &Report, color: bool) -> String {
    draw_as(Level::ERROR, report, color)
}

/// The same for what is no error of this run.
pub fn draw_warning(report: &Report, color: bool) -> String {
    draw_as(Level::WARNING, report, color)
}

/// Draws a report with its place in the script, but not the lines there.
fn draw_briefly(report: &Report, place: Option<&Place>, color: bool) -> String {
    let title = Level::ERROR.primary_title(escaped_lines(&report.message).into_owned());
    let at = place.map(|place| {
        let source = escaped(&place.source);
        let line = place.position.line().unwrap_or_default();
        Level::NOTE
            .no_name()
            .message(format!("at: {source}:{line} (`-v` shows the lines)"))
    });
    let mut groups = vec![
        Group::with_title(title)
            .elements(facts(report))
            .elements(at),
    ];
    groups.extend(report.hint.as_deref().map(help));
    renderer(color).render(&groups)
}

fn draw_as(level: Level<'_>, report: &Report, color: bool) -> String {
    let report = &report.shown();
    let title = level.primary_title(escaped_lines(&report.message).into_owned());
    let mut groups = vec![Group::with_title(title).elements(facts(report))];
    groups.extend(report.hint.as_deref().map(help));
    renderer(color).render(&groups)
}

fn help(hint: &str) -> Group<'static> {
    Group::with_title(Level::HELP.secondary_title(escaped_lines(hint).into_owned()))
}

fn renderer(color: bool) -> Renderer {
    if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
}

fn whole_line<'a>(group: Group<'a>, place: &'a Place, text: &'a str) -> Group<'a> {
    match span(text, place.position) {
        Some(start) => {
            let line = text[start.start..].split('\n').next().unwrap_or_default();
            let span = start.start..start.start + line.trim_end().len();
            let mark = AnnotationKind::Primary.span(span);
            group.element(
                Snippet::source(text)
                    .path(escaped(&place.source))
                    .annotation(mark),
            )
        }
        None => group,
    }
}

fn function_name(name: &str) -> String {
    if names::is_closure(name) {
        "a closure".to_owned()
    } else {
        format!("`{name}`")
    }
}

/// QEMU's own words below the sentence, where the sentence does not have them.
fn facts(report: &Report) -> Vec<annotate_snippets::Message<'static>> {
    let line = |name: &str, text: &Option<String>| {
        let text = text
            .as_deref()
            .filter(|text| !report.message.contains(*text))?;
        Some(
            Level::NOTE
                .no_name()
                .message(format!("{name}: {}", escaped(text))),
        )
    };
    [
        line("vm", &report.vm),
        line("command", &report.command),
        line("class", &report.class),
        line("desc", &report.desc),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn snippet<'a>(
    group: Group<'a>,
    place: &'a Place,
    text: &'a str,
    kind: AnnotationKind,
) -> Group<'a> {
    match span(text, place.position) {
        Some(span) => group.element(
            Snippet::source(text)
                .path(escaped(&place.source))
                .annotation(kind.span(span)),
        ),
        None => group,
    }
}

/// The word at `position`, or the one character, as bytes of `text`.
fn span(text: &str, position: Position) -> Option<Range<usize>> {
    let line = position.line()?.checked_sub(1)?;
    let column = position.position().unwrap_or(1).max(1) - 1;
    let line_start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let line_text = text.get(line_start..)?.split('\n').next()?;
    let start = line_text
        .char_indices()
        .nth(column)
        .map_or(line_text.len(), |(at, _)| at);
    let rest = &line_text[start..];
    let word: usize = rest
        .chars()
        .take_while(|next| next.is_alphanumeric() || *next == '_')
        .map(char::len_utf8)
        .sum();
    let length = if word > 0 {
        word
    } else {
        rest.chars().next().map_or(0, char::len_utf8)
    };
    Some(line_start + start..line_start + start + length)
}

#[cfg(test)]
mod tests {
    use rhai::Position;

    use super::span;

    #[test]
    fn the_word_at_a_place_is_marked_in_bytes() {
        let text = "let ä = 1;\nföö(x);\n\"s\"";
        assert_eq!(span(text, Position::new(1, 5)), Some(4..6));
        assert_eq!(span(text, Position::new(2, 1)), Some(12..17));
        assert_eq!(span(text, Position::new(3, 1)), Some(22..23));
        assert_eq!(span(text, Position::new(3, 9)), Some(25..25));
        assert_eq!(span("", Position::new(1, 1)), Some(0..0));
        assert_eq!(span("x", Position::NONE), None);
    }
}
