//! A glance at a VM for somebody who is only typing: what it can be told, and what its parts are called. Only queries are
//! sent. A VM that the run is connected to is asked over that connection; another over one that ends with the glance, so
//! that nobody is kept from it, and not at all while its monitor serves another client.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::yield_now;

use super::agent::{AgentCommands, locate};
use super::error::{Error, ErrorKind};
use super::machine::{Vm, object};
use super::schema::{Properties, Schema};
use crate::client::{Address, holder};

/// How long a monitor may take: one that hangs is asked by one connection, and not by one for each time that somebody looks.
const MONITOR: Duration = Duration::from_secs(30);

/// How long an agent may take. Its next command waits for as long.
const AGENT: Duration = Duration::from_secs(1);

/// The most names of one sort that are kept, and the longest of them in bytes.
const MOST: usize = 4096;
const LONGEST: usize = 256;

/// What can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What the VM can be told.
    Schema,
    /// What its guest's agent can be told.
    AgentCommands,
    /// Block nodes (`node-name`).
    Nodes,
    /// Block devices by the names of old (`device` in `query-block`), and by those of their guest devices.
    BlockDevices,
    /// Guest devices by their ids.
    Devices,
    /// Jobs by their ids.
    Jobs,
    /// Character devices.
    Chardevs,
    /// Network backends.
    Netdevs,
    /// Objects by their ids (`object-add`).
    Objects,
    /// Block exports.
    Exports,
    /// Dirty bitmaps of a node, or of a block device.
    Bitmaps(String),
    /// Models of guest devices.
    DeviceTypes,
    /// The properties of a model of devices.
    DeviceProperties(String),
    /// What is below a path in the object tree.
    Children(String),
    /// The properties of the object at a path.
    Properties(String),
}

/// What was seen.
#[derive(Clone)]
pub enum Seen {
    /// What the VM can be told; none where its QEMU is too old to tell.
    Schema(Option<Arc<Schema>>),
    /// What its guest's agent can be told.
    AgentCommands(Arc<AgentCommands>),
    /// Names, as the VM tells them: nothing is known of what is in them.
    Names(Vec<String>),
}

impl Vm {
    /// Looks at one thing. None where the VM cannot be asked without being in somebody's way, or does not tell; in a run
    /// that is recorded or played, where each message counts. Waits up to 30 s for a monitor, and a second for an agent.
    pub async fn glance(&self, subject: &Subject) -> Option<Seen> {
        if !self.settings().recording.is_off() {
            return None;
        }
        let vm = if self.is_connected() {
            self.clone()
        } else {
            self.twin()?
        };
        let seen = vm.see(self, subject).await;
        if !vm.is_same(self) {
            vm.disconnect().await;
            // So that connections whose greeting failed are closed too, by the tasks that own them.
            yield_now().await;
        }
        seen.ok().flatten()
    }

    /// The same VM with connections of its own; none where its monitor serves another client, or it has none.
    fn twin(&self) -> Option<Self> {
        let is_free = match self.target().qmp()? {
            Address::Unix(path) => holder::is_free(path),
            Address::Tcp { .. } | Address::Libvirt { .. } => true,
        };
        let mut settings = (**self.settings()).clone();
        settings.timeout = Some(MONITOR);
        settings.tap = None;
        is_free.then(|| Self::new(self.target().clone(), Arc::new(settings)))
    }

    /// `known` is the handle that the run itself uses.
    async fn see(&self, known: &Self, subject: &Subject) -> Result<Option<Seen>, Error> {
        let names = match subject {
            Subject::Schema => return Ok(Some(Seen::Schema(self.schema().await?))),
            Subject::AgentCommands => return self.see_agent(known).await,
            Subject::Nodes => texts(&self.nodes().await?, "node-name"),
            Subject::BlockDevices => {
                let blocks = self.look("query-block", json!({})).await?;
                let mut names = texts(&blocks, "device");
                names.extend(texts(&blocks, "qdev"));
                names
            }
            Subject::Devices => self.children("/machine/peripheral").await?,
            Subject::Jobs => match self.look("query-jobs", json!({})).await {
                Ok(jobs) => texts(&jobs, "id"),
                Err(error) if is_unknown(&error) => {
                    let jobs = self.look("query-block-jobs", json!({})).await?;
                    texts(&jobs, "device")
                }
                Err(error) => return Err(error),
            },
            Subject::Chardevs => texts(&self.look("query-chardev", json!({})).await?, "label"),
            Subject::Netdevs => netdevs(&self.hmp("info network").await?),
            Subject::Objects => self.children("/objects").await?,
            Subject::Exports => texts(&self.look("query-block-exports", json!({})).await?, "id"),
            Subject::Bitmaps(node) => self.bitmaps(node).await?,
            Subject::DeviceTypes => {
                let of = json!({ "implements": "device", "abstract": false });
                texts(&self.look("qom-list-types", of).await?, "name")
            }
            Subject::DeviceProperties(model) => {
                let of = json!({ "typename": model });
                let properties = self.look("device-list-properties", of).await?;
                Properties::parse(&properties)
                    .names()
                    .map(str::to_owned)
                    .collect()
            }
            Subject::Children(path) => self.children(path).await?,
            Subject::Properties(path) => {
                let found = self.look("qom-list", json!({ "path": path })).await?;
                let plain = entries(&found).filter(|entry| !is_child(entry));
                plain.filter_map(|entry| text(entry, "name")).collect()
            }
        };
        Ok(Some(Seen::Names(bounded(names))))
    }

    async fn look(&self, command: &str, arguments: Value) -> Result<Value, Error> {
        self.call(command, object(arguments)).await
    }

    /// The block nodes; briefly where QEMU can (5.0).
    async fn nodes(&self) -> Result<Value, Error> {
        let command = "query-named-block-nodes";
        match self.look(command, json!({ "flat": true })).await {
            Err(error) if error.is_refusal() => self.look(command, json!({})).await,
            told => told,
        }
    }

    async fn bitmaps(&self, of: &str) -> Result<Vec<String>, Error> {
        let nodes = self.nodes().await?;
        let blocks = self.look("query-block", json!({})).await?;
        let is_meant = |entry: &&Value| {
            ["node-name", "device", "qdev"]
                .iter()
                .any(|name| entry[*name] == of)
        };
        let all = entries(&nodes).chain(entries(&blocks));
        let meant = all.filter(is_meant);
        Ok(meant
            .flat_map(|entry| {
                // Up to QEMU 4.1 they are told of devices alone.
                let inserted = &entry["inserted"]["dirty-bitmaps"];
                let own = entries(&entry["dirty-bitmaps"]).chain(entries(inserted));
                own.filter_map(|bitmap| text(bitmap, "name"))
            })
            .collect())
    }

    async fn children(&self, path: &str) -> Result<Vec<String>, Error> {
        let found = self.look("qom-list", json!({ "path": path })).await?;
        let children = entries(&found).filter(|entry| is_child(entry));
        Ok(children.filter_map(|entry| text(entry, "name")).collect())
    }

    /// The agent's commands, if it runs and serves nobody else.
    async fn see_agent(&self, known: &Self) -> Result<Option<Seen>, Error> {
        let agent = if known.agent_cell().get().is_some() {
            known.agent()
        } else {
            let address = match (self.target().agent(), self.target().qmp()) {
                (Some(address), _) | (None, Some(address @ Address::Libvirt { .. })) => {
                    address.clone()
                }
                (None, _) => locate::socket(self).await?,
            };
            if !matches!(address, Address::Libvirt { .. }) {
                let chardevs = self.look("query-chardev", json!({})).await?;
                let port = locate::port(&chardevs, &address);
                // What is written to an agent that is down is carried out later.
                if !port.is_some_and(|port| port.is_open && !port.is_held) {
                    return Ok(None);
                }
            }
            self.agent()
        };
        let commands = agent.commands_within(AGENT).await?;
        Ok(Some(Seen::AgentCommands(Arc::new(commands))))
    }
}

/// Whether this QEMU has no such command.
fn is_unknown(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::NoCommand { .. })
}

fn entries(reply: &Value) -> impl Iterator<Item = &Value> {
    reply.as_array().into_iter().flatten()
}

fn text(entry: &Value, member: &str) -> Option<String> {
    let text = entry[member].as_str().filter(|text| !text.is_empty())?;
    Some(text.to_owned())
}

fn texts(reply: &Value, member: &str) -> Vec<String> {
    entries(reply)
        .filter_map(|entry| text(entry, member))
        .collect()
}

fn is_child(entry: &Value) -> bool {
    entry["type"]
        .as_str()
        .is_some_and(|kind| kind.starts_with("child<"))
}

/// The backends in what the human monitor tells of the network, each in a line as ` \ net0: index=0,type=user,...`.
fn netdevs(told: &str) -> Vec<String> {
    let backend = |line: &str| {
        let line = line.trim_start_matches([' ', '\\']);
        let (name, options) = line.split_once(": index=")?;
        (!options.contains("type=nic,")).then(|| name.to_owned())
    };
    told.lines().filter_map(backend).collect()
}

/// No more names than anybody looks at, none that is too long, each once.
fn bounded(names: Vec<String>) -> Vec<String> {
    let names: BTreeSet<String> = names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .take(MOST)
        .collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::netdevs;

    #[test]
    fn network_backends_are_read_from_what_the_human_monitor_tells() {
        let told = "nic1: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n \\ net1: index=0,type=user,net=10.0.2.0\n\
            net2: index=0,type=tap,ifname=tap0\n";
        assert_eq!(netdevs(told), ["net1", "net2"]);
    }
}
