//! An event as a line: for people, or a JSON object.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::vm::Vm;
use crate::vm::watch::event_value;
use crate::wire::Event;
use crate::wire::escape::{escaped, escaped_json};
use crate::wire::message::Timestamp;

/// The last second of the year 9999: what comes after it has no form that people read.
const LAST: u64 = 253_402_300_799;

/// The most characters of an event's data that are shown to somebody who types.
const SHOWN: usize = 400;

/// An event for somebody who types something else: the time of day, the VM, the name, and what there is of data.
pub fn brief(label: &str, event: &Event) -> String {
    // `2026-03-01T02:15:00.000042Z`: the day is today.
    let time = time(event.timestamp);
    let of_day = time.get(11..19).map(|seconds| format!("{seconds}Z"));
    let mut line = format!(
        "{} {} {}",
        of_day.unwrap_or(time),
        escaped(label),
        escaped(&event.name)
    );
    if !is_empty(&event.data) {
        let data = event.data.to_string();
        line.push(' ');
        line.push_str(&escaped(&data.chars().take(SHOWN).collect::<String>()));
        if data.chars().nth(SHOWN).is_some() {
            line.push_str(&format!("... ({} bytes)", data.len()));
        }
    }
    line
}

/// How events are written.
pub struct Style {
    json: bool,
    /// The width of the VMs' names.
    names: usize,
}

impl Style {
    /// A style for the events of these VMs.
    pub fn new(vms: &[Vm], json: bool) -> Self {
        let widths = vms.iter().map(|vm| escaped(vm.label()).chars().count());
        Self {
            json,
            names: widths.max().unwrap_or_default(),
        }
    }

    /// The event of the VM called `label`, with no newline at the end.
    pub fn line(&self, label: &str, event: &Event) -> String {
        if self.json {
            let mut line = event_value(event);
            line["vm"] = json!(label);
            return escaped_json(&line.to_string()).into_owned();
        }
        let mut line = time(event.timestamp);
        // One VM's too: what reads the columns need not know how many there are.
        line.push_str(&format!(" {:width$} ", escaped(label), width = self.names));
        line.push_str(&escaped(&event.name));
        if !is_empty(&event.data) {
            line.push(' ');
            line.push_str(&event.data.to_string());
        }
        line
    }
}

fn is_empty(data: &Value) -> bool {
    data.is_null() || data.as_object().is_some_and(serde_json::Map::is_empty)
}

/// QEMU's own time, in UTC to the microsecond; as it came where that is no time.
fn time(timestamp: Timestamp) -> String {
    let Timestamp {
        seconds,
        microseconds,
    } = timestamp;
    let parts = (u64::try_from(seconds), u32::try_from(microseconds));
    match parts {
        (Ok(seconds @ ..=LAST), Ok(microseconds @ ..=999_999)) => {
            let since = Duration::new(seconds, microseconds * 1000);
            humantime::format_rfc3339_micros(UNIX_EPOCH + since).to_string()
        }
        _ => format!("{seconds}.{microseconds}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, data: Value, seconds: i64, microseconds: i64) -> Event {
        Event {
            name: name.into(),
            data,
            timestamp: Timestamp {
                seconds,
                microseconds,
            },
        }
    }

    fn line(names: usize, event: &Event) -> String {
        Style { json: false, names }.line("web01", event)
    }

    #[test]
    fn a_line_has_the_time_the_name_and_what_there_is_of_data() {
        let reset = event("RESET", json!({ "guest": true }), 1_772_331_300, 42);
        assert_eq!(
            line(0, &reset),
            "2026-03-01T02:15:00.000042Z web01 RESET {\"guest\":true}"
        );
        let stop = event("STOP", json!({}), 1_772_331_300, 999_999);
        assert_eq!(line(7, &stop), "2026-03-01T02:15:00.999999Z web01   STOP");
    }

    #[test]
    fn a_time_that_is_none_is_shown_as_it_came() {
        for (seconds, microseconds) in [
            (-1, -1),
            (i64::MAX, 0),
            (253_402_300_800, 0),
            (0, 1_000_000),
            (i64::MIN, i64::MIN),
        ] {
            assert_eq!(
                line(0, &event("STOP", json!(null), seconds, microseconds)),
                format!("{seconds}.{microseconds} web01 STOP")
            );
        }
    }

    #[test]
    fn a_name_from_a_peer_stays_on_its_line_and_acts_on_no_terminal() {
        let forged = event("A\n\u{1b}[2J", json!({ "x": "\u{1b}\n" }), 0, 0);
        assert_eq!(
            line(0, &forged),
            "1970-01-01T00:00:00.000000Z web01 A\\n\\x1b[2J {\"x\":\"\\u001b\\n\"}"
        );
    }

    #[test]
    fn as_json_a_line_is_an_object_with_the_vm() {
        let style = Style {
            json: true,
            names: 0,
        };
        let line = style.line("web01", &event("STOP", json!({}), 1, 2));
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            read,
            json!({
                "vm": "web01", "event": "STOP", "data": {},
                "timestamp": { "seconds": 1, "microseconds": 2 },
            })
        );
    }
}
