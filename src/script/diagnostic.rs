//! An error drawn for the terminal: what happened, the line with a caret, how the script came there across functions and
//! modules, and what to do. What scripts and guests put into the words is escaped, and secrets in them hidden; the
//! script's own lines are shown as they are.

mod explainer;

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use rhai::Position;

use super::source::Source;
use crate::report::Report;
use crate::wire::cut::head;
use crate::wire::escape::{escaped, escaped_lines};

pub(super) use explainer::Explainer;

/// How many calls of a long chain are drawn at each of its ends.
const CALLS_SHOWN: usize = 5;

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
    let start = head(&text, span.start).len();
    // One line of it: what a mistake leaves open may reach to the end of the text.
    let line = text[start..].split(['\n', '\r']).next().unwrap_or_default();
    let end = head(&text, span.end.clamp(start, start + line.len())).len();
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

/// Draws a report with the lines that the script came by, outermost first: the last is where it happened.
fn draw_way(
    level: Level<'static>,
    report: &Report,
    way: &[(&Place, &Arc<str>)],
    color: bool,
) -> String {
    let title = escaped_lines(&report.message).into_owned();
    let head = level.primary_title(title).elements(facts(report));
    let mut drawn = way.iter().rev();
    let mut groups = vec![match drawn.next() {
        Some((place, text)) => snippet(head, place, text),
        None => head,
    }];
    let hidden = drawn.len().saturating_sub(2 * CALLS_SHOWN);
    for (index, (place, text)) in drawn.enumerate() {
        if hidden > 0 && index == CALLS_SHOWN {
            groups.push(Group::with_title(
                Level::NOTE.secondary_title(format!("{hidden} more calls are not shown")),
            ));
        }
        if (CALLS_SHOWN..CALLS_SHOWN + hidden).contains(&index) {
            continue;
        }
        let step = escaped(place.step.as_deref().unwrap_or("from here")).into_owned();
        let title = Level::NOTE.secondary_title(step);
        groups.push(snippet(Group::with_title(title), place, text));
    }
    groups.extend(report.hint.as_deref().map(help));
    renderer(color).render(&groups)
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

fn snippet<'a>(group: Group<'a>, place: &'a Place, text: &'a str) -> Group<'a> {
    match span(text, place.position) {
        Some(span) => group.element(
            Snippet::source(text)
                .path(escaped(&place.source))
                .annotation(AnnotationKind::Primary.span(span)),
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
