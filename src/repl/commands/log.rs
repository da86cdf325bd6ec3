//! `:log`: the last messages to and from the VMs.

use crate::repl::session::{Answer, Session};
use crate::report::Report;

/// How many are shown where nothing is said.
const SHOWN: usize = 20;

/// Tells the last messages: so many, or those with a text.
pub(super) fn tell(session: &mut Session, words: &str) -> Result<Answer, Report> {
    let Some(log) = session.log() else {
        return Err(
            Report::usage("messages are kept only by a session at a terminal")
                .with_hint("`-v` shows each, and `--record FILE` writes them down"),
        );
    };
    let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let lines = match first.parse() {
        Ok(count) => log.last(count, rest.trim()),
        Err(_) => log.last(SHOWN, words),
    };
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
