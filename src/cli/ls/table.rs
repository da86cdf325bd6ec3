//! The table on a terminal: as wide as it is, and printed row by row, so its columns are as wide as what was found
//! needs and what is asked usually does.

use std::io;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::row::{Cells, Row};
use crate::vm::probe::State;

const HEAD: [&str; 6] = ["NAME", "UUID", "STATE", "QEMU", "AGENT", "PROVIDER"];
/// The width of states, versions and agents, which are not known when the first row is printed.
const STATE: usize = 11;
const VERSION: usize = 7;
const AGENT: usize = 6;
/// A UUID's first digits, where there is no room for all of it: they name the VM as well.
const SHORT_UUID: usize = 8;
/// The least that is left of a name.
const LEAST_NAME: usize = 12;
/// The least room that a note gets, on a terminal that is narrower.
const LEAST_NOTE: usize = 20;
/// Where it is not known how wide the terminal is.
const USUAL: usize = 80;
const GAP: &str = "  ";

/// How rows are laid out, and which have been.
pub(super) struct Table {
    widths: [usize; 6],
    total: usize,
    color: bool,
    printed: Vec<bool>,
}

impl Table {
    /// A table for these rows on the terminal that standard output is.
    pub(super) fn new(rows: &[Row], color: bool) -> Self {
        let size = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        Self::of_width(if size == 0 { USUAL } else { size }, rows, color)
    }

    fn of_width(total: usize, rows: &[Row], color: bool) -> Self {
        let cells: Vec<Cells> = rows.iter().map(Row::cells).collect();
        let widest = |head: &str, cell: fn(&Cells) -> &str| {
            let widths = cells.iter().map(|cells| cell(cells).width());
            widths.max().unwrap_or(0).max(head.width())
        };
        let mut widths = [
            widest(HEAD[0], |cells| &cells.name),
            widest(HEAD[1], |cells| &cells.uuid),
            STATE,
            VERSION,
            AGENT,
            widest(HEAD[5], |cells| &cells.provider),
        ];
        let all =
            |widths: &[usize; 6]| widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1);
        if all(&widths) > total {
            widths[1] = widths[1].min(SHORT_UUID);
        }
        let over = all(&widths).saturating_sub(total);
        widths[0] = widths[0]
            .saturating_sub(over)
            .max(widths[0].min(LEAST_NAME));
        Self {
            widths,
            total,
            color,
            printed: vec![false; rows.len()],
        }
    }

    /// The heading.
    pub(super) fn head(&self) -> String {
        self.laid_out(HEAD.map(str::to_owned))
            .join(GAP)
            .trim_end()
            .to_owned()
    }

    /// The lines of the rows that are known and were not printed yet.
    pub(super) fn new_lines(&mut self, rows: &[Row]) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            if row.probed.is_some() && !self.printed[place] {
                self.printed[place] = true;
                lines.push(self.line(row));
            }
        }
        lines
    }

    fn line(&self, row: &Row) -> String {
        let Cells {
            name,
            uuid,
            state,
            version,
            agent,
            provider,
            note,
        } = row.cells();
        let mut columns = self.laid_out([name, uuid, state, version, agent, provider]);
        let used = columns.join(GAP).width() + GAP.len();
        if self.color {
            let color = color(row.probed.as_ref().map(|probed| &probed.state));
            columns[2] = format!("\x1b[{color}m{}\x1b[0m", columns[2]);
        }
        let left = self.total.saturating_sub(used);
        let line = columns.join(GAP);
        if note == "-" {
            line.trim_end().to_owned()
        } else if note.width() <= left {
            format!("{line}{GAP}{note}")
        } else {
            // What it says is what to do: it goes on below, and not away.
            let room = self.total.saturating_sub(2 * GAP.len()).max(LEAST_NOTE);
            let rest = wrapped(&note, room).join(&format!("\n{GAP}{GAP}"));
            format!("{}\n{GAP}{GAP}{rest}", line.trim_end())
        }
    }

    /// Cuts and pads each column to its width.
    fn laid_out(&self, columns: [String; 6]) -> [String; 6] {
        let mut widths = self.widths.iter().enumerate();
        columns.map(|text| {
            let (column, width) = widths.next().unwrap_or((0, &0));
            let text = match column {
                // The short form is a prefix to be typed, so no mark stands behind it.
                1 if *width == SHORT_UUID => text.chars().take(SHORT_UUID).collect(),
                0 => cut(&text, *width),
                _ => text,
            };
            let pad = width.saturating_sub(text.width());
            text + " ".repeat(pad).as_str()
        })
    }
}

/// Green is well, yellow stands still, red needs somebody, dim is off.
fn color(state: Option<&State>) -> &'static str {
    match state {
        Some(State::Run(status)) if status == "running" => "32",
        Some(State::Run(_)) => "33",
        Some(State::Off) | None => "2",
        Some(_) => "31",
    }
}

/// A text in lines of at most so many columns, which words alone are longer than.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text in at most so many columns, with a mark where it was cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        shown.push(character);
    }
    shown + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Found;
    use crate::vm::probe::{AgentState, Probed};

    fn row(name: &str, state: State) -> Row {
        let found = Found {
            provider: "process",
            name: Some(name.to_owned()),
            uuid: Some("0a1b2c3d-0001-0002-0003-00000000000f".to_owned()),
            ..Found::default()
        };
        Row {
            found,
            probed: Some(Probed {
                state,
                version: Some("10.0.2".to_owned()),
                agent: AgentState::Up,
                ..Probed::default()
            }),
        }
    }

    fn running() -> State {
        State::Run("running".to_owned())
    }

    fn text(width: usize, rows: &[Row]) -> String {
        let mut table = Table::of_width(width, rows, false);
        let mut lines = vec![table.head()];
        lines.extend(table.new_lines(rows));
        lines.join("\n")
    }

    #[test]
    fn columns_are_aligned_also_behind_wide_characters() {
        let rows = [row("web01", running()), row("服务器", State::Busy(None))];
        assert_eq!(
            text(140, &rows),
            "NAME    UUID                                  STATE        QEMU     AGENT   PROVIDER\n\
             web01   0a1b2c3d-0001-0002-0003-00000000000f  running      10.0.2   up      process\n\
             服务器  0a1b2c3d-0001-0002-0003-00000000000f  busy         10.0.2   up      process   held by a process that cannot be seen"
        );
    }

    #[test]
    fn a_narrow_terminal_gets_short_uuids_then_short_names_and_notes_below() {
        let rows = [row("a-very-long-name-of-a-vm", State::Busy(None))];
        assert_eq!(
            text(80, &rows),
            "NAME                      UUID      STATE        QEMU     AGENT   PROVIDER\n\
             a-very-long-name-of-a-vm  0a1b2c3d  busy         10.0.2   up      process\n    held by a process that cannot be seen"
        );
        assert!(text(30, &rows).ends_with("\n    held by a process that\n    cannot be seen"));
        assert!(text(60, &rows).contains("\na-very-long…  0a1b2c3d"));
        assert!(text(1, &rows).contains("\na-very-long…  0a1b2c3d"));
    }

    #[test]
    fn only_the_state_is_coloured_and_each_row_is_printed_once() {
        let mut rows = [row("a", running()), row("b", running())];
        rows[0].probed = None;
        let mut table = Table::of_width(140, &rows, true);
        let first = table.new_lines(&rows);
        assert_eq!(first.len(), 1);
        assert!(first[0].contains("\x1b[32mrunning    \x1b[0m"), "{first:?}");
        rows[0].probed = Some(Probed::default());
        assert!(table.new_lines(&rows)[0].starts_with("a "));
        assert!(table.new_lines(&rows).is_empty());
    }
}
