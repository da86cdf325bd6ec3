//! The lines that sessions leave to later ones, in one file that all of them append to. It holds no line that may have a
//! secret in it, and none that begins with a space.

use std::fs;
use std::path::{Path, PathBuf};

use crate::wire::secret;

/// How many lines are kept.
pub const LINES: usize = 10_000;

/// The first line of the file: that newlines in its lines are escaped.
const VERSION: &str = "#V2";

/// The file in a state folder.
pub fn file(state: &Path) -> PathBuf {
    state.join("history")
}

/// Whether a line may be kept.
pub fn is_kept(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with(char::is_whitespace) && !secret::may_be_in(line)
}

/// The lines in the file, oldest first; none if there is no such file.
pub(super) fn entries(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .filter(|line| *line != VERSION && !line.is_empty())
        .map(unescaped)
        .collect()
}

fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(next) = characters.next() {
        match next {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{is_kept, unescaped};

    #[test]
    fn secrets_and_lines_behind_a_space_are_not_kept() {
        assert!(is_kept("v.status"));
        assert!(is_kept(":shell ls -l /srv"));
        assert!(is_kept("let key = keys[0]"));
        for line in [
            "",
            " v.status",
            "v.agent.set_user_password(\"root\", \"x\")",
            ":shell mysql -phunter2 db",
            ":shell curl -u admin:hunter2 https://web01/",
            "let luks_key = \"hunter2\"",
            "let tok = \"hunter2\"",
        ] {
            assert!(!is_kept(line), "{line}");
        }
    }

    #[test]
    fn a_line_of_several_is_read_as_it_was_typed() {
        assert_eq!(unescaped("a\\nb\\\\n"), "a\nb\\n");
    }
}
