//! Secrets in command lines: the words of a program's, lines of shell, and lines of the human monitor.

use std::borrow::Cow;
use std::ops::Range;

use super::HIDDEN;
use super::rules::{
    MONITOR_LINES, PLACES, PROGRAMS, READERS, READING, STARTED, SUBCOMMANDS, Taken, is_secret,
    is_secret_property,
};
use super::text::{hidden_text, hidden_word};

/// How many commands of a line are looked at for texts that they are given in it.
const MOST: usize = 64;

/// The longest line that is read as one: Linux takes no longer word.
const LONGEST: usize = 128 << 10;

/// The words of a command line with what is secret in them as `***`: `password=x`, `--password=x`, `--password x`, what
/// some programs take under other names, lines of shell behind `-c`, headers, and all that texts hold.
pub fn hidden_words(words: &[String]) -> Vec<String> {
    let mut program = None;
    let mut next = None;
    let mut is_line = false;
    let hide = |word: &String| {
        let sub = program.and_then(|program| subcommand(program, word));
        program = sub.or_else(|| program_of(word)).or(program);
        let was_line = std::mem::replace(&mut is_line, takes_line(word));
        if let Some(taken) = next.take().filter(|_| !is_option(word)) {
            return match taken {
                Taken::AfterUser => behind_user(word),
                Taken::Either | Taken::Together => HIDDEN.to_owned(),
            };
        }
        if word.starts_with('-') {
            if let Some((name, _)) = word.split_once('=').filter(|(name, _)| is_secret(name)) {
                return format!("{name}={HIDDEN}");
            }
            if !word.contains('=') && is_secret(word) {
                next = Some(Taken::Either);
                return word.clone();
            }
            if let Some((shown, taken)) = program.and_then(|program| short(program, word)) {
                next = taken;
                return shown;
            }
        }
        hidden_header(word).unwrap_or_else(|| hidden_argument(word, was_line))
    };
    let mut shown: Vec<String> = words.iter().map(hide).collect();
    if let Some(at) = secret_by_place(words) {
        HIDDEN.clone_into(&mut shown[at]);
    }
    shown
}

/// A word that is no option and no header. With blanks in it, it is a line for another program, unless it is a single
/// `NAME=value` that has them.
fn hidden_argument(word: &str, is_line: bool) -> String {
    let is_pair = || {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.contains(char::is_whitespace) && is_secret(name)
    };
    if !word.contains(char::is_whitespace) || !is_line && is_pair() {
        return hidden_word(word).into_owned();
    }
    shell(word).into_owned()
}

/// Where the secret is that a program takes by its place.
fn secret_by_place(words: &[String]) -> Option<usize> {
    let (program, words) = words.split_first()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let known = PLACES.iter().filter(|(of, _)| *of == base(program));
    let mut places = known.filter(|(_, before)| is_behind(before, &words));
    let at = places.next().map(|(_, before)| before.len())?;
    (!words[at].starts_with('/')).then_some(at + 1)
}

/// Whether words begin as a pattern, in which `*` is any, and go on.
fn is_behind(pattern: &[&str], words: &[&str]) -> bool {
    let is_like = |(wanted, word): (&&str, &&str)| *wanted == "*" || wanted == word;
    pattern.len() < words.len() && pattern.iter().zip(words).all(is_like)
}

/// A program's name without its folder.
fn base(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name)
}

/// The program that a word is, of those whose options are known.
fn program_of(word: &str) -> Option<&'static str> {
    let known = PROGRAMS.iter().map(|(program, ..)| *program);
    let known = known.chain(SUBCOMMANDS.iter().map(|(program, ..)| *program));
    let known = known.chain(READERS).chain(STARTED);
    let mut known = known.filter(|_| !word.is_empty());
    known.find(|program| *program == base(word))
}

/// What a word behind a program makes of it.
fn subcommand(program: &str, word: &str) -> Option<&'static str> {
    let mut known = SUBCOMMANDS.iter();
    known
        .find(|(of, by, _)| *of == program && *by == word)
        .map(|(.., becomes)| *becomes)
}

/// An option of a program's whose secret its name does not tell: as it is shown, and how the next word is taken.
fn short(program: &str, word: &str) -> Option<(String, Option<Taken>)> {
    let known = PROGRAMS.iter().filter(|(of, ..)| *of == program);
    for (_, option, taken) in known {
        let Some(value) = word.strip_prefix(option) else {
            continue;
        };
        if value.is_empty() {
            let next = (*taken != Taken::Together).then_some(*taken);
            return Some((word.to_owned(), next));
        }
        let value = if option.starts_with("--") {
            // Another option that begins alike, unless its value follows.
            match value.strip_prefix('=') {
                Some(value) => return Some((format!("{option}={}", behind_user(value)), None)),
                None => continue,
            }
        } else {
            value
        };
        let shown = match taken {
            Taken::AfterUser => behind_user(value),
            Taken::Either | Taken::Together => HIDDEN.to_owned(),
        };
        return Some((format!("{option}{shown}"), None));
    }
    None
}

/// Whether a word is an option rather than a value: a secret may begin with a dash too.
fn is_option(word: &str) -> bool {
    let short = word.strip_prefix('-').unwrap_or_default();
    short.len() == 1 || word.starts_with("--")
}

/// Whether a line of shell follows: `-c`, `-lc`, `cmd.exe /c`.
fn takes_line(word: &str) -> bool {
    let letters = word
        .strip_prefix('-')
        .and_then(|word| word.strip_suffix('c'));
    let is_short = letters.is_some_and(|letters| letters.bytes().all(|b| b.is_ascii_lowercase()));
    is_short || word.eq_ignore_ascii_case("/c") || word.eq_ignore_ascii_case("-command")
}

/// `user:password`, and for Windows' shares `user%password`, with the user shown.
fn behind_user(word: &str) -> String {
    match word.find([':', '%', ',']) {
        Some(at) => format!("{}{HIDDEN}", &word[..=at]),
        None => word.to_owned(),
    }
}

/// A header such as `Authorization: Bearer x`, and OpenSSL's `pass:x`.
fn hidden_header(word: &str) -> Option<String> {
    let (name, value) = word.split_once(':')?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if value.starts_with(' ') && is_name && is_secret(name) {
        return Some(format!("{name}: {HIDDEN}"));
    }
    (name == "pass" && !value.is_empty()).then(|| format!("pass:{HIDDEN}"))
}

/// A line of shell with what is secret in it as `***`.
pub(super) fn shell(line: &str) -> Cow<'_, str> {
    // As it is written first: what is JSON in it would lose its quotes.
    match hidden_text(line) {
        shown if line.len() > LONGEST => shown,
        Cow::Borrowed(line) => in_commands(line),
        Cow::Owned(line) => Cow::Owned(in_commands(&line).into_owned()),
    }
}

/// The same by the words of its commands.
fn in_commands(line: &str) -> Cow<'_, str> {
    let tokens = tokens(line);
    let mut shown: Vec<Option<String>> = vec![None; tokens.len()];
    let mut commands: Vec<Range<usize>> = Vec::new();
    let mut begin = 0;
    for at in 0..=tokens.len() {
        if tokens.get(at).is_none_or(|token| token.is_sign) {
            commands.push(begin..at);
            begin = at + 1;
        }
    }
    for (number, command) in commands.iter().enumerate() {
        let words: Vec<String> = tokens[command.clone()]
            .iter()
            .map(|t| t.text.clone())
            .collect();
        for (at, hidden) in hidden_words(&words).into_iter().enumerate() {
            if hidden != words[at] {
                shown[command.start + at] = Some(hidden);
            }
        }
        if reads_secret(&words) {
            let with_user = words.iter().any(|word| base(word) == "chpasswd");
            let told = number.checked_sub(1).map(|before| commands[before].clone());
            if let Some(told) = told.filter(|told| is_pipe(line, &tokens, told.end)) {
                hide_told(&tokens, told, with_user, &mut shown);
            }
            // What is behind the end of a text is read as commands again, for so many of them.
            if number < MOST {
                hide_here(&tokens, command.clone(), with_user, &mut shown);
            }
        }
    }
    if shown.iter().all(Option::is_none) {
        return Cow::Borrowed(line);
    }
    let mut text = String::new();
    let mut done = 0;
    for (token, hidden) in tokens.iter().zip(&shown) {
        text.push_str(&line[done..token.begin]);
        match hidden {
            Some(hidden)
                if hidden.contains(|c: char| c.is_whitespace() || "'\"|&;<>()$`\\".contains(c)) =>
            {
                text.push('\'');
                text.push_str(&hidden.replace('\'', "'\\''"));
                text.push('\'');
            }
            Some(hidden) => text.push_str(hidden),
            None => text.push_str(&line[token.begin..token.end]),
        }
        done = token.end;
    }
    Cow::Owned(text + &line[done..])
}

/// Whether a program reads a secret from its standard input.
fn reads_secret(words: &[String]) -> bool {
    let has = |wanted: &str| words.iter().any(|word| base(word) == wanted);
    READERS.iter().any(|reader| has(reader))
        || READING.iter().any(|option| has(option))
        || has("sudo") && has("-S")
}

fn is_pipe(line: &str, tokens: &[Token], at: usize) -> bool {
    tokens
        .get(at)
        .is_some_and(|token| &line[token.begin..token.end] == "|")
}

/// Hides what `echo` and `printf` tell the next program.
fn hide_told(tokens: &[Token], told: Range<usize>, with_user: bool, shown: &mut [Option<String>]) {
    let mut words = told.skip_while(|at| tokens[*at].text.contains('='));
    let tells = |at: usize| ["echo", "printf"].contains(&base(&tokens[at].text));
    if words.next().is_some_and(tells) {
        for at in words.filter(|at| !["-n", "-e", "%s", "%s\\n"].contains(&&*tokens[*at].text)) {
            hide_input(tokens, at, with_user, shown);
        }
    }
}

/// Hides what stands behind `<<<`, or between `<<END` and `END`, of a program that reads a secret.
fn hide_here(
    tokens: &[Token],
    command: Range<usize>,
    with_user: bool,
    shown: &mut [Option<String>],
) {
    for at in command {
        let Some(here) = tokens[at].text.strip_prefix("<<") else {
            continue;
        };
        match here.strip_prefix('<') {
            Some("") if at + 1 < tokens.len() => hide_input(tokens, at + 1, with_user, shown),
            Some(_) => shown[at] = Some(format!("<<<{HIDDEN}")),
            None => {
                let end = here.trim_start_matches('-');
                let lines = (at + 1..tokens.len()).take_while(|at| tokens[*at].text != end);
                for at in lines.filter(|at| !tokens[*at].is_sign) {
                    hide_input(tokens, at, with_user, shown);
                }
            }
        }
    }
}

/// Hides a word that a program reads; of `user:password` the user is shown.
fn hide_input(tokens: &[Token], at: usize, with_user: bool, shown: &mut [Option<String>]) {
    let user = tokens[at].text.split_once(':').filter(|_| with_user);
    let hidden = user.map_or(HIDDEN.to_owned(), |(user, _)| format!("{user}:{HIDDEN}"));
    if hidden != tokens[at].text {
        shown[at] = Some(hidden);
    }
}

/// A line of the human monitor with what is secret in it as `***`.
pub(super) fn monitor(line: &str) -> Cow<'_, str> {
    if line.len() > LONGEST {
        return hidden_text(line);
    }
    let tokens = tokens(line);
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let Some((command, words)) = words.split_first() else {
        return Cow::Borrowed(line);
    };
    if *command == "object_add" {
        // It takes the line's rest as one word.
        let begin = tokens.get(1).map_or(line.len(), |token| token.begin);
        return match hidden_word(&line[begin..]) {
            Cow::Borrowed(_) => Cow::Borrowed(line),
            Cow::Owned(shown) => Cow::Owned(format!("{}{shown}", &line[..begin])),
        };
    }
    let mut lines = MONITOR_LINES.iter();
    let known = lines.find(|(of, pattern)| of == command && is_behind(pattern, words));
    let mut secret = known.map(|(_, pattern)| 1 + pattern.len());
    if ["qom-set", "qom_set"].contains(command) {
        let flags = words
            .iter()
            .take_while(|word| word.starts_with('-'))
            .count();
        if words
            .get(flags + 1)
            .is_some_and(|property| is_secret_property(property))
        {
            secret = Some(flags + 3);
        }
    }
    if let Some(token) = secret.and_then(|at| tokens.get(at)) {
        return Cow::Owned(format!("{}{HIDDEN}", &line[..token.begin]));
    }
    shell(line)
}

/// Whether what a line of the human monitor prints is a secret.
pub(super) fn asks_for_secret(line: &str) -> bool {
    let tokens = tokens(line);
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    matches!(words.as_slice(), ["qom-get" | "qom_get", _, property, ..] if is_secret_property(property))
}

/// A part of a line: a word without its quotes, or a sign that ends a command.
struct Token {
    begin: usize,
    end: usize,
    text: String,
    is_sign: bool,
}

/// The words of a line, as a shell and the human monitor part them: near enough to find what is hidden in them.
fn tokens(line: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open: Option<Token> = None;
    let mut quote = None;
    let mut characters = line.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        let is_blank = character.is_whitespace();
        if quote.is_none() && (is_blank || "|;&()".contains(character)) {
            tokens.extend(open.take());
            if !is_blank || character == '\n' {
                let text = String::new();
                tokens.push(Token {
                    begin: at,
                    end,
                    text,
                    is_sign: true,
                });
            }
            continue;
        }
        let word = open.get_or_insert_with(|| Token {
            begin: at,
            end,
            text: String::new(),
            is_sign: false,
        });
        word.end = end;
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(begun), _) if begun == character => quote = None,
            (None | Some('"'), '\\') => {
                if let Some((at, next)) = characters.next() {
                    word.text.push(next);
                    word.end = at + next.len_utf8();
                }
            }
            _ => word.text.push(character),
        }
    }
    tokens.extend(open);
    tokens
}
