//! Where in a line the cursor stands: in which call, in which of its arguments, and in maps and lists there at which key.

use crate::repl::code::{Kind, Step, Token, chain, is_sign, unclosed, unescaped};

/// The innermost call that is open.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The names up to the function's.
    pub(super) steps: Vec<Step>,
    /// The arguments before the one at the cursor.
    pub(super) before: Vec<&'a [Token<'a>]>,
    /// The maps and lists that are open in the one at the cursor, outermost first.
    pub(super) levels: Vec<Level<'a>>,
}

/// A map or a list that is open.
#[derive(Debug)]
pub(super) enum Level<'a> {
    /// A map in which a key is expected.
    Key(Given<'a>),
    /// A map in which the value of this key is expected.
    Value(String, Given<'a>),
    /// A list.
    Item,
}

/// The other members that a map has so far, with what their values are written as.
#[derive(Debug, Default)]
pub(super) struct Given<'a>(Vec<(String, &'a [Token<'a>])>);

impl Given<'_> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(given, _)| given == key)
    }

    /// The value of a key, where it is a text written out.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(given, _)| given == key)?;
        literal(value)
    }
}

/// The text that an argument is, where it is written out.
pub(super) fn literal(tokens: &[Token<'_>]) -> Option<String> {
    match tokens {
        [only] if only.kind == Kind::Text => unescaped(only.text),
        _ => None,
    }
}

/// The innermost call that is open behind `tokens`; none if there is a block or a bracket that is no call's before it.
pub(super) fn call<'a>(tokens: &'a [Token<'a>]) -> Option<Call<'a>> {
    let mut levels = Vec::new();
    for at in unclosed(tokens).into_iter().rev() {
        let inside = &tokens[at + 1..];
        match tokens[at].text {
            "#{" => levels.push(map(inside)),
            "[" => levels.push(Level::Item),
            "(" => {
                let mut before = split(inside);
                before.pop();
                levels.reverse();
                let mut steps = chain(&tokens[..at])?;
                if let Some(last) = steps.last_mut() {
                    last.is_call = true;
                }
                return Some(Call {
                    steps,
                    before,
                    levels,
                });
            }
            _ => return None,
        }
    }
    None
}

/// What stands between the commas, the last of them last.
fn split<'a>(tokens: &'a [Token<'a>]) -> Vec<&'a [Token<'a>]> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0);
    for (at, token) in tokens.iter().enumerate() {
        if is_sign(token, &["(", "[", "{", "#{"]) {
            depth += 1;
        } else if is_sign(token, &[")", "]", "}"]) {
            depth -= 1;
        } else if depth == 0 && is_sign(token, &[","]) {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts
}

fn map<'a>(inside: &'a [Token<'a>]) -> Level<'a> {
    let mut entries = split(inside);
    let current = entries.pop().and_then(entry);
    let given = Given(entries.into_iter().filter_map(entry).collect());
    match current {
        Some((key, _)) => Level::Value(key, given),
        None => Level::Key(given),
    }
}

/// A key and its value, once the colon between them is there.
fn entry<'a>(tokens: &'a [Token<'a>]) -> Option<(String, &'a [Token<'a>])> {
    let [key, colon, value @ ..] = tokens else {
        return None;
    };
    let name = match key.kind {
        Kind::Name => key.text.to_owned(),
        Kind::Text => unescaped(key.text)?,
        _ => return None,
    };
    is_sign(colon, &[":"]).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::{Level, call};
    use crate::repl::code::Code;

    fn place(text: &str) -> Option<String> {
        let code = Code::of(text);
        let call = call(&code.tokens)?;
        let mut told: Vec<String> = call.steps.into_iter().map(|step| step.name).collect();
        told.push(call.before.len().to_string());
        told.extend(call.levels.iter().map(|level| match level {
            Level::Key(given) => format!("key besides {}", given.0.len()),
            Level::Value(key, given) => {
                format!("{key} with {:?}", given.text("driver").unwrap_or_default())
            }
            Level::Item => "item".to_owned(),
        }));
        Some(told.join(" "))
    }

    #[test]
    fn the_call_the_argument_and_the_key_at_the_cursor_are_told() {
        for (text, told) in [
            ("v.qmp(", Some("v qmp 0")),
            ("v.qmp(\"x\", ", Some("v qmp 1")),
            ("v.qmp(\"x\", #{", Some("v qmp 1 key besides 0")),
            (
                "v.qmp(\"x\", #{ a: f(1, 2), ",
                Some("v qmp 1 key besides 1"),
            ),
            (
                "v.qmp(\"x\", #{ driver: \"raw\", file: ",
                Some("v qmp 1 file with \"raw\""),
            ),
            (
                "v.qmp(\"x\", #{ driver: \"raw\", \"fi-le\": #{ a: 1, ",
                Some("v qmp 1 fi-le with \"raw\" key besides 1"),
            ),
            (
                "v.transaction([#{ type: ",
                Some("v transaction 0 item type with \"\""),
            ),
            ("f(g(1), [2, ", Some("f 1 item")),
            ("f(|x| { ", None),
            ("(v, ", None),
            ("f(1)", None),
        ] {
            assert_eq!(place(text).as_deref(), told, "{text}");
        }
    }
}
