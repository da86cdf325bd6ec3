//! Secrets inside of texts: URLs, lists of options, JSON, and any `NAME=value`.

use std::borrow::Cow;

use serde_json::Value;

use super::rules::{SIGNATURES, SQL, is_secret, is_secret_property};
use super::{HIDDEN, line, message};
use crate::wire::cut::{head, tail};

/// How far is looked around a place, in bytes: what a peer sends may be long and all of one word.
const AROUND: usize = 512;

/// How far a value reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To the next blank, as in a line; quotes hold one together.
    Blank,
    /// To the end: the text is one word.
    End,
}

/// A text with what is secret in it as `***`. What was hidden once stays as it is.
pub fn hidden_text(text: &str) -> Cow<'_, str> {
    hidden(text, Reach::Blank)
}

/// The same for a text that is one word, in which blanks end nothing.
pub(super) fn hidden_word(word: &str) -> Cow<'_, str> {
    hidden(word, Reach::End)
}

fn hidden(text: &str, reach: Reach) -> Cow<'_, str> {
    if !text.contains(['=', ':', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    if let Some(shown) = hidden_in_json(text) {
        return shown;
    }
    if let Some(shell) = text.strip_prefix("exec:") {
        return match line::shell(shell) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(shown) => Cow::Owned(format!("exec:{shown}")),
        };
    }
    let mut shown = Cow::Borrowed(text);
    let hide_pairs = |text: &str| hide_pairs(text, reach);
    for hide in [
        &hide_in_urls as &dyn Fn(&str) -> Option<String>,
        &hide_pairs,
        &hide_in_sql,
    ] {
        if let Some(hidden) = hide(&shown) {
            shown = Cow::Owned(hidden);
        }
    }
    shown
}

/// A text that is a JSON object or list, as QEMU's file names of the form `json:{...}` are; none for any other.
fn hidden_in_json(text: &str) -> Option<Cow<'_, str>> {
    let (prefix, json) = match text.strip_prefix("json:") {
        Some(json) => ("json:", json),
        None => ("", text),
    };
    if !json.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value: Value = serde_json::from_str(json).ok()?;
    let shown = message::redacted(&value);
    Some(if shown == value {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{prefix}{shown}"))
    })
}

/// Hides the passwords of `scheme://user:password@host`; none if there is none.
fn hide_in_urls(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut done = 0;
    while let Some(found) = text[done..].find("://") {
        let begin = done + found + 3;
        let scheme =
            text[..begin - 3].rsplit(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
        let scheme = scheme.into_iter().next().unwrap_or_default();
        let is_whole = scheme.len() + 3 == begin;
        let ends = |c: char| c.is_whitespace() || !is_whole && "\"'`<>".contains(c);
        let password = (!scheme.is_empty())
            .then(|| password_in(scheme, &text[begin..], ends))
            .flatten();
        let (from, to) = password.unwrap_or((0, 0));
        shown.push_str(&text[done..begin + from]);
        if password.is_some() {
            shown.push_str(HIDDEN);
        }
        done = begin + to;
    }
    (!shown.is_empty() && shown != text[..done]).then(|| shown + &text[done..])
}

/// Where the password is in what follows `scheme://`, up to what ends a URL.
fn password_in(scheme: &str, url: &str, ends: impl Fn(char) -> bool) -> Option<(usize, usize)> {
    // libiscsi separates them by `%`.
    let separators: &[char] = match scheme {
        "iscsi" | "iser" => &[':', '%'],
        _ => &[':'],
    };
    let end = url.find(|c| matches!(c, '/' | '?' | '#') || ends(c));
    let authority = &url[..end.unwrap_or(url.len())];
    if let Some(end) = authority.rfind('@') {
        let at = authority[..end].find(separators)?;
        return Some((at + 1, end));
    }
    // A password with a `/` in it, which should have been encoded; what is all digits there is a port.
    let at = authority.find(separators)?;
    let port = &authority[at + 1..];
    if authority.starts_with('[') || port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let url = head(url, AROUND);
    let end = url[..url.find(ends).unwrap_or(url.len())].rfind('@')?;
    (at < end).then_some((at + 1, end))
}

/// Hides the values of `NAME=value`, and of `"NAME": value`, whose name is a secret's; none if there is none.
fn hide_pairs(text: &str, reach: Reach) -> Option<String> {
    let mut shown = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find(['=', ':']) {
        let sign = at + found;
        at = sign + 1;
        let value = match &text[sign..at] {
            "=" => value_of_option(text, done, sign, reach),
            _ => value_of_json(text, done, sign),
        };
        if let Some((from, to)) = value.filter(|(from, to)| from < to) {
            shown.push_str(&text[done..from]);
            shown.push_str(HIDDEN);
            done = to;
            at = at.max(to);
        }
    }
    (done > 0).then(|| shown + &text[done..])
}

/// Where the value is that is given by the `=` at `sign`, if it is secret.
fn value_of_option(text: &str, from: usize, sign: usize, reach: Reach) -> Option<(usize, usize)> {
    let name = name_before(&text[from..sign]);
    let begin = sign + 1;
    let rest = &text[begin..];
    // A comparison, or the end of something in base64.
    if name.is_empty() || rest.starts_with('=') {
        return None;
    }
    let word = || word_around(text, sign);
    let is_of_secret_object = || {
        let word = word();
        word.starts_with("secret,") || word.contains("qom-type=secret")
    };
    let is_of_rbd = || word().starts_with("rbd:");
    if name == "key" && is_of_rbd() {
        let end = unescaped(rest, ':').unwrap_or(rest.len());
        return Some((begin, begin + end.min(value_end(rest, reach))));
    }
    let is_signature = || {
        let begins = text[..sign - name.len()].ends_with(['?', '&']);
        begins && SIGNATURES.contains(&&*name.to_ascii_lowercase())
    };
    let is_hidden =
        is_secret(name) || is_signature() || is_secret_property(name) && is_of_secret_object();
    is_hidden.then(|| (begin, begin + value_end(rest, reach)))
}

/// Where the value is that is given by the `:` at `sign` behind a quoted name, if it is secret. The quotes may be escaped:
/// JSON in a text of JSON.
fn value_of_json(text: &str, from: usize, sign: usize) -> Option<(usize, usize)> {
    let before = text[from..sign].trim_end();
    let quote = before
        .chars()
        .next_back()
        .filter(|c| matches!(c, '"' | '\''))?;
    let before = before[..before.len() - 1].trim_end_matches('\\');
    if !is_secret(name_before(before)) {
        return None;
    }
    let rest = text[sign + 1..].trim_start();
    let begin = text.len() - rest.len();
    let value = rest.trim_start_matches('\\');
    let escapes = rest.len() - value.len();
    match value.strip_prefix(quote) {
        Some(value) => {
            let opening = escapes + 1;
            let closing = format!("{}{quote}", "\\".repeat(escapes));
            let mut end = 0;
            loop {
                let Some(found) = value[end..].find(&closing) else {
                    // It is cut off.
                    return Some((begin + opening, text.len()));
                };
                let at = end + found;
                let more = value[..at].len() - value[..at].trim_end_matches('\\').len();
                if more % 2 == 0 {
                    return Some((begin + opening, begin + opening + at));
                }
                end = at + closing.len();
            }
        }
        None if value.starts_with(['{', '[']) => Some((begin, text.len())),
        None => {
            let end = rest.find([',', '}', ']', ' ']).unwrap_or(rest.len());
            let is_plain = ["true", "false", "null"].contains(&&rest[..end]);
            (!is_plain).then_some((begin, begin + end))
        }
    }
}

/// Hides the passwords in statements of SQL; none if there is none.
fn hide_in_sql(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut done = 0;
    while let Some(found) = text[done..].find(['\'', '"']) {
        let begin = done + found + 1;
        let before = tail(&text[..begin - 1], 32).trim_end_matches([' ', '(', '\\']);
        let before = before.to_ascii_lowercase();
        let value = &text[begin..];
        let end = value.find(&text[begin - 1..begin]).unwrap_or(value.len());
        let is_secret = SQL.iter().any(|words| before.ends_with(words));
        shown.push_str(&text[done..begin]);
        done = begin;
        if is_secret {
            shown.push_str(HIDDEN);
            done += end;
        }
    }
    (shown != text[..done]).then(|| shown + &text[done..])
}

/// The name that a text ends with.
fn name_before(text: &str) -> &str {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let begin = text.trim_end_matches(is_of_name).len();
    text[begin..].trim_start_matches('-')
}

/// The word of a text, between blanks and quotes, in which a place is.
fn word_around(text: &str, at: usize) -> &str {
    let ends = |c: char| c.is_whitespace() || "\"'`".contains(c);
    let before = tail(&text[..at], AROUND);
    let after = head(&text[at..], AROUND);
    let begin = at - before.len() + before.rfind(ends).map_or(0, |place| place + 1);
    let end = at + after.find(ends).unwrap_or(after.len());
    &text[begin..end]
}

/// Where a value ends.
fn value_end(value: &str, reach: Reach) -> usize {
    let mut quote = None;
    let mut characters = value.char_indices();
    while let Some((at, character)) = characters.next() {
        let rest = &value[at + character.len_utf8()..];
        match (quote, character) {
            (_, ',' | '&') if quote.is_none() && begins_option(rest) => return at,
            _ if reach == Reach::End => {}
            (_, '\\') => {
                characters.next();
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') if at > 0 && closes_around(rest) => return at,
            (None, '"' | '\'') => quote = Some(character),
            (None, _) if character.is_whitespace() => return at,
            _ => {}
        }
    }
    value.len()
}

/// Whether a quote before this ends what stands before it, and begins nothing.
fn closes_around(rest: &str) -> bool {
    let next = rest.chars().next();
    next.is_none_or(|next| next.is_whitespace() || ",;:)}]>|&\"'\\".contains(next))
}

/// Whether this is another `NAME=`, so that the sign before it ended a value.
fn begins_option(rest: &str) -> bool {
    let name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_.-".contains(c));
    name.len() < rest.len() && name.starts_with('=')
}

/// Where a sign is that no `\` escapes.
fn unescaped(text: &str, sign: char) -> Option<usize> {
    let mut escaped = false;
    text.find(|character| {
        let is_it = character == sign && !escaped;
        escaped = character == '\\' && !escaped;
        is_it
    })
}
