//! Cells in lines, a column below the other.

use unicode_width::UnicodeWidthStr;

/// The rows as lines; each cell but a line's last is filled up to its column's width. All rows have as many cells.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].width())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let padded = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| {
                let behind = width.saturating_sub(cell.width());
                format!("{cell}{}", " ".repeat(behind))
            })
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(padded).collect()
}

/// The names of a table's columns: `name` first, the others by the alphabet.
pub fn columns<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut columns: Vec<String> = keys.into_iter().map(str::to_owned).collect();
    columns.sort_by(|one, other| (one != "name", one).cmp(&(other != "name", other)));
    columns.dedup();
    columns
}
