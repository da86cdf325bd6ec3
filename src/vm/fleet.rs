//! The VMs of one run: one handle for each, so that two parts of a script do not wait for each other's connection.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use super::machine::Vm;
use super::settings::Settings;
use super::target::{InvalidTarget, Target};

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

    /// The VM that `target` names. Nothing is connected yet.
    pub fn vm(&self, target: &str) -> Result<Vm, InvalidTarget> {
        let target = Target::from_str(target)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let vm = known
            .entry(target.key())
            .or_insert_with(|| Vm::new(target, Arc::clone(&self.settings)));
        Ok(vm.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_that_is_named_twice_is_one_vm_however_it_is_written() {
        let fleet = Fleet::new(Settings::new("/nowhere"));
        let first = fleet.vm("/run/a.qmp").unwrap();
        assert!(first.is_same(&fleet.vm("unix:/run/a.qmp").unwrap()));
        assert!(!first.is_same(&fleet.vm("/run/b.qmp").unwrap()));
        assert!(fleet.vm("web01").is_err());
    }
}
