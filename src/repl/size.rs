//! How large the terminal is.

use std::io;

use rustix::termios::tcgetwinsize;

/// How many characters a line has where the terminal does not say.
const WIDTH: usize = 80;

/// The size of a screen, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many a line has.
    pub columns: usize,
    /// How many lines there are.
    pub rows: usize,
}

/// The size of the terminal's screen now.
pub fn of_terminal() -> Option<Size> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    let size = Size {
        columns: usize::from(size.ws_col),
        rows: usize::from(size.ws_row),
    };
    (size.columns > 0 && size.rows > 0).then_some(size)
}

/// How many characters a line of the terminal has now.
pub(super) fn width() -> usize {
    of_terminal().map_or(WIDTH, |size| size.columns)
}
