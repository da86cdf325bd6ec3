//! The last messages to and from the VMs, for `:log`: as many as fit into a bounded memory. They are kept as they were, in
//! memory only; secrets are hidden when somebody looks, which hardly ever happens, and costs as much as the call itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::client::{Channel, Direction, KeptMessage, LinkChange, Tap, TapLine, TapLink};
use crate::wire::cut::head;
use crate::wire::escape::escaped;

/// The most messages that are kept.
const MESSAGES: usize = 1000;

/// The most bytes of them.
const BYTES: usize = 2 << 20;

/// The longest message that is kept whole, and how much of a longer one.
const WHOLE: usize = 256 << 10;

/// How much of one message is shown.
const LONGEST: usize = 2048;

/// The log of a session. All clones are the same.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// What happened.
struct Entry {
    at: SystemTime,
    channel: Channel,
    vm: String,
    what: What,
}

enum What {
    Message(Direction, KeptMessage),
    /// What is too long to be kept, as it is shown.
    Long(Direction, String),
    Link(String),
}

impl Log {
    /// The last `count` messages that have the text, oldest first, a line each, fit for a terminal. Each VM is told as
    /// `name` has it.
    pub(super) fn last(&self, count: usize, text: &str, name: fn(&str) -> String) -> Vec<String> {
        let kept = self.lock();
        let lines = kept.entries.iter().rev().map(|entry| entry.line(name));
        let fits = |line: &String| line.contains(text);
        let mut last: Vec<String> = lines.filter(fits).take(count).collect();
        last.reverse();
        last
    }

    fn keep(&self, channel: Channel, vm: String, what: What) {
        let at = SystemTime::now();
        let entry = Entry {
            at,
            channel,
            vm,
            what,
        };
        let mut kept = self.lock();
        kept.bytes += entry.size();
        kept.entries.push_back(entry);
        while kept.entries.len() > MESSAGES || kept.bytes > BYTES {
            let gone = kept.entries.pop_front().map_or(0, |entry| entry.size());
            kept.bytes -= gone;
        }
    }

    /// Holds entries, which no panic leaves half kept.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn size(&self) -> usize {
        let what = match &self.what {
            What::Message(_, message) => message.size(),
            What::Long(_, text) | What::Link(text) => text.len(),
        };
        size_of::<Self>() + self.vm.len() + what
    }

    fn line(&self, name: fn(&str) -> String) -> String {
        let time = humantime::format_rfc3339_millis(self.at).to_string();
        let (mark, what) = match &self.what {
            What::Message(direction, message) => {
                (mark(*direction), cut(&message.redacted().to_string()))
            }
            What::Long(direction, text) => (mark(*direction), text.clone()),
            What::Link(text) => ("--", text.clone()),
        };
        format!(
            "{} {mark} {} {}: {}",
            time.get(11..).unwrap_or(&time),
            self.channel,
            escaped(&name(&self.vm)),
            escaped(&what)
        )
    }
}

fn mark(direction: Direction) -> &'static str {
    match direction {
        Direction::Sent => "->",
        Direction::Received => "<-",
    }
}

/// As much of a message as is shown.
fn cut(message: &str) -> String {
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let shown = head(message, LONGEST);
    format!("{shown}... ({} bytes)", message.len())
}

impl Tap for Log {
    fn message(&self, line: &TapLine<'_>) {
        let kept = line.message.kept();
        let what = if kept.size() > WHOLE {
            What::Long(line.direction, cut(&kept.redacted().to_string()))
        } else {
            What::Message(line.direction, kept)
        };
        let vm = line
            .vm
            .map_or_else(|| line.address.to_string(), str::to_owned);
        self.keep(line.channel, vm, what);
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
        self.keep(link.channel, vm, What::Link(what));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{BYTES, LONGEST, Log, MESSAGES, WHOLE};
    use crate::client::{Address, Channel, Direction, Tap, TapLine};

    fn send(log: &Log, message: &Value) {
        log.message(&TapLine {
            vm: Some("web\u{1b}01"),
            channel: Channel::Qmp,
            direction: Direction::Sent,
            address: &"/run/a.qmp".parse::<Address>().unwrap(),
            message: message.into(),
        });
    }

    #[test]
    fn the_last_messages_are_kept_and_act_on_no_terminal() {
        let log = Log::default();
        for number in 0..MESSAGES + 10 {
            send(&log, &json!({ "n": number, "t": "\u{202e}" }));
        }
        let all = log.last(usize::MAX, "", str::to_owned);
        assert_eq!(all.len(), MESSAGES);
        let end = " -> qmp web\\x1b01: {\"n\":1009,\"t\":\"\\u{202e}\"}";
        assert!(all[MESSAGES - 1].ends_with(end), "{}", all[MESSAGES - 1]);
        assert_eq!(log.last(1, "\"n\":100,", str::to_owned).len(), 1);
        assert_eq!(log.last(2, "\"n\":", str::to_owned)[1], all[MESSAGES - 1]);
    }

    #[test]
    fn long_messages_are_cut_and_many_of_them_do_not_fill_the_memory() {
        let log = Log::default();
        for _ in 0..MESSAGES {
            send(&log, &json!({ "t": "ä".repeat(LONGEST) }));
        }
        let all = log.last(usize::MAX, "", str::to_owned);
        assert!(all.len() < MESSAGES);
        assert!(all.iter().all(|line| line.ends_with("... (4104 bytes)")));
        assert!(log.lock().bytes <= BYTES);
        for _ in 0..MESSAGES {
            send(
                &log,
                &json!({ "t": "x".repeat(WHOLE), "password": "geheim" }),
            );
        }
        assert!(log.lock().bytes <= BYTES);
    }

    #[test]
    fn secrets_are_hidden_in_what_is_shown() {
        let log = Log::default();
        send(&log, &json!({ "password": "geheim" }));
        send(
            &log,
            &json!({ "password": "geheim", "t": "x".repeat(WHOLE) }),
        );
        for line in log.last(2, "", str::to_owned) {
            assert!(line.contains("{\"password\":\"***\""), "{line}");
        }
        assert!(log.last(1, "geheim", str::to_owned).is_empty());
    }
}
