//! What a `?` at the end of a line asks about: the name, or the call that is being written.

use crate::repl::code::{Code, Inside, Kind, Token, is_sign, opening, unclosed, unescaped};

/// What is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// As `:help` takes it: `v.qmp("eject")`, `v.agent.exec`, `size::human`.
    pub(super) topic: String,
    /// The texts in the map of a call, as `:help` takes arguments: `driver=qcow2`.
    pub(super) words: Vec<String>,
}

/// Whether a line ends in a `?` that asks: one of its code, and of nothing that Rhai has.
pub(in crate::repl) fn is_asked(line: &str) -> bool {
    let Some(before) = line.trim_end().strip_suffix('?') else {
        return false;
    };
    // Of `a ?? b` the other side is awaited.
    !before.ends_with('?') && matches!(Code::of(before).inside, Inside::Code)
}

/// What a line asks about that [`is_asked`].
pub(super) fn of(line: &str) -> Asked {
    let line = line.trim();
    let line = line.strip_suffix('?').unwrap_or(line).trim();
    let is_of_word = |next: char| next.is_alphanumeric() || "_-./:".contains(next);
    if line.chars().all(is_of_word) {
        return Asked {
            topic: line.to_owned(),
            words: Vec::new(),
        };
    }
    let code = Code::of(line);
    in_tokens(line, &code.tokens).unwrap_or_default()
}

fn in_tokens(line: &str, tokens: &[Token]) -> Option<Asked> {
    let (last, before) = tokens.split_last()?;
    let open = unclosed(tokens);
    let in_map = open.last().is_some_and(|at| is_sign(&tokens[*at], &["#{"]));
    if last.kind == Kind::Name && !in_map {
        let end = last.start + last.text.len();
        let begin = tokens[begin(tokens)?].start;
        return Some(Asked {
            topic: line.get(begin..end)?.to_owned(),
            words: Vec::new(),
        });
    }
    if is_sign(last, &[")"]) {
        let at = opening(tokens)?;
        return call(line, tokens, at, before.len());
    }
    // The innermost call that is still being written.
    let of_call = |at: &&usize| {
        let name = at.checked_sub(1).and_then(|before| tokens.get(before));
        is_sign(&tokens[**at], &["("]) && name.is_some_and(|name| name.kind == Kind::Name)
    };
    let at = *open.iter().rev().find(of_call)?;
    call(line, tokens, at, tokens.len())
}

/// A call whose bracket opens at `at`, with its arguments up to `end`.
fn call(line: &str, tokens: &[Token], at: usize, end: usize) -> Option<Asked> {
    let begin = tokens[begin(&tokens[..at])?].start;
    let mut topic = line.get(begin..tokens[at].start)?.to_owned();
    let mut arguments = &tokens[at + 1..end];
    if let Some((name, rest)) = arguments.split_first() {
        if name.kind == Kind::Text {
            topic.push_str(&format!("(\"{}\")", name.text));
            arguments = rest;
        }
    }
    Some(Asked {
        topic,
        words: words(arguments),
    })
}

/// Where the chain of names begins that ends the tokens.
fn begin(tokens: &[Token]) -> Option<usize> {
    let mut end = tokens.len();
    loop {
        let last = tokens.get(end.checked_sub(1)?)?;
        let name = if is_sign(last, &[")"]) {
            opening(&tokens[..end])?.checked_sub(1)?
        } else {
            end - 1
        };
        if tokens[name].kind != Kind::Name {
            return None;
        }
        match name.checked_sub(1) {
            Some(dot) if is_sign(&tokens[dot], &[".", "?.", "::"]) => end = dot,
            _ => return Some(name),
        }
    }
}

/// The texts in a map with their keys, `file.driver=file` for one in another.
fn words(tokens: &[Token]) -> Vec<String> {
    let mut words = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut key = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let follows = |sign| {
            tokens
                .get(at + 1)
                .is_some_and(|next| is_sign(next, &[sign]))
        };
        if matches!(token.kind, Kind::Name | Kind::Text) && follows(":") {
            token.text.clone_into(&mut key);
        } else if is_sign(token, &["#{"]) {
            path.push(std::mem::take(&mut key));
        } else if is_sign(token, &["}"]) {
            path.pop();
        } else if is_sign(token, &["["]) {
            // Items have numbers, and are nothing that decides.
            break;
        } else if token.kind == Kind::Text && !key.is_empty() {
            let keys = path.iter().filter(|key| !key.is_empty()).chain([&key]);
            let keys: Vec<&str> = keys.map(String::as_str).collect();
            if let Some(value) = unescaped(token.text) {
                words.push(format!("{}={value}", keys.join(".")));
            }
            key.clear();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{is_asked, of};

    #[test]
    fn a_question_mark_asks_at_the_end_of_code_only() {
        for line in ["v?", "v.qmp(\"eject\"?", "let x = f()?  ", "blockdev-add?"] {
            assert!(is_asked(line), "{line}");
        }
        for line in [
            "\"a?", "\"a?\"", "`a?", "a ??", "// why?", "/* why?", "x", "",
        ] {
            assert!(!is_asked(line), "{line}");
        }
    }

    #[test]
    fn what_is_asked_about_stands_before_it() {
        for (line, topic, words) in [
            ("retry?", "retry", &[][..]),
            ("?", "", &[]),
            ("blockdev-add?", "blockdev-add", &[]),
            ("std/size?", "std/size", &[]),
            (":use?", ":use", &[]),
            ("size::human?", "size::human", &[]),
            ("v.qmp.blockdev_add?", "v.qmp.blockdev_add", &[]),
            ("let x = v.agent.exec?", "v.agent.exec", &[]),
            ("print(v.status?", "v.status", &[]),
            ("size::human(1024)?", "size::human", &[]),
            ("if true { retry?", "retry", &[]),
            ("v.qmp(\"eject\")?", "v.qmp(\"eject\")", &[]),
            ("v.qmp(\"eject\"?", "v.qmp(\"eject\")", &[]),
            (
                "v.qmp(\"eject\", #{ id: \"cd0\" })?",
                "v.qmp(\"eject\")",
                &["id=cd0"],
            ),
            ("v.qmp(\"eject\", #{ id?", "v.qmp(\"eject\")", &[]),
            (
                "vm(\"a b\").qmp.blockdev_add(#{ driver: \"qcow2\", file: #{ driver: \"file\", ?",
                "vm(\"a b\").qmp.blockdev_add",
                &["driver=qcow2", "file.driver=file"],
            ),
            ("[1, 2]?", "", &[]),
            ("1 + ?", "", &[]),
        ] {
            let asked = of(line);
            assert_eq!(
                (asked.topic.as_str(), asked.words),
                (topic, words.iter().map(ToString::to_string).collect()),
                "{line}"
            );
        }
    }
}
