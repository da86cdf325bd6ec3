//! The events that a session follows while somebody types: a task for each VM, and one thread that writes what they tell.
//! The tasks advance whenever the runtime is driven: while a line waits for something, and at the prompt by
//! [`Following::attend`]. Where nothing is followed there is neither task nor thread.

mod flood;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use nu_ansi_term::{Color, Style as Paint};
use serde_json::Value;

use self::flood::Flood;
use super::bridge::{Bridge, Driven, Task};
use super::output::Output;
use crate::client::Next;
use crate::report::{Presence, Report};
use crate::vm::event::filter::{self, Filter};
use crate::vm::event::line::brief;
use crate::vm::{Follow, Happening, Vm, Watch};
use crate::wire::Event;
use crate::wire::escape::escaped;

/// How many lines may wait to be written; what comes on top is left out, and counted.
const WAITING: usize = 64;

/// What a session follows.
pub(super) struct Following {
    bridge: Arc<Bridge>,
    output: Arc<Output>,
    color: bool,
    followed: Vec<Followed>,
    /// Tells when the VM in use dies, where its events are not followed.
    sentinel: Option<(Vm, Task)>,
    voice: Option<Voice>,
}

/// A VM whose events are told.
struct Followed {
    vm: Vm,
    filters: Vec<Filter>,
    _task: Task,
}

/// Where the tasks give their lines to be written. All clones are the same.
#[derive(Clone)]
struct Voice {
    lines: SyncSender<String>,
    flood: Arc<Mutex<Flood>>,
    color: bool,
}

impl Following {
    pub(super) fn new(bridge: Arc<Bridge>, output: Arc<Output>, color: bool) -> Self {
        Self {
            bridge,
            output,
            color,
            followed: Vec::new(),
            sentinel: None,
            voice: None,
        }
    }

    /// Tells the events of a VM from now on that pass a filter; `follow` has reached it.
    pub(super) fn begin(&mut self, vm: &Vm, filters: &[Filter], follow: Follow) {
        let Some(voice) = self.voice() else {
            return;
        };
        self.end(|followed| followed.is_same(vm));
        let label = vm.label().to_owned();
        let task = follow_on(label, filters.to_vec(), follow, voice);
        self.followed.push(Followed {
            vm: vm.clone(),
            filters: filters.to_vec(),
            _task: self.bridge.spawn(task),
        });
    }

    /// Follows those VMs no longer; gives how many there were.
    pub(super) fn end(&mut self, which: impl Fn(&Vm) -> bool) -> usize {
        let before = self.followed.len();
        self.followed.retain(|followed| !which(&followed.vm));
        before - self.followed.len()
    }

    /// The VMs that are followed, each with the names of the events that are told; none means all.
    pub(super) fn list(&self) -> Vec<(String, Vec<String>)> {
        let told = |one: &Followed| {
            let filters = one.filters.iter().map(ToString::to_string).collect();
            (one.vm.label().to_owned(), filters)
        };
        self.followed.iter().map(told).collect()
    }

    /// Sees to it that events are read while nobody runs a line, until the guard is dropped; `in_use` is watched for its end
    /// where it is connected. None where there is nothing to read.
    pub(super) fn attend(&mut self, in_use: Option<&Vm>) -> Option<Driven> {
        self.watch_over(in_use);
        if self.followed.is_empty() && self.sentinel.is_none() {
            self.voice = None;
            return None;
        }
        // Without a thread, events are told while lines run.
        self.bridge.keep_driven(Instant::now()).ok()
    }

    fn watch_over(&mut self, in_use: Option<&Vm>) {
        let is_followed = |vm: &Vm| self.followed.iter().any(|one| one.vm.is_same(vm));
        let Some(vm) = in_use.filter(|vm| !is_followed(vm)) else {
            self.sentinel = None;
            return;
        };
        let is_kept = |(watched, task): &(Vm, Task)| watched.is_same(vm) && !task.is_over();
        if self.sentinel.as_ref().is_some_and(is_kept) {
            return;
        }
        self.sentinel = None;
        let Some(watch) = vm.watch_connected() else {
            return;
        };
        if let Some(voice) = self.voice() {
            let task = watch_for_the_end(vm.label().to_owned(), watch, voice);
            self.sentinel = Some((vm.clone(), self.bridge.spawn(task)));
        }
    }

    fn voice(&mut self) -> Option<Voice> {
        if self.voice.is_none() {
            self.voice = Voice::new(self.output.clone(), self.color);
        }
        self.voice.clone()
    }
}

/// Tells what happens to a VM.
async fn follow_on(label: String, filters: Vec<Filter>, mut follow: Follow, voice: Voice) {
    let mut presence = Presence::Here;
    loop {
        let next = follow.next().await;
        if let Happening::Dropped(count) = next {
            voice.leaves_out(count);
            // Whoever writes may count nothing yet.
            let _ = voice.lines.try_send(String::new());
            continue;
        }
        if let Some(report) = presence.take(&label, &next) {
            voice.says(&report.message);
        }
        if let Happening::Event(event) = next {
            if let Some(end) = end_told_by(&label, &event) {
                voice.says(&end);
            } else if filter::passes(&filters, &event.name) {
                voice.tells(&label, &event);
            }
        }
    }
}

/// Tells that a VM dies, and nothing else of it.
async fn watch_for_the_end(label: String, mut watch: Watch, voice: Voice) {
    loop {
        match watch.next().await {
            Ok(Next::Event(event)) => {
                if let Some(end) = end_told_by(&label, &event) {
                    voice.says(&end);
                }
            }
            Ok(Next::Dropped(_)) => {}
            Err(error) => {
                voice.says(&Report::from(error).message);
                return;
            }
        }
    }
}

/// What an event says of a VM's end, in words; none where it says nothing of that.
fn end_told_by(label: &str, event: &Event) -> Option<String> {
    let label = escaped(label);
    let text = |name: &str| event.data.get(name).and_then(Value::as_str);
    match event.name.as_str() {
        "SHUTDOWN" => {
            let by = match event.data.get("guest").and_then(Value::as_bool) {
                Some(true) => "its guest shut down",
                _ => "it is shut down",
            };
            let why = text("reason").map_or_else(String::new, |why| format!(" ({})", escaped(why)));
            Some(format!("{label}: {by}{why}"))
        }
        "GUEST_PANICKED" => {
            let action = text("action").map_or_else(String::new, |action| {
                format!(", and QEMU's action is `{}`", escaped(action))
            });
            Some(format!("{label}: its guest panicked{action}"))
        }
        _ => None,
    }
}

impl Voice {
    /// A voice with its thread, which ends when all clones are dropped; none where no thread can be made.
    fn new(output: Arc<Output>, color: bool) -> Option<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let flood = Arc::new(Mutex::new(Flood::default()));
        let of_thread = flood.clone();
        thread::Builder::new()
            .name("events".into())
            .spawn(move || write(&waiting, &of_thread, &output, color))
            .ok()?;
        Some(Self {
            lines,
            flood,
            color,
        })
    }

    /// Tells an event, unless too many have come.
    fn tells(&self, label: &str, event: &Event) {
        if !lock(&self.flood).admits(Instant::now()) {
            return;
        }
        let line = brief(label, event);
        let line = match line.split_once(' ') {
            Some((time, rest)) if self.color => {
                format!("{} {rest}", Paint::new().dimmed().paint(time))
            }
            _ => line,
        };
        if self.lines.try_send(line).is_err() {
            self.leaves_out(1);
        }
    }

    /// Tells what nobody is to miss, as far as lines are read at all.
    fn says(&self, text: &str) {
        let text = escaped(text);
        let line = if self.color {
            Color::Yellow.paint(text).to_string()
        } else {
            text.into_owned()
        };
        // The terminal is stopped, or gone.
        let _ = self.lines.try_send(line);
    }

    fn leaves_out(&self, count: u64) {
        lock(&self.flood).leaves_out(count, Instant::now());
    }
}

/// Writes the lines, and how many were left out, until nobody tells any more.
fn write(lines: &Receiver<String>, flood: &Mutex<Flood>, output: &Output, color: bool) {
    loop {
        let ending = lock(flood).ends();
        let next = match ending {
            Some(at) => lines.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let line = match next {
            Ok(line) => Some(line).filter(|line| !line.is_empty()),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let left_out = lock(flood).end(Instant::now()).map(|count| {
            let events = if count == 1 { "event" } else { "events" };
            let text = format!("... {count} more {events} left out");
            if color {
                Paint::new().dimmed().paint(text).to_string()
            } else {
                text
            }
        });
        for text in line.into_iter().chain(left_out) {
            if output.drawn(&text).is_err() {
                return;
            }
        }
    }
}

/// Holds a few numbers, which no panic leaves half changed.
fn lock(flood: &Mutex<Flood>) -> MutexGuard<'_, Flood> {
    flood.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::end_told_by;
    use crate::wire::{Event, Timestamp};

    fn told(name: &str, data: Value) -> Option<String> {
        let timestamp = Timestamp {
            seconds: 0,
            microseconds: 0,
        };
        let name = name.to_owned();
        end_told_by(
            "web01",
            &Event {
                name,
                data,
                timestamp,
            },
        )
    }

    #[test]
    fn a_vms_end_is_told_in_words_that_act_on_no_terminal() {
        for (name, data, expected) in [
            (
                "SHUTDOWN",
                json!({ "guest": true, "reason": "guest-shutdown" }),
                "web01: its guest shut down (guest-shutdown)",
            ),
            (
                "SHUTDOWN",
                json!({ "guest": false, "reason": "host-qmp-quit" }),
                "web01: it is shut down (host-qmp-quit)",
            ),
            ("SHUTDOWN", json!(null), "web01: it is shut down"),
            (
                "GUEST_PANICKED",
                json!({ "action": "\u{1b}[2J" }),
                "web01: its guest panicked, and QEMU's action is `\\x1b[2J`",
            ),
        ] {
            assert_eq!(told(name, data).as_deref(), Some(expected));
        }
        assert_eq!(told("RESET", json!({})), None);
    }
}
