//! Questions that a session asks beside its lines, while somebody types: which VMs there are, and what one of them is
//! made of. Whoever asks waits for a moment, and an answer that comes later is there the next time.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::{Named, Session};
use crate::inventory::Found;
use crate::vm::glance::{Seen, Subject};

/// How long those who look for VMs may take.
const LOOK: Duration = Duration::from_secs(2);

/// A question that is being answered.
pub struct Aside<T>(Receiver<T>);

/// What became of a question.
pub enum Told<T> {
    /// It is answered, once.
    Now(T),
    /// It is not answered yet.
    Later,
    /// It never will be.
    Never,
}

impl<T> Aside<T> {
    /// Waits for the answer, no longer than this.
    pub fn wait(&self, patience: Duration) -> Told<T> {
        match self.0.recv_timeout(patience) {
            Ok(told) => Told::Now(told),
            Err(RecvTimeoutError::Timeout) => Told::Later,
            Err(RecvTimeoutError::Disconnected) => Told::Never,
        }
    }
}

impl Session {
    /// Asks a VM about one thing, in nobody's way; the answer is none where that cannot be. Fails if no thread can be had.
    pub fn glance(&self, vm: &Named, subject: &Subject) -> io::Result<Aside<Option<Seen>>> {
        let inventory = self.stage.shared_inventory();
        let (vm, subject) = (vm.clone(), subject.clone());
        let answer = self.stage.bridge().aside(|| async move {
            if !inventory.fleet().settings().recording.is_off() {
                // To look for a VM may ask some for their names.
                return None;
            }
            let vm = match vm {
                Named::Vm(vm) => vm,
                Named::Text(text) => inventory.vm_to_look_at(&text).await.ok()?,
            };
            vm.glance(&subject).await
        });
        answer.map(Aside)
    }

    /// Asks which VMs are found here. Fails if no thread can be had.
    pub fn look_around(&self) -> io::Result<Aside<Vec<Found>>> {
        let inventory = self.stage.shared_inventory();
        let answer = self
            .stage
            .bridge()
            .aside(|| async move { inventory.scan_within(LOOK).await.found });
        answer.map(Aside)
    }
}
