//! `:log`: the last messages to and from the VMs.

use unicode_width::UnicodeWidthChar;

use crate::repl::prompt::short;
use crate::repl::session::{Answer, Session};
use crate::repl::size::width;
use crate::report::Report;

/// How many are shown where nothing is said.
const SHOWN: usize = 20;

/// Tells the last messages: so many, or those with a text; a line of the screen each, with `-v` long ones too.
pub(super) fn tell(session: &mut Session, words: &str) -> Result<Answer, Report> {
    let Some(log) = session.log() else {
        return Err(
            Report::usage("messages are kept only by a session at a terminal")
                .with_hint("`-v` shows each, and `--record FILE` writes them down"),
        );
    };
    let whole = words.strip_prefix("-v").filter(|rest| {
        let next = rest.chars().next();
        next.is_none_or(char::is_whitespace)
    });
    let words = whole.map_or(words, str::trim_start);
    let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let (count, text) = match first.parse() {
        Ok(count) => (count, rest.trim()),
        Err(_) => (SHOWN, words),
    };
    let name = if whole.is_some() {
        str::to_owned
    } else {
        short
    };
    let mut lines = log.last(count, text, name);
    if whole.is_none() {
        let columns = width();
        for line in &mut lines {
            *line = fitting(line, columns);
        }
    }
    if lines.is_empty() {
        let what = if words.is_empty() {
            "nothing was sent to a VM yet"
        } else {
            "there is no such message"
        };
        return Ok(session.tell(what));
    }
    Ok(session.tell(&lines.join("\n")))
}

/// As much of a line as fits, with a mark where the rest was.
fn fitting(line: &str, columns: usize) -> String {
    let mut left = columns.saturating_sub(1);
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let shown: String = line.chars().take_while(fits).collect();
    if shown.len() == line.len() {
        return shown;
    }
    format!("{shown}…")
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_line_is_cut_to_the_screen() {
        assert_eq!(fitting("abc", 4), "abc");
        assert_eq!(fitting("abcde", 4), "abc…");
        assert_eq!(fitting("世界世", 4), "世…");
    }
}
