//! Where a script's results and messages go: results to standard output, all else to standard error. It owns the two
//! promises about that: what goes to a terminal carries no control characters, and a reader that closed the pipe ends
//! the run quietly.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::wire::escape::escaped_lines;

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

    /// Writes what the script prints, and a newline.
    pub fn print(&self, text: &str) -> io::Result<()> {
        if self.results_are_reserved {
            self.log(text)
        } else {
            self.results.line(text)
        }
    }

    /// Writes the run's result, and a newline.
    pub fn result(&self, text: &str) -> io::Result<()> {
        self.results.line(text)
    }

    /// As [`Output::result`], for text with colours in which nothing else acts on a terminal.
    pub fn shown(&self, text: &str) -> io::Result<()> {
        self.results.write(text.to_owned())
    }

    /// As [`Output::log`], for text with colours in which nothing else acts on a terminal.
    pub fn drawn(&self, text: &str) -> io::Result<()> {
        self.messages.write(text.to_owned())
    }

    /// Whether somebody at a terminal sees the messages.
    pub fn is_watched(&self) -> bool {
        self.messages.terminal
    }

    /// Writes a message, and a newline.
    pub fn log(&self, text: &str) -> io::Result<()> {
        self.messages.line(text)
    }
}

impl Stream {
    fn new(to: Box<dyn Write + Send>, terminal: bool) -> Self {
        Self {
            to: Mutex::new(to),
            terminal,
        }
    }

    fn line(&self, text: &str) -> io::Result<()> {
        self.write(if self.terminal {
            escaped_lines(text).into_owned()
        } else {
            text.to_owned()
        })
    }

    fn write(&self, mut line: String) -> io::Result<()> {
        line.push('\n');
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        to.write_all(line.as_bytes())?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::Stream;

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
                .line("a\x1b[2J\nb")
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&kept.0.lock().unwrap()), expected);
        }
    }
}
