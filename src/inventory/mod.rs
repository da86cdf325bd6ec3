//! Where VMs are found, and which of them a name means. A [`Provider`] is one way to find VMs; all are asked side by
//! side, each on a thread of its own and within a deadline, so that one that hangs delays nobody. What they tell is joined
//! into VMs, to which the configuration adds its own.
//!
//! An address (`/run/web01.qmp`, `tcp:...`, `qmp=...,agent=...`) needs no search, and none is made for it.

pub mod config;
mod error;
pub mod filter;
mod found;
mod libvirt;
mod look;
mod merge;
mod names;
mod paths;
pub mod process;
mod scan;

use std::sync::Arc;
use std::time::Duration;

pub use config::{Config, ConfigError};
pub use error::Error;
pub use filter::Filter;
pub use found::Found;
pub use libvirt::Libvirt;
pub use names::{callable, is_pattern, too_short};
pub use paths::Pattern;
pub use scan::{Provider, Scan, Trouble};

use crate::vm::target::InvalidTarget;
use crate::vm::{Fleet, Target, Vm};

/// The VMs that a run can name.
pub struct Inventory {
    fleet: Fleet,
    configured: Vec<Found>,
    providers: Vec<Arc<dyn Provider>>,
}

impl Inventory {
    /// An inventory that looks where `providers` look. Nothing is looked for yet.
    pub fn new(fleet: Fleet, providers: Vec<Arc<dyn Provider>>) -> Self {
        Self {
            fleet,
            configured: Vec::new(),
            providers,
        }
    }

    /// An inventory of what `config` names, and of what is found where it says.
    pub fn configured(fleet: Fleet, config: &Config) -> Self {
        Self {
            fleet,
            configured: config.found(),
            providers: config.providers(),
        }
    }

    /// The VMs that the run has named so far.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The VM that `text` means: an address, or the name of a VM that is found here. Nothing is connected yet, but where no
    /// known name fits: then the VMs whose names nobody knows are asked for them.
    ///
    /// Waits up to 2 s for those who look, and half a second for the others once one has found it.
    pub async fn vm(&self, text: &str) -> Result<Vm, Error> {
        Ok(self.fleet.vm(self.target(text).await?))
    }

    /// The same, for somebody who only looks: the run's handle on the VM if it has one, else one that it does not keep.
    pub async fn vm_to_look_at(&self, text: &str) -> Result<Vm, Error> {
        let target = self.target(text).await?;
        let known = self.fleet.known(&target);
        Ok(known.unwrap_or_else(|| Vm::new(target, Arc::clone(self.fleet.settings()))))
    }

    async fn target(&self, text: &str) -> Result<Target, Error> {
        Ok(match text.parse::<Target>() {
            Err(InvalidTarget::Unknown(name)) => self.look_up(&name).await?,
            parsed => parsed?,
        })
    }

    /// A handle on a VM that was found, called by what it is known by; none where it cannot be reached.
    pub fn reach(&self, found: &Found) -> Option<Vm> {
        Some(self.fleet.vm(found.target(found.label())?))
    }

    /// Where it looks, in the words of the configuration.
    pub fn providers(&self) -> impl Iterator<Item = &'static str> {
        self.providers.iter().map(|provider| provider.name())
    }

    /// All VMs that can be found now, each once, in the order of their names. Waits up to 2 s.
    pub async fn scan(&self) -> Scan {
        self.scan_within(scan::DEADLINE).await
    }

    /// The same for somebody with no more patience than this.
    pub async fn scan_within(&self, patience: Duration) -> Scan {
        let mut scan = scan::run(&self.providers, patience, |_| false).await;
        scan.found = self.vms_of(scan.found);
        scan.found
            .sort_by_cached_key(|vm| (vm.label(), vm.uuid.clone()));
        scan
    }

    /// The VMs that were seen, joined with what the configuration says.
    fn vms_of(&self, mut seen: Vec<Found>) -> Vec<Found> {
        seen.extend(self.configured.iter().cloned());
        merge::merge(seen)
    }
}
