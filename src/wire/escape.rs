//! Text of a peer made fit for a terminal: whatever could move the cursor, change its colours or turn the reading
//! direction is shown as an escape instead of acting.

use std::borrow::Cow;
use std::fmt::Write;

/// How many characters of a peer's message an error shows.
const EXCERPT: usize = 60;

/// Whether a terminal would act on this character rather than show it: C0 and C1 controls, DEL, line and paragraph
/// separators, and the marks that turn the reading direction.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with each unsafe character escaped, newlines among them: for text that belongs on one line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape_where(text, is_unsafe)
}

/// `text` with each unsafe character escaped but newline and tab: for a program's output.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escape_where(text, |character| {
        is_unsafe(character) && !matches!(character, '\n' | '\t')
    })
}

/// JSON in which each unsafe character stands as `\u009b` does: the same JSON, fit for a terminal.
pub fn escaped_json(text: &str) -> Cow<'_, str> {
    // Those below a space are escaped in JSON already, and a newline is between its values.
    let acts = |character: char| is_unsafe(character) && character != '\n';
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            // None of them is beyond the first plane. Writing to a String cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The beginning of what a peer sent, on one line: escaped, bytes that are no UTF-8 as `\xff`, and cut with `...`.
pub fn excerpt(bytes: &[u8]) -> String {
    // Four bytes a character at most; more is never shown.
    let head = &bytes[..bytes.len().min(EXCERPT * 4)];
    let mut shown = String::new();
    let mut count = 0;
    for chunk in head.utf8_chunks() {
        for character in chunk.valid().chars() {
            if count == EXCERPT {
                return shown + "...";
            }
            push_escaped(&mut shown, character, is_unsafe);
            count += 1;
        }
        for byte in chunk.invalid() {
            if count == EXCERPT {
                return shown + "...";
            }
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
            count += 1;
        }
    }
    if head.len() < bytes.len() {
        shown.push_str("...");
    }
    shown
}

fn escape_where(text: &str, acts: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        push_escaped(&mut shown, character, acts);
    }
    Cow::Owned(shown)
}

fn push_escaped(shown: &mut String, character: char, acts: impl Fn(char) -> bool) {
    if !acts(character) {
        shown.push(character);
        return;
    }
    match character {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        _ if u32::from(character) < 0x100 => {
            let _ = write!(shown, "\\x{:02x}", u32::from(character));
        }
        _ => {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_passes_as_it_is_without_a_copy() {
        assert!(matches!(
            escaped("Grüße, 世界 \\ \""),
            Cow::Borrowed("Grüße, 世界 \\ \"")
        ));
    }

    #[test]
    fn control_characters_are_shown_and_do_not_act() {
        assert_eq!(
            escaped("a\x1b[2Jb\x07\x7f\u{9b}31m\r\n"),
            "a\\x1b[2Jb\\x07\\x7f\\x9b31m\\r\\n"
        );
    }

    #[test]
    fn marks_that_turn_the_reading_direction_are_shown() {
        assert_eq!(
            escaped("\u{202e}txt\u{2066}\u{200f}"),
            "\\u{202e}txt\\u{2066}\\u{200f}"
        );
    }

    #[test]
    fn lines_keep_their_newlines_and_tabs_only() {
        assert_eq!(escaped_lines("a\tb\n\x1bc\r\n"), "a\tb\n\\x1bc\\r\n");
    }

    #[test]
    fn an_excerpt_shows_bytes_that_are_no_text_and_is_cut() {
        assert_eq!(excerpt(b"SSH-2.0\r\n\xff\xfe"), "SSH-2.0\\r\\n\\xff\\xfe");
        assert_eq!(excerpt(&[b'x'; 1000]), "x".repeat(EXCERPT) + "...");
        assert_eq!(excerpt(&[0xff; 1000]), "\\xff".repeat(EXCERPT) + "...");
    }
}
