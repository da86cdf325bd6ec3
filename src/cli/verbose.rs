//! `-v`: each message that is sent and received, on standard error, secrets hidden and long ones cut; with `-vv` they are
//! whole.

use std::io::{self, Write};

use crate::client::{Direction, Tap, TapLine};
use crate::wire::cut::head;
use crate::wire::escape::escaped;
use crate::wire::secret::hidden_text;

/// How much of a message is shown, in bytes: a schema has 200,000.
const SHOWN: usize = 4096;

/// Shows messages as one line each: which way, which conversation, of which VM, what.
pub(super) struct Verbose {
    /// Whether long ones are shown whole.
    pub(super) whole: bool,
}

impl Verbose {
    /// A message as it is shown.
    fn text(&self, message: &str) -> String {
        if self.whole || message.len() <= SHOWN {
            return escaped(message).into_owned();
        }
        let shown = head(message, SHOWN);
        let more = message.len() - shown.len();
        format!("{}... ({more} bytes more; -vv shows all)", escaped(shown))
    }
}

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
        let message = self.text(&line.message.redacted().to_string());
        let text = format!(
            "{way} {channel} {}: {message}\n",
            escaped(&hidden_text(&vm))
        );
        // Whoever closed the stream does not want to see it.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
