//! The names that stand for each item of a list: of a loop, and of a closure that is called with each.

use super::{Step, chain_with_start, opening};
use crate::repl::code::{Token, is_sign};

/// Methods of a list that call their closure with an item of it first.
const WITH_EACH: [&str; 10] = [
    "all", "drain", "filter", "find", "find_map", "for_each", "index_of", "map", "retain", "some",
];

/// Methods that give some of a list.
const SOME_OF_IT: [&str; 4] = ["extract", "filter", "rev", "unique"];

/// What `name` is in the loop that begins at `at`, if it is its variable and the end is in its block.
pub(super) fn of_loop(name: &str, tokens: &[Token<'_>], at: usize) -> Option<Vec<Step>> {
    let head = tokens.get(at..)?;
    let texts: Vec<&str> = head.iter().take(7).map(|token| token.text).collect();
    let begin = match texts[..] {
        ["for", variable, "in", ..] if variable == name => at + 3,
        ["for", "(", variable, ",", _, ")", "in", ..] if variable == name => at + 7,
        _ => return None,
    };
    let list = tokens.get(begin..)?;
    let end = begin + first_of(list, "{")?;
    let (start, steps) = item_of(&tokens[begin..end])?;
    (start == 0 && is_open(tokens, end)).then_some(steps)
}

/// What `name` is in the closure that begins at `at`, if it is its first parameter and the end is in its call.
pub(super) fn of_closure(name: &str, tokens: &[Token<'_>], at: usize) -> Option<Vec<Step>> {
    let is_parameter = is_sign(tokens.get(at)?, &["|"])
        && tokens.get(at + 1)?.text == name
        && is_sign(tokens.get(at + 2)?, &["|", ","])
        && is_sign(tokens.get(at.checked_sub(1)?)?, &["(", ","]);
    let open = if is_parameter {
        unclosed(&tokens[..at])?
    } else {
        return None;
    };
    let function = open.checked_sub(1)?;
    let dot = function.checked_sub(1);
    let is_method = dot.is_some_and(|dot| is_sign(&tokens[dot], &[".", "?."]));
    let called = tokens[function].text;
    let item = if is_method && WITH_EACH.contains(&called) {
        item_of(&tokens[..dot?])?.1
    } else if !is_method && called == "parallel" {
        let arguments = &tokens[open + 1..at];
        let (start, steps) = item_of(&arguments[..first_of(arguments, ",")?])?;
        (start == 0).then_some(steps)?
    } else {
        return None;
    };
    is_open(tokens, open).then_some(item)
}

/// An item of the list that ends the tokens, and where that begins: the first where the list is written out.
fn item_of(list: &[Token<'_>]) -> Option<(usize, Vec<Step>)> {
    if let Some((start, mut steps)) = chain_with_start(list) {
        while steps
            .last()
            .is_some_and(|last| SOME_OF_IT.contains(&last.name.as_str()))
        {
            steps.pop();
        }
        steps.push(Step::item(None));
        return Some((start, steps));
    }
    list.last().filter(|last| is_sign(last, &["]"]))?;
    let open = opening(list)?;
    let items = &list[open + 1..list.len() - 1];
    let first = &items[..first_of(items, ",").unwrap_or(items.len())];
    let (start, steps) = chain_with_start(first)?;
    (start == 0).then_some((open, steps))
}

/// Where this sign stands first, outside of brackets that are opened before it.
fn first_of(tokens: &[Token<'_>], sign: &str) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        if depth == 0 && is_sign(token, &[sign]) {
            return true;
        }
        if is_sign(token, &["(", "[", "{", "#{"]) {
            depth += 1;
        } else if is_sign(token, &[")", "]", "}"]) {
            depth = depth.saturating_sub(1);
        }
        false
    })
}

/// The innermost bracket that is open at the end.
fn unclosed(tokens: &[Token<'_>]) -> Option<usize> {
    (0..tokens.len()).rev().find(|at| {
        let is_bracket = is_sign(&tokens[*at], &["(", "[", "{", "#{"]);
        is_bracket && is_open(tokens, *at)
    })
}

/// Whether the bracket at `at` is open still at the end.
fn is_open(tokens: &[Token<'_>], at: usize) -> bool {
    let mut depth = 0_usize;
    for token in tokens.iter().skip(at + 1) {
        if is_sign(token, &["(", "[", "{", "#{"]) {
            depth += 1;
        } else if is_sign(token, &[")", "]", "}"]) {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            }
        }
    }
    true
}
