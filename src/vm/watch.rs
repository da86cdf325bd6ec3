//! Events that a script waits for: subscribed before the cause, so that none is missed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::error::{Error, ErrorKind};
use super::event::filter::{self, Filter};
use super::event::missing::{is_known, missing};
use super::machine::{Arguments, Vm};
use crate::client::{Events, Next};
use crate::wire::{Event, Timestamp};

/// A subscription to events of one VM, by names and patterns of names.
pub struct Watch {
    vm: Vm,
    filters: Vec<Filter>,
    events: Events,
    /// How many were dropped since this was last asked.
    dropped: u64,
    /// How many changes a dry run had pretended before.
    pretended_before: u64,
}

impl Vm {
    /// Fails when this QEMU has no event that somebody waits for (see [`missing`](super::event::missing)).
    ///
    /// Where QEMU would be held up to tell its schema, that is asked only for names that no known version has.
    pub async fn expect_events(&self, filters: &[Filter]) -> Result<(), Error> {
        if filters.is_empty() {
            return Ok(());
        }
        let schema = if filters.iter().all(is_known) {
            self.schema_at_hand().await?
        } else {
            self.schema().await?
        };
        let found = schema.and_then(|schema| missing(filters, &schema).into_iter().next());
        found.map_or(Ok(()), |one| Err(self.error(ErrorKind::MissingEvent(one))))
    }
}

impl Watch {
    pub(super) fn new(vm: Vm, filters: &[Filter], events: Events) -> Self {
        Self {
            pretended_before: vm.pretence().changes(),
            vm,
            filters: filters.to_vec(),
            events,
            dropped: 0,
        }
    }

    fn wants(&self, event: &Event) -> bool {
        filter::passes(&self.filters, &event.name)
    }

    fn names(&self) -> Vec<String> {
        self.filters.iter().map(ToString::to_string).collect()
    }

    /// The next event that was asked for, however long it takes; tells when events were dropped unread.
    ///
    /// Fails when the VM's monitor goes.
    pub async fn next(&mut self) -> Result<Next, Error> {
        loop {
            match self.events.next().await {
                Ok(Next::Event(event)) if !self.wants(&event) => {}
                Ok(next) => return Ok(next),
                Err(error) => return Err(self.vm.error(error)),
            }
        }
    }

    /// How many events were dropped unread since this was last asked, or the last [`Watch::drain`].
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The first event for which `condition` is true, within `deadline`; those before it are gone.
    /// [`Watch::take_dropped`] tells whether it may be missed.
    ///
    /// `condition` may fail with an error of its own, which ends the wait.
    pub async fn wait<E: From<Error>>(
        &mut self,
        deadline: Duration,
        mut condition: impl FnMut(&Event) -> Result<bool, E>,
    ) -> Result<Arc<Event>, E> {
        let mut end = Instant::now() + deadline;
        let of = format!("the deadline of a watch ({})", self.names().join(", "));
        loop {
            if self.is_late_in_replay(&of).await {
                end = Instant::now();
            }
            match timeout_at(end, self.next()).await {
                Ok(Ok(Next::Event(event))) => {
                    if condition(&event)? {
                        return Ok(event);
                    }
                }
                Ok(Ok(Next::Dropped(count))) => self.dropped += count,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    self.vm.settings().recording.note(&of, &true);
                    return Err(self
                        .vm
                        .error(ErrorKind::NoEvent {
                            names: self.names(),
                            after: deadline,
                        })
                        .into());
                }
            }
        }
    }

    /// Whether, in a replay, nothing more came before the deadline passed.
    async fn is_late_in_replay(&self, of: &str) -> bool {
        let recording = &self.vm.settings().recording;
        if !recording.is_replay() {
            return false;
        }
        // What was recorded by now is passed on first.
        yield_now().await;
        !self.events.has_next() && recording.has_passed(self.vm.label(), of, false)
    }

    /// Whether a dry run has left out a change since this was subscribed, which may be what causes the event.
    pub fn awaits_pretended(&self) -> bool {
        self.vm.pretence().changes() > self.pretended_before
    }

    /// An event that was asked for and is here already.
    pub fn take_ready(&mut self) -> Option<Arc<Event>> {
        while let Some(next) = self.events.try_next() {
            match next {
                Next::Event(event) if self.wants(&event) => return Some(event),
                Next::Event(_) => {}
                Next::Dropped(count) => self.dropped += count,
            }
        }
        None
    }

    /// What is taken for the event that a dry run does not cause: one with a name and nothing else.
    pub fn pretended(&self) -> Event {
        Event {
            name: self
                .filters
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            data: Value::Object(Arguments::new()),
            timestamp: Timestamp::default(),
        }
    }

    /// What is waited for, for people.
    pub fn describe(&self) -> String {
        match self.names().as_slice() {
            [] => format!("{}: any event", self.vm.label()),
            names => format!("{}: event {}", self.vm.label(), names.join(" or ")),
        }
    }

    /// The events that have come and were not waited for yet, oldest first, and how many were dropped before them.
    pub async fn drain(&mut self) -> (u64, Vec<Arc<Event>>) {
        // Behind the answer to any question are all events that QEMU sent before it. A monitor that is gone sends none.
        let _ = self.vm.call("query-version", Arguments::new()).await;
        let mut dropped = self.take_dropped();
        let mut events = Vec::new();
        while let Some(next) = self.events.try_next() {
            match next {
                Next::Event(event) if self.wants(&event) => events.push(event),
                Next::Event(_) => {}
                Next::Dropped(count) => dropped += count,
            }
        }
        (dropped, events)
    }
}

/// An event as scripts and `--json` show it: `{ event, data, timestamp }`.
pub fn event_value(event: &Event) -> Value {
    serde_json::json!({
        "event": event.name,
        "data": event.data,
        "timestamp": { "seconds": event.timestamp.seconds, "microseconds": event.timestamp.microseconds },
    })
}
