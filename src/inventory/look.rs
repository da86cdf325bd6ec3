//! The search for one VM by its name, no longer than it takes: first among those that are known at once, then with the
//! providers that take longer, and last by asking the VMs that nobody knows the names of.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::Inventory;
use super::error::Error;
use super::found::Found;
use super::names::{self, Meaning, meaning};
use super::scan::{self, DEADLINE, Provider, Scan};
use crate::client::{Address, Call, Qmp, Tap, UnixSockets};
use crate::nearest::nearest;
use crate::vm::Target;

/// How long a VM may take to tell its name: one that is busy or hangs is passed over.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// How many VMs are asked for their names at once.
const ASKED_AT_ONCE: usize = 64;

impl Inventory {
    /// The VM that is called `name`, as a target that expects to find it there.
    pub(super) async fn look_up(&self, name: &str) -> Result<Target, Error> {
        let (late, early): (Vec<_>, Vec<_>) = self
            .providers
            .iter()
            .cloned()
            .partition(|provider| provider.is_last_resort());
        let mut seen = Scan::default();
        let mut vms = self.look_at(&early, name, &mut seen).await;
        if !late.is_empty() && !is_settled(name, &vms) {
            vms = self.look_at(&late, name, &mut seen).await;
        }
        if meaning(name, &vms) == Meaning::Nothing {
            ask_for_names(&mut vms, self.fleet.settings().shown.as_ref()).await;
        }
        match meaning(name, &vms) {
            Meaning::One(vm) => target(name, vm, &seen),
            Meaning::Several(candidates) => Err(Error::Ambiguous {
                name: name.to_owned(),
                candidates: candidates.into_iter().map(Found::told_apart).collect(),
            }),
            Meaning::Nothing => {
                let mut asked: Vec<_> = self.providers.iter().map(|asked| asked.name()).collect();
                asked.dedup();
                Err(Error::Unknown {
                    name: name.to_owned(),
                    beginning: vms.iter().find_map(|vm| names::too_short(name, vm)),
                    nearest: nearest(name, vms.iter().flat_map(names::callable)).map(str::to_owned),
                    asked,
                    troubles: seen.troubles,
                })
            }
        }
    }

    /// Adds what `providers` see to what was seen, and joins it all.
    async fn look_at(
        &self,
        providers: &[Arc<dyn Provider>],
        name: &str,
        seen: &mut Scan,
    ) -> Vec<Found> {
        let before = seen.found.clone();
        let joined = |found: &[Found]| self.vms_of([&before, found].concat());
        let scan = scan::run(providers, DEADLINE, |found| {
            is_settled(name, &joined(found))
        })
        .await;
        seen.found.extend(scan.found);
        seen.troubles.extend(scan.troubles);
        self.vms_of(seen.found.clone())
    }
}

/// Whether it is known what the name means, and how to get there.
fn is_settled(name: &str, vms: &[Found]) -> bool {
    match meaning(name, vms) {
        Meaning::Nothing => false,
        Meaning::One(vm) => vm.is_reachable(),
        Meaning::Several(vms) => vms.iter().all(|vm| vm.is_reachable()),
    }
}

fn target(name: &str, vm: &Found, seen: &Scan) -> Result<Target, Error> {
    if vm.is_off {
        return Err(Error::Off {
            name: name.to_owned(),
            starts: match &vm.qmp {
                Some(Address::Libvirt { domain, uri }) => {
                    Some(format!("virsh --connect {uri} start {domain}"))
                }
                _ => None,
            },
        });
    }
    vm.target(name).ok_or_else(|| Error::NoWay {
        name: name.to_owned(),
        vm: vm.told_apart(),
        obstacle: vm.obstacle.clone(),
        only_through: vm.only_through,
        troubles: seen.troubles.clone(),
    })
}

/// Has the VMs tell their names and UUIDs of which no provider knew them. One that serves another client is passed over:
/// nobody queues on it.
async fn ask_for_names(vms: &mut [Found], tap: Option<&Arc<dyn Tap>>) {
    let sockets = UnixSockets::now().unwrap_or_default();
    let is_free = |address: &Address| match address {
        Address::Unix(path) => sockets.client(path).is_none(),
        Address::Tcp { .. } | Address::Libvirt { .. } => true,
    };
    let mut asked = JoinSet::new();
    let mut waiting = vms.iter().enumerate().filter_map(|(at, vm)| {
        let is_known = vm.given_name.is_some() && vm.uuid.is_some();
        let address = vm.qmp.clone().filter(is_free)?;
        (!is_known && vm.is_reachable()).then_some((at, address))
    });
    let mut told = Vec::new();
    loop {
        while asked.len() < ASKED_AT_ONCE {
            let Some((at, address)) = waiting.next() else {
                break;
            };
            let tap = tap.cloned();
            asked.spawn(async move { (at, ask(&address, tap).await) });
        }
        match asked.join_next().await {
            Some(Ok((at, Some(answer)))) => told.push((at, answer)),
            Some(_) => {}
            None => break,
        }
    }
    for (at, (name, uuid)) in told {
        let vm = &mut vms[at];
        vm.uuid = vm.uuid.take().or(uuid);
        vm.given_name.clone_from(&name);
        match name {
            Some(name) if vm.name.is_none() => vm.name = Some(name),
            name => vm.aliases.extend(name),
        }
    }
}

/// What a VM says that it is called, if it says it in time.
async fn ask(
    address: &Address,
    tap: Option<Arc<dyn Tap>>,
) -> Option<(Option<String>, Option<String>)> {
    let qmp = Qmp::connect(address, TOLD_WITHIN, tap).await.ok()?;
    let query = |command: &str| qmp.call(Call::new(command, Map::new()).within(TOLD_WITHIN));
    let name = query("query-name").await.ok()?;
    let uuid = query("query-uuid").await.ok()?;
    qmp.close().await;
    let text = |reply: &Value, key: &str| reply[key].as_str().map(str::to_owned);
    let uuid = text(&uuid, "UUID").and_then(|uuid| names::uuid(&uuid));
    Some((text(&name, "name"), uuid))
}
