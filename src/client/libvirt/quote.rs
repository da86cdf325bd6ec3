//! Text for virsh's line parser, which reads a line through readline: words in single quotes, and JSON in plain ASCII, so
//! that no byte of it is a key to readline or ends the quotes.

use std::fmt::Write;

use serde_json::Value;

/// One word of a line, whatever is in it but control characters. As in a shell, a backslash outside of quotes takes the
/// next character as it is.
pub(super) fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A message as one word.
pub(super) fn message(message: &Value) -> String {
    let mut word = String::from("'");
    for character in message.to_string().chars() {
        // What JSON leaves as it is and a line must not hold: the quote, DEL (readline's rubout), and all beyond ASCII. It
        // stands within strings only, where an escape means the same.
        if character == '\'' || character == '\x7f' || !character.is_ascii() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(word, "\\u{unit:04x}");
            }
        } else {
            word.push(character);
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quote_in_a_name_leaves_the_quotes_and_comes_back() {
        assert_eq!(word("web 01"), "'web 01'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(r"a\b"), r"'a\b'");
    }

    #[test]
    fn a_message_is_one_line_of_ascii_that_means_the_same() {
        let original = json!({
            "execute": "guest-exec",
            "arguments": { "arg": ["it's", "back\\slash", "\u{7f}\t\n\u{1b}", "grün 🖥", "a;b"] },
        });
        let word = message(&original);
        assert!(word.is_ascii() && !word.contains(|c: char| c.is_control()));
        let inner = &word[1..word.len() - 1];
        assert!(!inner.contains('\''), "{inner}");
        assert_eq!(serde_json::from_str::<Value>(inner).unwrap(), original);
    }
}
