//! `SmartOS`: each VM is a zone, called by its UUID, with the monitor in the zone's own `/tmp`.

use std::path::PathBuf;

use super::{names, socket};
use crate::inventory::found::Found;
use crate::inventory::names::uuid;
use crate::inventory::scan::Provider;

/// Looks into the zones of a pool.
pub(in crate::inventory) struct SmartOs {
    pub(in crate::inventory) zones: PathBuf,
    pub(in crate::inventory) may_be_missing: bool,
}

impl SmartOs {
    /// Where pools are mounted.
    pub(in crate::inventory) const ROOT: &'static str = "/";

    /// The pool of the zones, unless it was named otherwise.
    pub(in crate::inventory) const POOL: &'static str = "zones";
}

impl Provider for SmartOs {
    fn name(&self) -> &'static str {
        "smartos"
    }

    fn find(&self) -> Result<Vec<Found>, String> {
        let zones = names(&self.zones, self.may_be_missing)?.into_iter();
        let vms = zones.filter_map(|zone| {
            let uuid = uuid(&zone)?;
            let monitor = self.zones.join(&zone).join("root/tmp/vm.qmp");
            Some(Found {
                qmp: Some(socket(monitor)?),
                uuid: Some(uuid),
                id: Some(zone),
                ..Found::new("smartos")
            })
        });
        Ok(vms.collect())
    }
}
