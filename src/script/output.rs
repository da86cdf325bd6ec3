//! Where a script's results and messages go: results to standard output, all else to standard error. It owns the two
//! promises about that: what goes to a terminal carries no control characters, and a reader that closed the pipe ends
//! the run quietly.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use super::stop::Stop;
use crate::wire::cut::head;
use crate::wire::escape::escaped_lines;

/// How much is written at once.
const PIECE: usize = 64 << 10;

/// The two streams of a run. Threads may write at once; a line is written whole.
pub struct Output {
    results: Stream,
    messages: Stream,
    results_are_reserved: bool,
}

struct Stream {
    to: Mutex<Box<dyn Write + Send>>,
    terminal: bool,
}

impl Output {
    /// The streams of the process. With `machine_readable`, standard output is kept for one JSON document, and what the
    /// script prints goes to standard error.
    pub fn of_process(machine_readable: bool) -> Self {
        Self {
            results: Stream::new(Box::new(io::stdout()), io::stdout().is_terminal()),
            messages: Stream::new(Box::new(io::stderr()), io::stderr().is_terminal()),
            results_are_reserved: machine_readable,
        }
    }

    /// Streams to anything else, as if it were no terminal.
    pub fn to(results: Box<dyn Write + Send>, messages: Box<dyn Write + Send>) -> Self {
        Self {
            results: Stream::new(results, false),
            messages: Stream::new(messages, false),
            results_are_reserved: false,
        }
    }

    /// Streams to something else that ends at a terminal.
    pub fn to_terminal(results: Box<dyn Write + Send>, messages: Box<dyn Write + Send>) -> Self {
        Self {
            results: Stream {
                to: Mutex::new(results),
                terminal: true,
            },
            messages: Stream {
                to: Mutex::new(messages),
                terminal: true,
            },
            results_are_reserved: false,
        }
    }

    /// Whether standard output is kept for one JSON document.
    pub fn is_for_programs(&self) -> bool {
        self.results_are_reserved
    }

    /// Writes what the script prints, and a newline. A stop ends it in mid-text.
    pub fn print(&self, text: &str, stop: &Stop) -> io::Result<()> {
        if self.results_are_reserved {
            self.log(text, stop)
        } else {
            self.results.line(text, || stop.cause().is_some())
        }
    }

    /// Writes the run's result, and a newline.
    pub fn result(&self, text: &str) -> io::Result<()> {
        self.results.line(text, || false)
    }

    /// As [`Output::result`], for text with colours in which nothing else acts on a terminal.
    pub fn shown(&self, text: &str) -> io::Result<()> {
        self.results.write(text, false, || false)
    }

    /// As [`Output::log`], for text with colours in which nothing else acts on a terminal.
    pub fn drawn(&self, text: &str) -> io::Result<()> {
        self.messages.write(text, false, || false)
    }

    /// Whether somebody at a terminal sees the messages.
    pub fn is_watched(&self) -> bool {
        self.messages.terminal
    }

    /// Writes what the script logs, and a newline. A stop ends it in mid-text.
    pub fn log(&self, text: &str, stop: &Stop) -> io::Result<()> {
        self.messages.line(text, || stop.cause().is_some())
    }

    /// Writes a message of the shell's own, and a newline.
    pub fn message(&self, text: &str) -> io::Result<()> {
        self.messages.line(text, || false)
    }
}

impl Stream {
    fn new(to: Box<dyn Write + Send>, terminal: bool) -> Self {
        Self {
            to: Mutex::new(to),
            terminal,
        }
    }

    fn line(&self, text: &str, is_over: impl Fn() -> bool) -> io::Result<()> {
        self.write(text, self.terminal, is_over)
    }

    /// Writes a line in pieces, so that whoever stops a long one need not wait for its end. A piece is whole lines where
    /// it can be, and the last has the newline: others who write there, and a terminal with a prompt, are between lines.
    fn write(&self, text: &str, escape: bool, is_over: impl Fn() -> bool) -> io::Result<()> {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = text;
        let mut is_first = true;
        loop {
            let (piece, next) = rest.split_at(end_of_piece(rest));
            rest = next;
            // What is told of a stop is short: the first piece is always written.
            let is_last = rest.is_empty() || !is_first && is_over();
            is_first = false;
            let mut piece = if escape {
                escaped_lines(piece).into_owned()
            } else {
                piece.to_owned()
            };
            if is_last {
                piece.push('\n');
            }
            to.write_all(piece.as_bytes())?;
            if is_last {
                return to.flush();
            }
        }
    }
}

/// Where the next piece of a text ends: behind its last line that fits, else in the midst of a long one.
fn end_of_piece(text: &str) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let fits = head(text, PIECE);
    fits.rfind('\n').map_or(fits.len(), |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::{PIECE, Stream};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_gets_no_control_characters_and_a_pipe_gets_the_bytes() {
        for (terminal, expected) in [(true, "a\\x1b[2J\nb\n"), (false, "a\x1b[2J\nb\n")] {
            let kept = Kept::default();
            Stream::new(Box::new(kept.clone()), terminal)
                .line("a\x1b[2J\nb", || false)
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&kept.0.lock().unwrap()), expected);
        }
    }

    #[test]
    fn a_long_text_is_whole_and_one_that_is_stopped_ends_soon() {
        let text = "ü\n".repeat(PIECE);
        let kept = Kept::default();
        let stream = Stream::new(Box::new(kept.clone()), true);
        stream.line(&text, || false).unwrap();
        assert!(kept.0.lock().unwrap().split_last().unwrap() == (&b'\n', text.as_bytes()));

        kept.0.lock().unwrap().clear();
        stream
            .line(&text, || !kept.0.lock().unwrap().is_empty())
            .unwrap();
        let written = kept.0.lock().unwrap().len();
        assert!((1..=2 * PIECE).contains(&written), "{written}");
    }
}
