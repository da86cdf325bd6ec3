//! The VMs of one run: one handle for each, so that two parts of a script do not wait for each other's connection.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use super::machine::Vm;
use super::settings::Settings;
use super::target::Target;

/// All VMs that a run has named so far.
pub struct Fleet {
    settings: Arc<Settings>,
    known: Mutex<BTreeMap<String, Vm>>,
}

impl Fleet {
    /// A run's VMs, none yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            known: Mutex::default(),
        }
    }

    /// What all of them share.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The VM at `target`. Nothing is connected yet.
    pub fn vm(&self, target: Target) -> Vm {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.entry(target.key()) {
            Entry::Occupied(vm) => {
                vm.get().proof().expect(target.identity());
                vm.get().clone()
            }
            Entry::Vacant(place) => place
                .insert(Vm::new(target, Arc::clone(&self.settings)))
                .clone(),
        }
    }

    /// The handle on the VM at `target`, if the run has named it.
    pub fn known(&self, target: &Target) -> Option<Vm> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&target.key()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_that_is_named_twice_is_one_vm_however_it_is_written() {
        let fleet = Fleet::new(Settings::new("/nowhere"));
        let vm = |target: &str| fleet.vm(target.parse().unwrap());
        let first = vm("/run/a.qmp");
        assert!(first.is_same(&vm("unix:/run/a.qmp")));
        assert!(!first.is_same(&vm("/run/b.qmp")));
    }
}
