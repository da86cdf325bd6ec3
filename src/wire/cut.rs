//! The beginning or the end of a text that is too long to be shown whole; no character is cut in two.

/// The beginning of a text, of so many bytes at most.
pub fn head(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The end of a text, of so many bytes at most.
pub fn tail(text: &str, most: usize) -> &str {
    let mut begin = text.len().saturating_sub(most);
    while !text.is_char_boundary(begin) {
        begin += 1;
    }
    &text[begin..]
}

#[cfg(test)]
mod tests {
    use super::{head, tail};

    #[test]
    fn a_character_that_does_not_fit_whole_is_left_out() {
        for (most, begin, end) in [
            (0, "", ""),
            (1, "", ""),
            (2, "ä", "ü"),
            (3, "ä", "ü"),
            (9, "äöü", "äöü"),
        ] {
            assert_eq!(
                (head("äöü", most), tail("äöü", most)),
                (begin, end),
                "{most}"
            );
        }
    }
}
