//! The last messages to and from the VMs, for `:log`: as many as fit into a bounded memory, secrets hidden.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::client::{Direction, LinkChange, Tap, TapLine, TapLink};
use crate::wire::escape::escaped;

/// The most messages that are kept.
const MESSAGES: usize = 1000;

/// The most bytes of them.
const BYTES: usize = 1 << 20;

/// How much of one message is kept.
const LONGEST: usize = 2048;

/// The log of a session. All clones are the same.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Log {
    /// The last `count` messages that have the text, oldest first, a line each, fit for a terminal.
    pub(super) fn last(&self, count: usize, text: &str) -> Vec<String> {
        let kept = self.lock();
        let fits = |line: &&String| line.contains(text);
        let mut last: Vec<String> = kept
            .lines
            .iter()
            .rev()
            .filter(fits)
            .take(count)
            .cloned()
            .collect();
        last.reverse();
        last
    }

    fn keep(&self, what: &str) {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let line = format!("{} {what}", time.get(11..).unwrap_or(&time));
        let mut kept = self.lock();
        kept.bytes += line.len();
        kept.lines.push_back(line);
        while kept.lines.len() > MESSAGES || kept.bytes > BYTES {
            let gone = kept.lines.pop_front().map_or(0, |line| line.len());
            kept.bytes -= gone;
        }
    }

    /// Holds lines, which no panic leaves half kept.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap for Log {
    fn message(&self, line: &TapLine<'_>) {
        let way = match line.direction {
            Direction::Sent => "->",
            Direction::Received => "<-",
        };
        let message = line.message.to_string();
        let mut shown = message.as_str();
        let mut more = String::new();
        if shown.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| shown.is_char_boundary(*end));
            shown = &shown[..end.unwrap_or(0)];
            more = format!("... ({} bytes)", message.len());
        }
        let vm = line
            .vm
            .map_or_else(|| line.address.to_string(), str::to_owned);
        self.keep(&format!(
            "{way} {} {}: {}{more}",
            line.channel,
            escaped(&vm),
            escaped(shown)
        ));
    }

    fn link(&self, link: &TapLink<'_>) {
        let what = match link.change {
            LinkChange::Connected => "connected".to_owned(),
            LinkChange::Unsent(ending) => format!("not sent: {ending}"),
            LinkChange::Ended(ending) => format!("ended: {ending}"),
            LinkChange::Failed(error) => format!("failed: {error}"),
        };
        let vm = link
            .vm
            .map_or_else(|| link.address.to_string(), str::to_owned);
        self.keep(&format!(
            "-- {} {}: {}",
            link.channel,
            escaped(&vm),
            escaped(&what)
        ));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LONGEST, Log, MESSAGES};
    use crate::client::{Address, Channel, Direction, Tap, TapLine};

    fn send(log: &Log, message: &Value) {
        log.message(&TapLine {
            vm: Some("web\u{1b}01"),
            channel: Channel::Qmp,
            direction: Direction::Sent,
            address: &"/run/a.qmp".parse::<Address>().unwrap(),
            message,
        });
    }

    #[test]
    fn the_last_messages_are_kept_and_act_on_no_terminal() {
        let log = Log::default();
        for number in 0..MESSAGES + 10 {
            send(&log, &json!({ "n": number, "t": "\u{202e}" }));
        }
        let all = log.last(usize::MAX, "");
        assert_eq!(all.len(), MESSAGES);
        let end = " -> qmp web\\x1b01: {\"n\":1009,\"t\":\"\\u{202e}\"}";
        assert!(all[MESSAGES - 1].ends_with(end), "{}", all[MESSAGES - 1]);
        assert_eq!(log.last(1, "\"n\":100,").len(), 1);
        assert_eq!(log.last(2, "\"n\":")[1], all[MESSAGES - 1]);
    }

    #[test]
    fn long_messages_are_cut_and_many_of_them_do_not_fill_the_memory() {
        let log = Log::default();
        for _ in 0..MESSAGES {
            send(&log, &json!({ "t": "ä".repeat(LONGEST) }));
        }
        let all = log.last(usize::MAX, "");
        assert!(all.len() < MESSAGES);
        assert!(all.iter().all(|line| line.ends_with("... (4104 bytes)")));
        assert!(all.iter().map(String::len).sum::<usize>() <= super::BYTES);
    }
}
