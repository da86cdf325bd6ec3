//! What a run waits for or cleans up: one thing a thread, so a list that keeps its memory serves every call.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is waited for now, oldest first.
#[derive(Default)]
pub(super) struct Waits(Mutex<Open>);

#[derive(Default)]
struct Open {
    next: u64,
    waits: Vec<(u64, String)>,
}

/// Something that is waited for until this is dropped.
pub(in crate::script) struct Waiting<'a> {
    waits: &'a Waits,
    key: u64,
}

impl Waits {
    /// What is waited for, for people.
    pub(super) fn list(&self) -> Vec<String> {
        let open = self.open();
        open.waits.iter().map(|(_, what)| what.clone()).collect()
    }

    /// Tells of `what` until the guard is dropped.
    pub(super) fn begin(&self, what: String) -> Waiting<'_> {
        let mut open = self.open();
        open.next += 1;
        let key = open.next;
        open.waits.push((key, what));
        Waiting { waits: self, key }
    }

    /// A list, which no panic leaves half changed.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut open = self.waits.open();
        open.waits.retain(|(key, _)| *key != self.key);
    }
}
