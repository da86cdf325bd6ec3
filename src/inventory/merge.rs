//! What several providers say of one VM, joined. Two sightings are of one VM when they name the same process, the same
//! monitor socket or the same UUID, and nothing that they say speaks against it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::found::Found;
use super::names::uuid;
use crate::client::Address;

/// The word of the provider that stands for the configuration.
pub(super) const CONFIG: &str = "config";

/// The word of the provider that reads processes.
pub(super) const PROCESS: &str = "process";

/// The word of the provider that asks libvirt.
pub(super) const LIBVIRT: &str = "libvirt";

/// A part of the path of the monitors that libvirt keeps to itself.
const LIBVIRTS: &str = "/libvirt/qemu/";

/// Joins what is one VM. Of a fact that two know, the configuration's counts before that of libvirt and of the folders of
/// platforms, and a process's last.
pub(super) fn merge(sightings: Vec<Found>) -> Vec<Found> {
    let (configured, mut seen): (Vec<_>, Vec<_>) = sightings
        .into_iter()
        .map(Group::of)
        .partition(|group| group.provider() == CONFIG);
    forget_contested_sockets(&mut seen);
    seen.sort_by_key(|group| group.provider() == PROCESS);
    let mut vms = Vec::new();
    for group in seen {
        join(&mut vms, group);
    }
    for group in configured {
        configure(&mut vms, group);
    }
    vms.into_iter().map(Group::joined).collect()
}

/// Adds a sighting to the VM that it is of, or to all that it shows to be one.
fn join(vms: &mut Vec<Group>, group: Group) {
    let mut others = Vec::new();
    let mut joined: Option<Group> = None;
    for vm in vms.drain(..) {
        let contradicts = |other: &Group| vm.contradicts(other);
        if vm.is_like(&group) && !contradicts(&group) && !joined.as_ref().is_some_and(contradicts) {
            joined = Some(match joined {
                Some(first) => first.with(vm),
                None => vm,
            });
        } else {
            others.push(vm);
        }
    }
    others.push(match joined {
        Some(vm) => vm.with(group),
        None => group,
    });
    *vms = others;
}

/// Adds an entry of the configuration. One with no monitor of its own says something about whatever VM bears its UUID or
/// its name, and about each where several do: which of them is meant is then for the user to say, not for the order of
/// a search.
fn configure(vms: &mut Vec<Group>, entry: Group) {
    let describes = |vm: &Group| match &entry.first().uuid {
        Some(_) => vm.is_like(&entry),
        None => vm.bears(entry.first().name.as_deref()),
    };
    if let Some(vm) = lacking_address(vms, &entry) {
        vm.sightings.insert(0, entry.first().clone());
    } else if entry.first().qmp.is_some() {
        let of_it: Vec<_> = vms.iter().filter(|vm| vm.is_like(&entry)).collect();
        // Which of several it is cannot be told before its socket has answered.
        let is_told = of_it
            .iter()
            .all(|vm| of_it.iter().all(|other| !vm.contradicts(other)));
        if is_told {
            join(vms, entry);
        } else {
            vms.push(entry);
        }
    } else if vms.iter().any(describes) {
        for vm in vms.iter_mut().filter(|vm| describes(vm)) {
            vm.sightings.insert(0, entry.first().clone());
        }
    } else {
        vms.push(entry);
    }
}

/// The one VM whose monitor has no address that is known, and whose name an entry bears that gives one.
fn lacking_address<'a>(vms: &'a mut [Group], entry: &Group) -> Option<&'a mut Group> {
    let name = entry.first().name.as_deref()?;
    if entry.first().qmp.is_none() || vms.iter().any(|vm| vm.is_like(entry)) {
        return None;
    }
    let mut bearers = vms.iter_mut().filter(|vm| vm.bears(Some(name)));
    let vm = bearers.next().filter(|_| bearers.next().is_none())?;
    (vm.sockets.is_empty() && !vm.contradicts(entry)).then_some(vm)
}

/// What two processes were both told to listen at is served by one of them, and which cannot be seen from outside: it
/// says nothing about who is who.
fn forget_contested_sockets(seen: &mut [Group]) {
    let processes = || seen.iter().filter(|group| group.provider() == PROCESS);
    let mut claimed = BTreeSet::new();
    let contested: Vec<Socket> = processes()
        .flat_map(|group| &group.sockets)
        .filter(|socket| !claimed.insert(*socket))
        .cloned()
        .collect();
    for group in seen {
        group.sockets.retain(|socket| !contested.contains(socket));
    }
}

/// The sightings of one VM, the best first, with what they are compared by.
#[derive(Clone)]
struct Group {
    sightings: Vec<Found>,
    sockets: BTreeSet<Socket>,
    processes: BTreeSet<u32>,
    uuids: BTreeSet<String>,
}

/// What an address is, however it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Socket {
    File { device: u64, inode: u64 },
    Address(Address),
}

impl Socket {
    fn of(address: &Address) -> Self {
        let file = match address {
            Address::Unix(path) => fs::metadata(path).ok(),
            _ => None,
        };
        match file {
            Some(file) => Self::File {
                device: file.dev(),
                inode: file.ino(),
            },
            None => Self::Address(address.clone()),
        }
    }
}

impl Group {
    fn of(mut found: Found) -> Self {
        found.uuid = found.uuid.as_deref().and_then(uuid);
        let is_libvirts = matches!(&found.qmp, Some(Address::Unix(path))
            if path.to_string_lossy().contains(LIBVIRTS));
        if is_libvirts {
            found.only_through = Some(LIBVIRT);
        }
        Self {
            sockets: found
                .qmp
                .iter()
                .chain(&found.monitors)
                .map(Socket::of)
                .collect(),
            processes: found.pid.into_iter().collect(),
            uuids: found.uuid.clone().into_iter().collect(),
            sightings: vec![found],
        }
    }

    fn first(&self) -> &Found {
        // A group is never empty; one that were would say nothing.
        const NOTHING: &Found = &Found::new("");
        self.sightings.first().unwrap_or(NOTHING)
    }

    fn provider(&self) -> &'static str {
        self.first().provider
    }

    /// Whether something speaks for both being the same VM.
    fn is_like(&self, other: &Self) -> bool {
        !self.processes.is_disjoint(&other.processes)
            || !self.sockets.is_disjoint(&other.sockets)
            // A provider that tells of two VMs with one UUID means two.
            || (self.provider() != other.provider() && !self.uuids.is_disjoint(&other.uuids))
    }

    /// Whether something speaks against it.
    fn contradicts(&self, other: &Self) -> bool {
        differ(&self.processes, &other.processes)
            || differ(&self.uuids, &other.uuids)
            || self.first().is_off
            || other.first().is_off
    }

    fn bears(&self, name: Option<&str>) -> bool {
        self.sightings
            .iter()
            .any(|sighting| sighting.name.as_deref() == name)
    }

    fn with(mut self, other: Self) -> Self {
        self.sightings.extend(other.sightings);
        self.sightings
            .sort_by_key(|sighting| precedence(sighting.provider));
        self.sockets.extend(other.sockets);
        self.processes.extend(other.processes);
        self.uuids.extend(other.uuids);
        self
    }

    /// What all of them say together.
    fn joined(self) -> Found {
        let of = |fact: fn(&Found) -> Option<String>| self.sightings.iter().find_map(fact);
        let name = of(|found| found.name.clone());
        let id = of(|found| found.id.clone());
        let only_through = self.sightings.iter().find_map(|found| found.only_through);
        // The configuration's word counts; else what is libvirt's is reached through libvirt or not at all.
        let reaches = |found: &&Found| {
            found.provider == CONFIG || only_through.is_none_or(|through| through == found.provider)
        };
        let ways = || self.sightings.iter().filter(reaches);
        let agent = ways().find(|found| found.agent.is_some());
        let mut aliases = Vec::new();
        for sighting in &self.sightings {
            let others = sighting
                .name
                .iter()
                .filter(|other| Some(*other) != name.as_ref());
            let ids = sighting
                .id
                .iter()
                .filter(|other| Some(*other) != id.as_ref());
            for alias in others.chain(&sighting.aliases).chain(ids) {
                if !aliases.contains(alias) {
                    aliases.push(alias.clone());
                }
            }
        }
        let mut labels: Vec<String> = Vec::new();
        for label in self.sightings.iter().flat_map(|found| &found.labels) {
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        Found {
            provider: self.provider(),
            given_name: of(|found| found.given_name.clone()),
            uuid: of(|found| found.uuid.clone()),
            labels,
            qmp: ways().find_map(|found| found.qmp.clone()),
            monitors: ways()
                .map(|found| found.monitors.clone())
                .find(|monitors| !monitors.is_empty())
                .unwrap_or_default(),
            obstacle: of(|found| found.obstacle.clone()),
            agent: agent.and_then(|found| found.agent.clone()),
            has_chosen_agent: agent.is_some_and(|found| found.has_chosen_agent),
            pid: self.sightings.iter().find_map(|found| found.pid),
            is_off: self.sightings.iter().any(|found| found.is_off),
            name,
            aliases,
            id,
            only_through,
        }
    }
}

/// Whether both are known and have nothing in common.
fn differ<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> bool {
    !one.is_empty() && !other.is_empty() && one.is_disjoint(other)
}

fn precedence(provider: &str) -> u8 {
    match provider {
        CONFIG => 0,
        PROCESS => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
