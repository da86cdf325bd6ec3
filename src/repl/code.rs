//! The code before the cursor as tokens, as far as who only types needs it: names, texts, brackets. Unlike the engine's
//! lexer it takes what is not whole yet, and says what is open at the end.

mod chain;
mod functions;

pub use chain::{Step, chain, opening};
pub use functions::{Definition, definitions};

/// A piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As it is written; of a text what stands between its quotes.
    pub text: &'a str,
    /// Where `text` begins, in bytes.
    pub start: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a word of the language.
    Name,
    /// A number.
    Number,
    /// A text in `"`.
    Text,
    /// A text in other quotes, or one with code in it: what it is worth is not told here.
    OtherText,
    /// All else, as few characters as mean something by themselves.
    Sign,
}

/// What is open at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Nothing but brackets: code is expected.
    Code,
    /// A text in `"`, which begins here.
    Text(usize),
    /// A comment, or a text in which nothing can be meant.
    Nothing,
}

/// Code up to some place.
#[derive(Debug)]
pub struct Code<'a> {
    /// Its whole tokens; in the code within a text only those.
    pub tokens: Vec<Token<'a>>,
    /// What is open behind them.
    pub inside: Inside,
}

/// Signs of several characters.
const SIGNS: [&str; 6] = ["#{", "::", "?.", "...", "..=", ".."];

impl<'a> Code<'a> {
    /// The tokens of `text`.
    pub fn of(text: &'a str) -> Self {
        let mut lexer = Lexer {
            text,
            at: 0,
            tokens: Vec::new(),
            outer: Vec::new(),
        };
        let inside = lexer.run();
        Self {
            tokens: lexer.tokens,
            inside,
        }
    }
}

/// Code that holds the text in which it stands, and how many brackets are open in it.
type Outer<'a> = (Vec<Token<'a>>, usize);

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    outer: Vec<Outer<'a>>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Inside {
        while let Some(first) = self.rest().chars().next() {
            let rest = self.rest();
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if rest.starts_with("//") {
                match rest.find('\n') {
                    Some(end) => self.at += end,
                    None => return Inside::Nothing,
                }
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Inside::Nothing,
                }
            } else if first == '"' || first == '\'' {
                let start = self.at + 1;
                let Some(length) = quoted(&rest[1..], first) else {
                    return if first == '"' {
                        Inside::Text(start)
                    } else {
                        Inside::Nothing
                    };
                };
                let kind = if first == '"' {
                    Kind::Text
                } else {
                    Kind::OtherText
                };
                self.push(kind, start, length);
                self.at += 1;
            } else if first == '`' {
                self.at += 1;
                if !self.template() {
                    return Inside::Nothing;
                }
            } else if let Some(marks) = raw_marks(rest) {
                let start = self.at + marks + 1;
                let close = format!("\"{}", "#".repeat(marks));
                let Some(length) = self.text[start..].find(&close) else {
                    return Inside::Nothing;
                };
                self.push(Kind::OtherText, start, length);
                self.at += close.len();
            } else if is_of_name(first) {
                self.word(first);
            } else if !self.sign(first) {
                return Inside::Nothing;
            }
        }
        Inside::Code
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, start: usize, length: usize) {
        self.tokens.push(Token {
            kind,
            text: &self.text[start..start + length],
            start,
        });
        self.at = start + length;
    }

    fn word(&mut self, first: char) {
        let rest = self.rest();
        let length = |rest: &str| rest.find(|next| !is_of_name(next)).unwrap_or(rest.len());
        let mut end = length(rest);
        if first.is_ascii_digit() {
            let fraction = rest[end..].strip_prefix('.');
            if let Some(digits) =
                fraction.filter(|rest| rest.starts_with(|d: char| d.is_ascii_digit()))
            {
                end += 1 + length(digits);
            }
            self.push(Kind::Number, self.at, end);
        } else {
            self.push(Kind::Name, self.at, end);
        }
    }

    /// Takes a sign. False if it leads back into a text that does not end.
    fn sign(&mut self, first: char) -> bool {
        if let Some((_, open)) = self.outer.last_mut() {
            match first {
                '{' => *open += 1,
                '}' if *open == 0 => {
                    self.at += 1;
                    let outer = self.outer.pop();
                    self.tokens = outer.map(|(tokens, _)| tokens).unwrap_or_default();
                    return self.template();
                }
                '}' => *open -= 1,
                _ => {}
            }
        }
        let rest = self.rest();
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        if let (Some(&"#{"), Some((_, open))) = (sign, self.outer.last_mut()) {
            *open += 1;
        }
        let length = sign.map_or(first.len_utf8(), |sign| sign.len());
        self.push(Kind::Sign, self.at, length);
        true
    }

    /// Goes on in a text in backticks, up to its end or to code in it. False if it does not end.
    fn template(&mut self) -> bool {
        while let Some(first) = self.rest().chars().next() {
            if self.rest().starts_with("``") {
                self.at += 2;
            } else if first == '`' {
                self.push(Kind::OtherText, self.at, 0);
                self.at += 1;
                return true;
            } else if self.rest().starts_with("${") {
                self.at += 2;
                let outer = std::mem::take(&mut self.tokens);
                self.outer.push((outer, 0));
                return true;
            } else {
                self.at += first.len_utf8();
            }
        }
        false
    }
}

/// The length up to the quote that ends a text.
fn quoted(inside: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, next) in inside.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if next == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// How many `#` a raw text begins with here.
fn raw_marks(rest: &str) -> Option<usize> {
    let marks = rest.bytes().take_while(|next| *next == b'#').count();
    (marks > 0 && rest[marks..].starts_with('"')).then_some(marks)
}

/// Whether a character can be in a name.
pub fn is_of_name(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}

/// What a text in `"` is worth.
pub fn unescaped(raw: &str) -> Option<String> {
    if raw.contains('\\') {
        // What JSON does not know as well is rare in a name.
        return serde_json::from_str(&format!("\"{raw}\"")).ok();
    }
    Some(raw.to_owned())
}

/// Whether a token is one of these signs.
pub fn is_sign(token: &Token<'_>, signs: &[&str]) -> bool {
    token.kind == Kind::Sign && signs.contains(&token.text)
}

/// The brackets that are open at the end, outermost first.
pub fn unclosed(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if is_sign(token, &["(", "[", "{", "#{"]) {
            open.push(at);
        } else if is_sign(token, &[")", "]", "}"]) {
            open.pop();
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::{Code, Inside};

    fn texts(text: &str) -> (Vec<&str>, Inside) {
        let code = Code::of(text);
        let texts = code.tokens.iter().map(|token| token.text).collect();
        (texts, code.inside)
    }

    #[test]
    fn code_is_cut_into_tokens_and_what_is_open_is_told() {
        for (text, tokens, inside) in [
            (
                "v.qmp(\"a b\", #{ x: 1.5 })",
                &[
                    "v", ".", "qmp", "(", "a b", ",", "#{", "x", ":", "1.5", "}", ")",
                ][..],
                Inside::Code,
            ),
            ("0..v", &["0", "..", "v"], Inside::Code),
            ("f(\"a\\\"b", &["f", "("], Inside::Text(3)),
            ("f('a", &["f", "("], Inside::Nothing),
            ("f( /* x */ y // z", &["f", "(", "y"], Inside::Nothing),
            ("f(`a ${x} b`, y", &["f", "(", "", ",", "y"], Inside::Code),
            (
                "f(`a ${#{ b: v.st",
                &["#{", "b", ":", "v", ".", "st"],
                Inside::Code,
            ),
            ("f(`a ${x} b", &["f", "("], Inside::Nothing),
            ("#\"a\"b\"#.len", &["a\"b", ".", "len"], Inside::Code),
            ("\"ä\" + ö", &["ä", "+", "ö"], Inside::Code),
        ] {
            assert_eq!(texts(text), (tokens.to_vec(), inside), "{text}");
        }
    }
}
