//! The functions that code defines, as far as they are written out to their ends.

use std::ops::Range;

use super::{Code, Kind, Token, is_sign};

/// A function's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// Where it stands, in bytes.
    pub place: Range<usize>,
    /// What it is called.
    pub name: &'a str,
    /// How many parameters it has.
    pub parameters: usize,
}

/// The definitions in `text`, first to last.
pub fn definitions(text: &str) -> Vec<Definition<'_>> {
    let tokens = Code::of(text).tokens;
    (0..tokens.len())
        .filter_map(|at| definition(&tokens, at))
        .collect()
}

/// The definition whose `fn` is the token `at`.
fn definition<'a>(tokens: &[Token<'a>], at: usize) -> Option<Definition<'a>> {
    let word = |at: usize| tokens.get(at).filter(|token| token.kind == Kind::Name);
    let sign = |at: usize, sign: &str| tokens.get(at).is_some_and(|token| is_sign(token, &[sign]));
    word(at).filter(|word| word.text == "fn")?;
    let name = word(at + 1)?.text;
    if !sign(at + 2, "(") {
        return None;
    }
    let close = (at + 3..tokens.len()).find(|at| sign(*at, ")"))?;
    let parameters = (at + 3..close).filter(|at| word(*at).is_some()).count();
    if !sign(close + 1, "{") {
        return None;
    }
    let mut depth = 0_usize;
    let end = (close + 1..tokens.len()).find(|at| {
        if is_sign(&tokens[*at], &["{", "#{"]) {
            depth += 1;
        } else if sign(*at, "}") {
            depth -= 1;
        }
        depth == 0
    })?;
    let before = at.checked_sub(1).and_then(word);
    let first = before.filter(|word| word.text == "private");
    let start = first.unwrap_or(&tokens[at]).start;
    Some(Definition {
        place: start..tokens[end].start + 1,
        name,
        parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::definitions;

    #[test]
    fn definitions_are_found_with_their_ends() {
        let text = "let a = 1; fn f(x, y) { if x { #{ y: 1 } } } private fn g() { \"}\" } fn h( { } fn i(x) {";
        let found: Vec<_> = definitions(text)
            .into_iter()
            .map(|one| (one.name, one.parameters, &text[one.place]))
            .collect();
        let expected = [
            ("f", 2, "fn f(x, y) { if x { #{ y: 1 } } }"),
            ("g", 0, "private fn g() { \"}\" }"),
        ];
        assert_eq!(found, expected);
    }
}
