//! What is secret in messages, command lines and texts, so that a log or a recording does not keep it: passwords, tokens,
//! the data of secret objects, and what is like them.
//!
//! What counts as one is in `rules`; where it is looked for, in `message`, `line` and `text`. All that is found is shown
//! as [`HIDDEN`], the rest as it was, and what was hidden once stays so: a replay compares what it would send, hidden, with
//! what was recorded. Ids of secrets are none. A secret inside of a file's content, a program's output or keys that are
//! typed is not known as one.

mod call;
mod echo;
mod line;
mod message;
mod rules;
mod text;

#[cfg(test)]
mod tests;

pub use call::hidden_call;
pub use echo::{hide_echo, secrets_in, without};
pub use line::hidden_words;
pub use message::{asks_for, hide_answer, may_ask, redacted};
pub use rules::is_secret;
pub use text::hidden_text;

/// What stands for a secret.
pub const HIDDEN: &str = "***";

/// Whether a line that somebody typed may hold a secret, so that no history is to keep it: it has a word that goes with
/// one, or there is one in it, or in what stands there in quotes.
pub fn may_be_in(typed: &str) -> bool {
    let literals = literals(typed);
    let is_of_name = |c: char| c.is_alphanumeric() || "_-".contains(c);
    rules::has_word_of_secrets(typed)
        || typed.split(|c| !is_of_name(c)).any(is_secret)
        || hidden_text(typed) != typed
        || hidden_words(&literals) != literals
        // A line of a shell, as behind a session's `:shell`.
        || typed.split_once(char::is_whitespace).is_some_and(|(first, line)| {
            first.starts_with(':') && *line::shell(line) != *line
        })
        || literals
            .iter()
            .any(|text| *line::shell(text) != **text || *line::monitor(text) != **text)
}

/// What stands in quotes in a typed line.
fn literals(typed: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut open: Option<(char, String)> = None;
    let mut characters = typed.chars();
    while let Some(character) = characters.next() {
        match &mut open {
            None if matches!(character, '"' | '\'' | '`') => {
                open = Some((character, String::new()));
            }
            None => {}
            Some((quote, _)) if *quote == character => {
                literals.extend(open.take().map(|(_, text)| text));
            }
            Some((_, text)) if character == '\\' => text.extend(characters.next()),
            Some((_, text)) => text.push(character),
        }
    }
    literals.extend(open.map(|(_, text)| text));
    literals
}
