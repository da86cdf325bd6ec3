//! A line's value as text for people: text as it is, a list of maps as a table, other maps and lists as a tree, bytes as hex.
//! Nothing in it acts on a terminal but the colours that are put here.

mod grid;
mod hex;
mod inline;
mod tree;
mod unit;

use crate::repl::value::Value;
use crate::wire::escape::escaped_lines;

/// How values are shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether in colour.
    pub color: bool,
    /// How many characters a line has.
    pub width: usize,
    /// How many lines are shown at most; 0 is all.
    pub lines: usize,
}

impl Style {
    /// `text` in that colour, if colours are wanted.
    pub fn paint(self, paint: nu_ansi_term::Style, text: &str) -> String {
        // Codes around nothing would only be in the way.
        if self.color && !text.is_empty() && paint != nu_ansi_term::Style::new() {
            paint.paint(text).to_string()
        } else {
            text.to_owned()
        }
    }
}

/// The value's text, without a newline at its end; none if there is nothing to show.
pub fn show(value: &Value, style: Style) -> Option<String> {
    let lines = match value {
        Value::Nothing => return None,
        Value::Text(text) => text_lines(text),
        Value::Bytes(bytes) => {
            let count = hex::in_line(style.width);
            let cut = match style.lines {
                0 => bytes,
                lines => &bytes[..bytes.len().min(lines * count)],
            };
            let more = bytes.chunks(count).len() - cut.chunks(count).len();
            return Some(bounded(hex::lines(cut, style), more, style));
        }
        _ => tree::lines(value, style),
    };
    Some(bounded(lines, 0, style))
}

fn text_lines(text: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    escaped_lines(text).split('\n').map(str::to_owned).collect()
}

/// As many lines as are to be shown, and how many more there are: those behind, and `more` that were not even made.
fn bounded(mut lines: Vec<String>, more: usize, style: Style) -> String {
    let more = match style.lines {
        0 => 0,
        shown => lines.len().saturating_sub(shown) + more,
    };
    if more > 0 {
        lines.truncate(style.lines);
        let told = format!("... {more} more lines: `:show` shows all, `:json` the raw value");
        let dimmed = nu_ansi_term::Style::new().dimmed();
        lines.push(style.paint(dimmed, &told));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Style, show};
    use crate::repl::value::Value;

    const PLAIN: Style = Style {
        color: false,
        width: 60,
        lines: 200,
    };

    fn number(number: i64) -> Value {
        Value::Number(number.to_string())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn map(members: &[(&str, Value)]) -> Value {
        Value::Map(
            members
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        )
    }

    #[track_caller]
    fn expect(value: &Value, shown: &str) {
        assert_eq!(show(value, PLAIN).as_deref(), Some(shown));
    }

    #[test]
    fn no_value_is_not_shown() {
        assert_eq!(show(&Value::Nothing, PLAIN), None);
    }

    #[test]
    fn text_is_shown_as_text_with_nothing_in_it_that_acts() {
        expect(&text("a\n\tb\u{1b}[2J\n"), "a\n\tb\\x1b[2J");
    }

    #[test]
    fn maps_in_a_list_are_a_table_where_they_fit() {
        let row = |name: &str| map(&[("name", text(name)), ("size", number(1))]);
        let list = Value::List(vec![row("a\nb"), row("c")]);
        expect(&list, "NAME    SIZE\n\"a\\nb\"   1 B\nc        1 B");
        let wide = Value::List(vec![row(&"x".repeat(60))]);
        assert!(show(&wide, PLAIN).unwrap().starts_with("- name: xxx"));
    }

    #[test]
    fn a_map_is_a_tree() {
        let value = map(&[
            ("bytes-used", number(67_108_864)),
            (
                "file",
                map(&[("driver", text("qcow2")), ("ro", Value::Bool(false))]),
            ),
            ("list", Value::List(vec![number(1), number(2)])),
            (
                "many",
                Value::List(vec![
                    number(1),
                    map(&[
                        ("a", Value::List(vec![map(&[("b", number(1))])])),
                        ("b", number(2)),
                    ]),
                ]),
            ),
            (
                "maps",
                Value::List(vec![map(&[("name", text("x")), ("size", number(1))])]),
            ),
            ("none", Value::Nothing),
            ("text", text("true")),
            ("two", text("a\nb")),
        ]);
        expect(
            &value,
            "bytes-used: 67108864 (64 MiB)\n\
             file: {driver: qcow2, ro: false}\n\
             list: [1, 2]\n\
             many:\n  - 1\n  - a:\n      B\n      1\n    b: 2\n\
             maps:\n  NAME  SIZE\n  x      1 B\n\
             none: ()\n\
             text: \"true\"\n\
             two: |\n  a\n  b",
        );
    }

    #[test]
    fn what_is_long_is_cut_and_says_how_to_see_all() {
        let style = Style { lines: 2, ..PLAIN };
        let shown = show(&text("a\nb\nc\nd"), style).unwrap();
        assert_eq!(
            shown,
            "a\nb\n... 2 more lines: `:show` shows all, `:json` the raw value"
        );
    }

    #[test]
    fn keys_that_a_guest_chose_act_on_nothing() {
        let value = map(&[("a\u{1b}[2J", text("\u{202e}"))]);
        expect(&value, "a\\x1b[2J: \"\\u{202e}\"");
        let value = Value::List(vec![value]);
        expect(&value, "A\\X1B[2J\n\"\\u{202e}\"");
    }

    #[test]
    fn colours_are_put_only_where_they_are_wanted() {
        let style = Style {
            color: true,
            ..PLAIN
        };
        let shown = show(&map(&[("a", number(1))]), style).unwrap();
        assert!(shown.contains("\u{1b}["), "{shown}");
    }

    #[test]
    fn bytes_are_shown_as_hex_with_what_of_them_is_text() {
        let bytes = Value::Bytes(b"QEMU\x00\xff and more text".to_vec());
        expect(
            &bytes,
            "00000000  51 45 4d 55  00 ff 20 61  |QEMU.. a|\n\
             00000008  6e 64 20 6d  6f 72 65 20  |nd more |\n\
             00000010  74 65 78 74               |text|",
        );
        let wide = Style { width: 78, ..PLAIN };
        assert_eq!(
            show(&bytes, wide).unwrap(),
            "00000000  51 45 4d 55 00 ff 20 61  6e 64 20 6d 6f 72 65 20  |QEMU.. and more |\n\
             00000010  74 65 78 74                                       |text|"
        );
    }
}
