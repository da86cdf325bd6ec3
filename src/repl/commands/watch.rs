//! `:watch`: an expression again and again, and what changed in its value.

use std::time::{Duration, Instant, SystemTime};

use nu_ansi_term::Style as Paint;

use super::needed;
use crate::duration;
use crate::repl::session::{Answer, Session};
use crate::repl::show::{Style, show};
use crate::repl::view::{Turn, View};
use crate::report::{Kind, Report};
use crate::wire::escape::escaped;

/// How long it waits between two looks where nothing is said.
const EVERY: Duration = Duration::from_secs(2);

/// The least time between two looks: nobody reads faster.
const LEAST: Duration = Duration::from_millis(50);

pub(super) fn watch(session: &mut Session, words: &str) -> Result<Answer, Report> {
    let (every, expression) = read(words);
    needed("watch", expression, ":watch 2s v.status")?;
    match session.views().cloned() {
        Some(views) => {
            let failed =
                |error| Report::new(Kind::Host, format!("the screen cannot be taken: {error}"));
            let mut view = views.open().map_err(failed)?;
            let (answer, last) = on_screen(session, &mut view, every, expression);
            drop(view);
            // What was seen last stays to be read.
            Ok(match last {
                Some(last) if answer == Answer::Done => session.tell_again(&last.join("\n")),
                _ => answer,
            })
        }
        None => Ok(one_below_the_other(session, every, expression)),
    }
}

/// The time between two looks, and what is looked at.
fn read(words: &str) -> (Duration, &str) {
    let is_time = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_digit())
            && word.ends_with(char::is_alphabetic)
    };
    match words.split_once(char::is_whitespace) {
        Some((word, rest)) if is_time(word) => match duration::parse(word) {
            Ok(every) => (every.max(LEAST), rest.trim_start()),
            Err(_) => (EVERY, words),
        },
        _ => (EVERY, words),
    }
}

fn on_screen(
    session: &mut Session,
    view: &mut View,
    every: Duration,
    expression: &str,
) -> (Answer, Option<Vec<String>>) {
    let color = session.preferences().color;
    let mut before: Option<Vec<String>> = None;
    loop {
        let begun = Instant::now();
        if before.is_none() && view.draw(&[head(every, expression)]).is_err() {
            return (Answer::Leave(Kind::Host.exit()), None);
        }
        let value = match session.look(expression) {
            Ok(value) => value,
            Err(answer) => return (answer, before),
        };
        let head = head(every, expression);
        let printed = view.take_results();
        let next = loop {
            let (columns, rows) = view.size();
            let style = Style {
                color: false,
                width: columns,
                lines: rows,
            };
            let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
            let shown = show(&value, style).unwrap_or_default();
            lines.extend(shown.lines().map(str::to_owned));
            let mut frame = vec![head.clone(), String::new()];
            frame.extend(marked(before.as_deref(), &lines, color));
            if view.draw(&frame).is_err() {
                return (Answer::Leave(Kind::Host.exit()), None);
            }
            match view.wait_until(begun + every) {
                Turn::Resized => {}
                Turn::Time => break lines,
                Turn::Key(_) => return (Answer::Done, Some(lines)),
            }
        };
        before = Some(next);
    }
}

/// What is looked at, how often, and when it was.
fn head(every: Duration, expression: &str) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!(
        "every {}: {}   {}",
        duration::show(every),
        escaped(expression),
        now.get(11..).unwrap_or(&now)
    )
}

/// The lines with a mark on what is not as it was before: reversed, or without colours a star in front.
fn marked(before: Option<&[String]>, lines: &[String], color: bool) -> Vec<String> {
    let Some(before) = before else {
        let plain = |line: &String| {
            if color {
                line.clone()
            } else {
                format!("  {line}")
            }
        };
        return lines.iter().map(plain).collect();
    };
    let mark = |(row, line): (usize, &String)| {
        let old = before.get(row).map_or("", String::as_str);
        match (old == line, color) {
            (true, true) => line.clone(),
            (true, false) => format!("  {line}"),
            (false, false) => format!("* {line}"),
            (false, true) => reversed(old, line),
        }
    };
    lines.iter().enumerate().map(mark).collect()
}

/// A line with what differs from the old one reversed: all between the same beginning and the same end.
fn reversed(old: &str, line: &str) -> String {
    let same = |(one, other): &(char, char)| one == other;
    let begin = old.chars().zip(line.chars()).take_while(same).count();
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), line.chars().collect());
    let rest = old[begin..].iter().rev().zip(new[begin..].iter().rev());
    let end = new.len() - rest.take_while(|(one, other)| one == other).count();
    let text = |part: &[char]| part.iter().collect::<String>();
    let differs = match &new[begin..end] {
        // Something was taken out here.
        [] => String::new(),
        part => Paint::new().reverse().paint(text(part)).to_string(),
    };
    format!("{}{differs}{}", text(&new[..begin]), text(&new[end..]))
}

/// Where there is no screen: each time below the one before, until an error, a signal or the reader's end.
fn one_below_the_other(session: &mut Session, every: Duration, expression: &str) -> Answer {
    loop {
        let begun = Instant::now();
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        let told = session.tell(&format!("-- {now}"));
        if told != Answer::Done {
            return told;
        }
        let told = match session.look(expression) {
            Ok(value) => session.tell_value(&value),
            Err(answer) => return answer,
        };
        if told != Answer::Done {
            return told;
        }
        let rested = session.rest(every.saturating_sub(begun.elapsed()));
        if rested != Answer::Done {
            return rested;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{EVERY, LEAST, marked, read, reversed};

    #[test]
    fn the_time_is_the_first_word_if_it_has_a_unit() {
        for (words, every, expression) in [
            ("0s v.status", LEAST, "v.status"),
            ("500ms v.status", Duration::from_millis(500), "v.status"),
            ("v.status", EVERY, "v.status"),
            ("2 + 3", EVERY, "2 + 3"),
            ("2x + 3", EVERY, "2x + 3"),
            ("2s", EVERY, "2s"),
        ] {
            assert_eq!(read(words), (every, expression), "{words}");
        }
    }

    #[test]
    fn what_changed_is_marked() {
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let before = lines("a: 1\nb: 2");
        assert_eq!(
            marked(Some(&before), &lines("a: 1\nb: 3\nc: 4"), false),
            ["  a: 1", "* b: 3", "* c: 4"]
        );
        assert_eq!(marked(None, &before, true), ["a: 1", "b: 2"]);
        assert_eq!(
            reversed("size: 10 MiB", "size: 25 MiB"),
            "size: \u{1b}[7m25\u{1b}[0m MiB"
        );
        assert_eq!(reversed("aaa", "aa"), "aa");
        assert_eq!(reversed("", "new"), "\u{1b}[7mnew\u{1b}[0m");
    }
}
