//! `-v`: each message that is sent and received, on standard error, secrets hidden.

use std::io::{self, Write};

use crate::client::{Direction, Tap, TapLine};
use crate::wire::escape::escaped;

/// Shows messages as one line each: which way, which conversation, of which VM, what.
pub(super) struct Verbose;

impl Tap for Verbose {
    fn message(&self, line: &TapLine<'_>) {
        let way = match line.direction {
            Direction::Sent => "->",
            Direction::Received => "<-",
        };
        let channel = line.channel;
        let vm = line
            .vm
            .map_or_else(|| line.address.to_string(), str::to_owned);
        let message = line.message.to_string();
        let text = format!("{way} {channel} {}: {}\n", escaped(&vm), escaped(&message));
        // Whoever closed the stream does not want to see it.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
