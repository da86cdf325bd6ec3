//! Where VMs are found, and which of them a name means. A [`Provider`] is one way to find VMs; all are asked side by
//! side, each on a thread of its own and within a deadline, so that one that hangs delays nobody.
//!
//! An address (`/run/web01.qmp`, `tcp:...`, `qmp=...,agent=...`) needs no search, and none is made for it.

mod error;
mod found;
mod libvirt;
mod scan;

use std::sync::Arc;

pub use error::Error;
pub use found::Found;
pub use libvirt::Libvirt;
pub use scan::{Provider, Scan, Trouble};

use crate::vm::target::InvalidTarget;
use crate::vm::{Fleet, Target, Vm};

/// The VMs that a run can name.
pub struct Inventory {
    fleet: Fleet,
    providers: Vec<Arc<dyn Provider>>,
}

impl Inventory {
    /// An inventory that looks where `providers` look. Nothing is looked for yet.
    pub fn new(fleet: Fleet, providers: Vec<Arc<dyn Provider>>) -> Self {
        Self { fleet, providers }
    }

    /// The VMs that the run has named so far.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The VM that `text` means: an address, or the name of a VM that is found here. Nothing is connected yet.
    pub async fn vm(&self, text: &str) -> Result<Vm, Error> {
        match text.parse::<Target>() {
            Ok(target) => Ok(self.fleet.vm(target)),
            Err(InvalidTarget::Unknown(name)) => {
                // TODO(inventory): look it up.
                let _ = self.scan().await;
                Err(InvalidTarget::Unknown(name).into())
            }
            Err(invalid) => Err(invalid.into()),
        }
    }

    /// All VMs that can be found now.
    pub async fn scan(&self) -> Scan {
        scan::run(&self.providers, scan::DEADLINE).await
    }
}
