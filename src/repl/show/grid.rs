//! Maps in a list as a table: a column for each key, numbers to the right, bytes as people say them.

use nu_ansi_term::Style as Paint;
use unicode_width::UnicodeWidthStr;

use super::Style;
use super::inline::inline;
use super::unit::Unit;
use crate::repl::value::Value;
use crate::script::table;
use crate::wire::escape::escaped;

/// The most columns of a list or a map in a cell: more is easier to read as a tree.
const NESTED: usize = 40;

/// The lines, if all fit into `width` columns.
pub(super) fn lines(items: &[Value], width: usize, style: Style) -> Option<Vec<String>> {
    let is_row = |item: &Value| matches!(item, Value::Map(members) if !members.is_empty());
    if items.is_empty() || !items.iter().all(is_row) {
        return None;
    }
    let keys = items.iter().flat_map(Value::keys);
    let columns: Vec<Column> = table::columns(keys)
        .into_iter()
        .map(|key| Column::of(&key, items))
        .collect();
    let width_of_all: usize = columns.iter().map(|column| column.width + 2).sum();
    if width_of_all > width + 2 || columns.iter().any(|column| column.is_deep) {
        return None;
    }
    let rows: Vec<Vec<String>> = (0..=items.len())
        .map(|row| columns.iter().map(|column| column.cell(row)).collect())
        .collect();
    let mut lines = table::lines(&rows);
    if let Some(head) = lines.first_mut() {
        *head = style.paint(Paint::new().bold(), head);
    }
    Some(lines)
}

/// A column, from its head on.
struct Column {
    cells: Vec<String>,
    width: usize,
    to_the_right: bool,
    is_deep: bool,
}

impl Column {
    fn of(key: &str, items: &[Value]) -> Self {
        let unit = Unit::of(key, |other| {
            items.iter().any(|item| item.get(other).is_some())
        });
        let values: Vec<&Value> = items
            .iter()
            .map(|item| item.get(key).unwrap_or(&Value::Nothing))
            .collect();
        let shown = values.iter().map(|value| {
            let said = unit.and_then(|unit| unit.say(value));
            said.unwrap_or_else(|| inline(value))
        });
        let cells: Vec<String> = std::iter::once(escaped(key).to_uppercase())
            .chain(shown)
            .collect();
        Self {
            width: cells.iter().map(|cell| cell.width()).max().unwrap_or(0),
            is_deep: values
                .iter()
                .zip(cells.iter().skip(1))
                .any(|(value, cell)| !value.is_plain() && cell.width() > NESTED),
            to_the_right: values
                .iter()
                .all(|value| matches!(value, Value::Number(_) | Value::Nothing)),
            cells,
        }
    }

    fn cell(&self, row: usize) -> String {
        let cell = self.cells.get(row).map_or("", String::as_str);
        if self.to_the_right {
            let before = self.width.saturating_sub(cell.width());
            return format!("{}{cell}", " ".repeat(before));
        }
        cell.to_owned()
    }
}
