//! VMs by patterns of their sockets' paths.

use std::env;
use std::path::PathBuf;

use super::pattern::Pattern;
use super::socket;
use crate::inventory::found::Found;
use crate::inventory::scan::Provider;

/// The sockets of platforms that keep theirs in a folder of their own.
const WELL_KNOWN: [(&str, &str, Option<&str>); 3] = [
    (
        "ganeti",
        "/var/run/ganeti/kvm-hypervisor/ctrl/{name}.qmp",
        Some("/var/run/ganeti/kvm-hypervisor/ctrl/{name}.qga"),
    ),
    ("incus", "/run/incus/{name}/qemu.monitor", None),
    ("lima", "~/.lima/{name}/qmp.sock", None),
];

/// Looks for sockets whose paths fit a pattern.
pub(in crate::inventory) struct Glob {
    pub(in crate::inventory) name: &'static str,
    pub(in crate::inventory) qmp: Pattern,
    pub(in crate::inventory) agent: Option<Pattern>,
    pub(in crate::inventory) may_be_missing: bool,
}

impl Glob {
    /// Where platforms have their sockets: their word, their monitors, their agents.
    pub(in crate::inventory) fn well_known()
    -> impl Iterator<Item = (&'static str, Pattern, Option<Pattern>)> {
        let home = env::var_os("HOME").map(PathBuf::from);
        let home = home.filter(|home| home.is_absolute());
        let at_home = move |path: &str| match path.strip_prefix("~/") {
            None => Some(path.to_owned()),
            // A home that a pattern could not begin with has none of these.
            Some(rest) => Some(home.as_ref()?.join(rest).to_str()?.to_owned()),
        };
        WELL_KNOWN
            .into_iter()
            .filter_map(move |(name, qmp, agent)| {
                let qmp = Pattern::of_monitors(&at_home(qmp)?).ok()?;
                let agent = agent.and_then(|agent| Pattern::of_agents(agent).ok());
                Some((name, qmp, agent))
            })
    }
}

impl Provider for Glob {
    fn name(&self) -> &'static str {
        self.name
    }

    fn find(&self) -> Result<Vec<Found>, String> {
        let found = self.qmp.find(self.may_be_missing)?.into_iter();
        let vms = found.filter_map(|(name, path)| {
            let agent = self.agent.as_ref().map(|agent| agent.path_of(&name));
            Some(Found {
                qmp: Some(socket(path)?),
                agent: agent.and_then(socket),
                name: Some(name),
                ..Found::new(self.name)
            })
        });
        Ok(vms.collect())
    }
}
