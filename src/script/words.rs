//! Words that Rhai keeps for itself but QMP uses: `sync: "full"`, `.default`, `shared: true`. The lexer's tokens pass
//! through here: a word that Rhai only reserves is a name everywhere; a real keyword is a name where only a name can
//! stand, after a dot and as a map's key.

use std::cell::RefCell;

use rhai::Token;

/// Reserved by Rhai with no meaning in this version. `with` is not among them: it is ours.
const FREE: [&str; 30] = [
    "async",
    "await",
    "begin",
    "case",
    "default",
    "each",
    "end",
    "go",
    "goto",
    "is",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "protected",
    "public",
    "shared",
    "spawn",
    "static",
    "super",
    "sync",
    "then",
    "thread",
    "unless",
    "use",
    "var",
    "void",
    "yield",
];

/// What `agent.call(...)` is read as: Rhai keeps `call` for function pointers and never asks a native method of that
/// name. An agent under another name is called by this name itself.
pub const AGENT_CALL: &str = "command";

thread_local! {
    /// A text is lexed by one thread from its start to its end, but the callback has no place to keep this.
    static PLACE: RefCell<Place> = const { RefCell::new(Place::new()) };
}

/// Where the lexer is, as far as it decides whether a word is a name.
struct Place {
    after_agent: bool,
    after_dot: bool,
    at_key: bool,
    open: Vec<Opener>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opener {
    Map,
    Other,
}

impl Place {
    const fn new() -> Self {
        Self {
            after_agent: false,
            after_dot: false,
            at_key: false,
            open: Vec::new(),
        }
    }

    fn pass(&mut self, token: Token) -> Token {
        let token = self.name(token);
        let is_dot = matches!(token, Token::Period | Token::Elvis);
        self.after_agent = match &token {
            Token::Identifier(word) => word.as_str() == "agent",
            _ => self.after_agent && is_dot,
        };
        self.after_dot = is_dot;
        self.at_key = match token {
            Token::MapStart => {
                self.open.push(Opener::Map);
                true
            }
            Token::LeftBrace | Token::LeftParen | Token::LeftBracket | Token::QuestionBracket => {
                self.open.push(Opener::Other);
                false
            }
            Token::RightBrace | Token::RightParen | Token::RightBracket => {
                self.open.pop();
                false
            }
            Token::Comma => self.open.last() == Some(&Opener::Map),
            // A comment leaves the place as it is.
            Token::Comment(_) => self.at_key,
            _ => false,
        };
        token
    }

    fn name(&self, token: Token) -> Token {
        let only_a_name = self.after_dot || self.at_key;
        match token {
            Token::Reserved(word)
                if self.after_agent && self.after_dot && word.as_str() == "call" =>
            {
                Token::Identifier(Box::new(AGENT_CALL.into()))
            }
            Token::Reserved(word) | Token::Custom(word)
                if only_a_name && is_word(&word) && !is_function(&word) =>
            {
                Token::Identifier(word)
            }
            Token::Reserved(word) if FREE.contains(&word.as_str()) => Token::Identifier(word),
            keyword if only_a_name && keyword.is_literal() && is_word(keyword.literal_syntax()) => {
                Token::Identifier(Box::new(keyword.literal_syntax().into()))
            }
            other => other,
        }
    }
}

/// The word at the start of a text, behind a `fn` if that is there, where it is a name here, but none for functions.
pub(super) fn reserved_at(text: &str) -> Option<String> {
    let is_part = |next: char| next.is_alphanumeric() || next == '_';
    let mut words = text
        .split(|next| !is_part(next))
        .filter(|word| !word.is_empty());
    let word = words
        .next()
        .filter(|word| *word != "fn")
        .or_else(|| words.next())?;
    FREE.contains(&word).then(|| word.to_owned())
}

/// That a function cannot be called so, and what to do.
pub(super) fn unfit_for_functions(word: &str) -> (String, Option<String>) {
    let message = format!("`{word}` cannot name a function: Rhai keeps the word for itself");
    let hint = format!("another name; variables, arguments and members may be called `{word}`");
    (message, Some(hint))
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Reserved names that can be called as methods must stay what they are.
fn is_function(word: &str) -> bool {
    matches!(word, "call" | "curry" | "type_of" | "is_shared")
}

/// The token that the parser is to see.
pub(super) fn named(token: Token) -> Token {
    PLACE.with_borrow_mut(|place| place.pass(token))
}

/// To be called before each text that is compiled: the one before may have ended in the middle.
pub(super) fn start_of_text() {
    PLACE.set(Place::new());
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine};

    use super::{FREE, named, start_of_text};

    #[expect(deprecated, reason = "as in engine.rs")]
    fn register(engine: &mut Engine) {
        engine.on_parse_token(|token, _, _| named(token));
    }

    fn eval(script: &str) -> Result<Dynamic, String> {
        let mut engine = Engine::new();
        register(&mut engine);
        start_of_text();
        engine.eval(script).map_err(|error| error.to_string())
    }

    #[test]
    fn reserved_words_are_names_of_arguments_and_members() {
        for word in FREE {
            assert_eq!(
                eval(&format!(
                    "let m = #{{{word}: 1, b: 2, {word}2: 3}}; m.{word}"
                ))
                .unwrap()
                .as_int(),
                Ok(1),
                "{word}"
            );
        }
    }

    #[test]
    fn real_keywords_are_names_in_a_map_and_after_a_dot() {
        for word in [
            "if", "else", "for", "in", "while", "loop", "do", "let", "const", "fn", "return",
            "throw", "try", "catch", "import", "export", "as", "global", "private", "switch",
            "break", "continue", "true", "false",
        ] {
            let script =
                format!("let m = #{{a: [1, #{{b: 1}}], {word}: 1}}; m.{word} += 1; m?.{word}");
            assert_eq!(
                eval(&script).map(|value| value.as_int()),
                Ok(Ok(2)),
                "{word}"
            );
        }
    }

    #[test]
    fn keywords_keep_their_meaning_everywhere_else() {
        let script = "let x = #{a: if true { 1 } else { 2 }, b: switch 1 { 1 => 5, _ => 6 }};
            fn f(a, b) { return a + b; }
            for i in [1, 2] { if i == 2 { break; } }
            let l = [1, 2]; let s = `a${if true { #{in: 1}.in } else { 0 }}b`;
            try { throw 1 } catch (e) { }
            f(x.a, x.b) + l.len()";
        assert_eq!(eval(script).unwrap().as_int(), Ok(8));
        assert!(eval("if = 3").is_err());
        assert!(eval("{ let a = 1, if }").is_err());
    }

    #[test]
    fn function_pointers_are_still_called_and_curried() {
        assert_eq!(
            eval("let f = |a, b| a + b; f.curry(1).call(2)")
                .unwrap()
                .as_int(),
            Ok(3)
        );
        assert_eq!(eval("let x = 1; x.type_of()").unwrap().to_string(), "i64");
    }

    #[test]
    fn a_call_of_an_agent_is_a_method_and_no_function_pointer() {
        let mut engine = Engine::new();
        register(&mut engine);
        engine.register_fn(super::AGENT_CALL, |_: &mut rhai::Map, name: &str| {
            format!("<{name}>")
        });
        for script in [
            "let v = #{agent: #{}}; v.agent.call(\"ping\")",
            "let agent = #{}; agent . call(\"ping\")",
            "let v = #{agent: #{}}; v?.agent?.call(\"ping\")",
            "let agent = |x| `<${x}>`; let f = agent; f.call(\"ping\")",
        ] {
            start_of_text();
            assert_eq!(engine.eval::<String>(script).unwrap(), "<ping>", "{script}");
        }
    }

    #[test]
    fn a_text_that_ends_in_a_map_leaves_no_trace_in_the_next() {
        let mut engine = Engine::new();
        register(&mut engine);
        for (script, good) in [("#{a: 1,", false), ("if true { 1 } else { 2 }", true)] {
            start_of_text();
            assert_eq!(engine.compile(script).is_ok(), good, "{script}");
        }
    }
}
