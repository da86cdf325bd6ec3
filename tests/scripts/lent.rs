//! One guest for all tests that leave it as they found it: running, thawed, its agent up and without a hook, its first
//! disks at the top. Tests have it one after the other.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard};

use harness::{Format, Guest};

static GUEST: Mutex<Option<Guest>> = Mutex::new(None);

/// The guest, for as long as this is held.
pub(super) struct Lent(MutexGuard<'static, Option<Guest>>);

/// Waits for the guest. It has two processors, of which one can be set offline, and two disks.
pub(super) fn lent() -> Lent {
    let mut guest = GUEST.lock().unwrap_or_else(|poisoned| {
        // Whoever failed with it may have left it in any state.
        GUEST.clear_poison();
        let mut guest = poisoned.into_inner();
        *guest = None;
        guest
    });
    guest.get_or_insert_with(|| {
        Guest::builder()
            .disk(Format::Qcow2, "64M")
            .disk(Format::Qcow2, "64M")
            .arg("-smp")
            .arg("2")
            .arg("-name")
            .arg("web01")
            .arg("-uuid")
            .arg("0e4d9e6a-0000-4000-8000-000000000001")
            .boot()
    });
    Lent(guest)
}

impl Deref for Lent {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        self.0.as_ref().unwrap()
    }
}
