//! A VM as one provider saw it, or as several did once [`super::merge`] has joined what they say; before anybody connected
//! to it.

use crate::client::Address;
use crate::vm::target::{Identity, Target};
use crate::wire::escape::escaped;

/// What is known of a VM. All but the provider may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Which provider saw it, in the word that the configuration uses; of several, the one that knows it best.
    pub provider: &'static str,
    /// What it is called (`-name`, a file's name, libvirt's domain).
    pub name: Option<String>,
    /// What else it is called: the names and ids that providers gave which know it less well.
    pub aliases: Vec<String>,
    /// The name that QEMU was started with, where a provider read its command line: what `query-name` has to answer.
    /// `name` alone may be the word of a file or of the configuration.
    pub given_name: Option<String>,
    /// Its UUID in lower case; never the zero UUID.
    pub uuid: Option<String>,
    /// The provider's own name for it: the VM's number in Proxmox.
    pub id: Option<String>,
    /// The labels that the configuration gives it.
    pub labels: Vec<String>,
    /// Where its monitor is.
    pub qmp: Option<Address>,
    /// All its monitors that can be reached, where it has more than that one.
    pub monitors: Vec<Address>,
    /// Why no monitor can be reached from here, where that is known.
    pub obstacle: Option<String>,
    /// Where its agent is.
    pub agent: Option<Address>,
    /// The QEMU process, where it is known.
    pub pid: Option<u32>,
    /// The provider that alone reaches it: libvirt holds the monitors of its domains, so their sockets are of no use to
    /// others and are never connected to.
    pub only_through: Option<&'static str>,
    /// Whether it is known to be shut off, as libvirt knows domains that do not run.
    pub is_off: bool,
}

impl Found {
    /// A VM of which nothing is known but who saw it.
    pub const fn new(provider: &'static str) -> Self {
        Self {
            provider,
            name: None,
            aliases: Vec::new(),
            given_name: None,
            uuid: None,
            id: None,
            labels: Vec::new(),
            qmp: None,
            monitors: Vec::new(),
            obstacle: None,
            agent: None,
            pid: None,
            only_through: None,
            is_off: false,
        }
    }

    /// What to call it: the first that it has of a name, an id, a UUID and a socket.
    pub fn label(&self) -> String {
        let known = self.name.clone().or_else(|| self.id.clone());
        let known = known.or_else(|| self.uuid.clone());
        let socket = || {
            let address = self.qmp.as_ref().or(self.agent.as_ref());
            address.map(Address::to_string)
        };
        known
            .or_else(socket)
            .or_else(|| self.pid.map(|pid| format!("process {pid}")))
            .unwrap_or_else(|| "a VM without a name".to_owned())
    }

    /// All that it is called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.name.iter().chain(&self.aliases);
        names.map(String::as_str)
    }

    /// Whether somebody can be asked about it: there is an address, and it is not shut off.
    pub fn is_reachable(&self) -> bool {
        !self.is_off && (self.qmp.is_some() || self.agent.is_some())
    }

    /// How it is reached, called `label` in messages; none where it cannot be.
    pub fn target(&self, label: impl Into<String>) -> Option<Target> {
        let identity = Identity {
            uuid: self.uuid.clone(),
            name: self.given_name.clone(),
            pid: self.pid,
        };
        self.is_reachable()
            .then(|| Target::found(label, self.qmp.clone(), self.agent.clone()).expecting(identity))
    }

    /// What tells it from another VM of the same name, fit for a terminal.
    pub fn told_apart(&self) -> String {
        let mut facts = Vec::new();
        facts.extend(self.uuid.as_ref().map(|uuid| format!("UUID {uuid}")));
        facts.push(format!("found by {}", self.provider));
        facts.extend(self.id.as_ref().map(|id| format!("id {}", escaped(id))));
        let address = self.qmp.as_ref().or(self.agent.as_ref());
        facts.extend(address.map(|address| format!("at {address}")));
        facts.extend(self.pid.map(|pid| format!("process {pid}")));
        if self.is_off {
            facts.push("shut off".to_owned());
        }
        format!("{}: {}", escaped(&self.label()), facts.join(", "))
    }
}
