//! Maps and lists as a tree: a key or a dash a line, what is below it further to the right.

use nu_ansi_term::{Color, Style as Paint};
use unicode_width::UnicodeWidthStr;

use super::inline::{inline, word};
use super::unit::{Unit, is_large};
use super::{Style, grid};
use crate::repl::value::Value;
use crate::wire::escape::escaped;

/// How many characters are put before what is below.
const STEP: &str = "  ";

/// The most members of a map that stand in one line.
const FEW: usize = 4;

/// The lines of a value.
pub(super) fn lines(value: &Value, style: Style) -> Vec<String> {
    let mut tree = Tree {
        style,
        lines: Vec::new(),
    };
    if let Some(line) = tree.short(value, None, 0) {
        return vec![line];
    }
    tree.below(value, "");
    tree.lines
}

struct Tree {
    style: Style,
    lines: Vec<String>,
}

impl Tree {
    /// The value in what is left of a line that is `used` already; none if it needs lines of its own.
    fn short(&self, value: &Value, unit: Option<Unit>, used: usize) -> Option<String> {
        if value.is_plain() {
            return Some(self.plain(value, unit));
        }
        let is_simple = match value {
            Value::List(items) => items.iter().all(Value::is_plain),
            // Few are seen at once; more are easier to find below each other.
            Value::Map(members) => {
                let is_plain =
                    |(_, member): &(String, Value)| member.is_plain() && of_lines(member).is_none();
                used > 0 && members.len() <= FEW && members.iter().all(is_plain)
            }
            _ => false,
        };
        if !is_simple || used + inline(value).width() > self.style.width {
            return None;
        }
        Some(match value {
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.plain(item, None)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(members) => {
                let member = |(key, member): &(String, Value)| {
                    format!("{}: {}", self.key(key), self.plain(member, None))
                };
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(", "))
            }
            plain => self.plain(plain, unit),
        })
    }

    fn below(&mut self, value: &Value, indent: &str) {
        match value {
            Value::Map(members) => {
                for (key, member) in members {
                    let unit = Unit::of(key, |other| value.get(other).is_some());
                    self.member(indent, key, member, unit);
                }
            }
            Value::List(items) => {
                let width = self.style.width.saturating_sub(indent.len());
                if let Some(table) = grid::lines(items, width, self.style) {
                    let lines = table.into_iter().map(|line| format!("{indent}{line}"));
                    self.lines.extend(lines);
                    return;
                }
                for item in items {
                    self.item(indent, item);
                }
            }
            plain => {
                let line = format!("{indent}{}", self.plain(plain, None));
                self.lines.push(line);
            }
        }
    }

    fn key(&self, key: &str) -> String {
        self.style.paint(Color::Cyan.normal(), &escaped(key))
    }

    fn member(&mut self, indent: &str, key: &str, value: &Value, unit: Option<Unit>) {
        let name = self.key(key);
        let used = indent.len() + escaped(key).width() + 2;
        if let Some(text) = of_lines(value) {
            // What a program printed is read as it printed it.
            self.lines.push(format!("{indent}{name}: |"));
            let lines = text.lines().map(|line| {
                let line = self.style.paint(Color::Green.normal(), &escaped(line));
                format!("{indent}{STEP}{line}")
            });
            self.lines.extend(lines);
        } else if let Some(line) = self.short(value, unit, used) {
            self.lines.push(format!("{indent}{name}: {line}"));
        } else {
            self.lines.push(format!("{indent}{name}:"));
            self.below(value, &format!("{indent}{STEP}"));
        }
    }

    /// The first line of an item stands behind its dash.
    fn item(&mut self, indent: &str, value: &Value) {
        let first = self.lines.len();
        let inner = format!("{indent}{STEP}");
        if let Some(line) = self.short(value, None, inner.len()) {
            self.lines.push(format!("{indent}- {line}"));
            return;
        }
        self.below(value, &inner);
        if let Some(line) = self.lines.get_mut(first) {
            let rest = line.split_off(inner.len());
            *line = format!("{indent}- {rest}");
        }
    }

    fn plain(&self, value: &Value, unit: Option<Unit>) -> String {
        let color = match value {
            Value::Number(_) => Color::Yellow.normal(),
            Value::Bool(_) => Color::Purple.normal(),
            Value::Text(_) => Color::Green.normal(),
            Value::Nothing | Value::Other(_) | Value::Bytes(_) => Paint::new().dimmed(),
            Value::List(_) | Value::Map(_) => Paint::new(),
        };
        let word = match value {
            Value::Nothing => "()".to_owned(),
            Value::List(_) => "[]".to_owned(),
            Value::Map(_) => "{}".to_owned(),
            plain => word(plain),
        };
        let shown = self.style.paint(color, &word);
        match unit
            .filter(|_| is_large(value))
            .and_then(|unit| unit.say(value))
        {
            Some(size) => {
                let size = self
                    .style
                    .paint(Paint::new().dimmed(), &format!("({size})"));
                format!("{shown} {size}")
            }
            None => shown,
        }
    }
}

/// A text of several lines.
fn of_lines(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if text.trim_end_matches('\n').contains('\n') => Some(text),
        _ => None,
    }
}
