//! Whether what was typed is whole, or goes on in the next line: an open bracket, text or comment, or an operator that
//! waits for its other side. What is wrong in it is not told here: the engine does that when it is run.

use super::help::is_asked;

/// What is open where the scan stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `(`, `[`, `{`, and `${` in a template.
    Bracket,
    /// A text in backticks.
    Template,
}

/// How a text ends.
enum End {
    /// With nothing open; the last character that is no space or comment.
    Closed(Option<char>),
    /// Within something.
    Open,
    /// With something that the next line cannot mend.
    Broken,
}

/// Whether `text` can be run as it is. An empty line at its end gives up on an operator's other side.
pub fn is_whole(text: &str) -> bool {
    // A question is answered at once, whatever is open before it.
    if text.trim_start().starts_with(':') || is_asked(text) {
        return true;
    }
    match scan(text) {
        End::Broken => true,
        End::Open => false,
        End::Closed(last) => {
            let given_up = text
                .rsplit_once('\n')
                .is_some_and(|(_, line)| line.trim().is_empty());
            let waits = last.is_some_and(|last| "=+-*/%<>&|^,.:!".contains(last));
            !waits || given_up
        }
    }
}

/// The whole statements and commands of a text, each with how many lines are before it. The last may be open.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut pieces = Vec::new();
    let (mut piece, mut begun) = (String::new(), 0);
    for (number, line) in text.lines().enumerate() {
        if piece.is_empty() {
            begun = number;
        }
        piece.push_str(line);
        piece.push('\n');
        if is_whole(piece.trim_end()) {
            pieces.push((begun, std::mem::take(&mut piece)));
        }
    }
    pieces.push((begun, piece));
    let is_some = |(_, piece): &(usize, String)| !piece.trim().is_empty();
    pieces.into_iter().filter(is_some)
}

fn scan(text: &str) -> End {
    let mut open = Vec::new();
    let mut last = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if open.last() == Some(&Open::Template) {
            in_template(rest, &mut open)
        } else {
            last = match first {
                // A comment says nothing of how the line ends.
                '/' if rest.starts_with("//") || rest.starts_with("/*") => last,
                _ if first.is_whitespace() => last,
                _ => Some(first),
            };
            match in_code(rest, &mut open) {
                Some(length) => length,
                None if is_broken_at(rest) => return End::Broken,
                None => return End::Open,
            }
        };
        rest = &rest[length..];
    }
    if open.is_empty() {
        End::Closed(last)
    } else {
        End::Open
    }
}

/// The length of what begins here in a template.
fn in_template(rest: &str, open: &mut Vec<Open>) -> usize {
    if rest.starts_with("``") {
        return 2;
    }
    if rest.starts_with('`') {
        open.pop();
        return 1;
    }
    if rest.starts_with("${") {
        open.push(Open::Bracket);
        return 2;
    }
    rest.chars().next().map_or(0, char::len_utf8)
}

/// The length of what begins here in code; none if it does not end.
fn in_code(rest: &str, open: &mut Vec<Open>) -> Option<usize> {
    let first = rest.chars().next()?;
    match first {
        '/' if rest.starts_with("//") => Some(rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => comment(rest),
        '"' => quoted(rest, '"'),
        '\'' => quoted(rest, '\''),
        '#' => raw(rest),
        '`' => {
            open.push(Open::Template);
            Some(1)
        }
        '(' | '[' | '{' => {
            open.push(Open::Bracket);
            Some(1)
        }
        ')' | ']' | '}' => {
            open.pop();
            Some(1)
        }
        _ => Some(first.len_utf8()),
    }
}

/// Comments nest.
fn comment(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

/// Ends at the quote, and at the end of the line unless a backslash carries it over.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, next) in rest.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return None,
            _ if next == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// `#"..."#`, with any number of `#`; alone it is the beginning of a map.
fn raw(rest: &str) -> Option<usize> {
    let marks = rest.chars().take_while(|&next| next == '#').count();
    if !rest[marks..].starts_with('"') {
        return Some(marks);
    }
    let close = format!("\"{}", "#".repeat(marks));
    let inside = &rest[marks + 1..];
    inside.find(&close).map(|at| marks + 1 + at + close.len())
}

/// Whether what begins here and does not end is a text of one line, which the next line cannot close.
fn is_broken_at(rest: &str) -> bool {
    let ends_carried = rest.trim_end_matches('\n').ends_with('\\');
    rest.starts_with(['"', '\'']) && !ends_carried
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn what_is_closed_is_whole() {
        for text in [
            "",
            "1 + 1",
            "let x = #{ a: [1, (2)] };",
            "fn f() { 1 }",
            "\"a { ( [\"",
            "'{'",
            "`a ${ if x { `b {` } else { \"}\" } } {`",
            "`` ```` ``",
            "#\"a \" { \"#",
            "##\"a \"# { \"##",
            "1 // {",
            "1 /* { /* ( */ [ */",
            "// 1 +",
            "x /* + */",
            ":set mode vi {",
            "v.qmp(\"eject\", #{ ?",
            "if a > b { 1 }",
        ] {
            assert!(is_whole(text), "{text}");
        }
    }

    #[test]
    fn what_is_open_goes_on() {
        for text in [
            "fn f() {",
            "v.qmp(\"x\", #{",
            "[1,\n2",
            "`a",
            "`a ${",
            "`a ${ x }\nb",
            "/* a",
            "/* a /* b */",
            "#\"a\nb\"",
            "\"a\\",
            "let x =",
            "1 + // one",
            "v.qmp.",
            "let f = |x|",
            "list.map(|x| {",
            "`why?",
        ] {
            assert!(!is_whole(text), "{text}");
        }
    }

    #[test]
    fn what_no_line_can_mend_is_run_so_that_the_mistake_is_told() {
        for text in ["\"a", "let x = 'a", "1 )", "{ \"a\n }", "let x =\n"] {
            assert!(is_whole(text), "{text}");
        }
    }
}
