//! What names a VM: a monitor address, or both of its sockets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::client::Address;

/// The most bytes of a target: more than two sockets need, and few enough to be shown.
const LONGEST: usize = 1024;

/// Where a VM's monitor and agent are reached, and what to call it in messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    label: String,
    qmp: Option<Address>,
    agent: Option<Address>,
    identity: Identity,
}

/// What a VM was found to be, for what answers at its address later to be compared with: two QEMUs may be told the same
/// socket, and another may have taken it over since. An address that somebody typed promises nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its UUID, in lower case.
    pub uuid: Option<String>,
    /// The name that QEMU was started with.
    pub name: Option<String>,
    /// Its process. Another one may serve the socket after a restart of the VM, if it has the same UUID or name.
    pub pid: Option<u32>,
    /// Whether its agent's socket is one that somebody chose for it, and which may so be another program's, that hands
    /// on what it gets.
    #[serde(default)]
    pub has_chosen_agent: bool,
}

/// Why a text names no VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidTarget {
    /// Nothing was given.
    Empty,
    /// More bytes than any name or address has.
    TooLong(usize),
    /// A part of `qmp=...,agent=...` has another key, or one twice.
    Key {
        /// The whole text.
        target: String,
        /// The key that is not known here.
        key: String,
    },
    /// An address cannot be read.
    Address {
        /// The whole text.
        target: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is neither an address nor a name that is known.
    Unknown(String),
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the VM's name is empty"),
            Self::TooLong(bytes) => write!(
                f,
                "a VM's name or address has at most {LONGEST} bytes, and this one has {bytes}"
            ),
            Self::Key { target, key } => write!(
                f,
                "`{key}=` in `{target}` is no part of a VM's address; write `qmp=SOCKET,agent=SOCKET`"
            ),
            // Of one address, what is wrong with it begins with it.
            Self::Address { target, why } if why.starts_with(&format!("`{target}`")) => {
                f.write_str(why)
            }
            Self::Address { target, why } => write!(f, "`{target}` names no VM: {why}"),
            Self::Unknown(target) => write!(f, "no VM is called `{target}`"),
        }
    }
}

impl std::error::Error for InvalidTarget {}

impl Target {
    /// The VM as messages call it: the text that named it, or of two sockets the monitor's.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// A VM that was found under the name `label`.
    pub fn found(label: impl Into<String>, qmp: Option<Address>, agent: Option<Address>) -> Self {
        Self {
            label: label.into(),
            qmp,
            agent,
            identity: Identity::default(),
        }
    }

    /// The same, to be what `identity` says.
    #[must_use]
    pub fn expecting(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// What it was found to be.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What tells it from other VMs: its sockets, both of them because either alone can do without the other.
    pub(super) fn key(&self) -> String {
        let text = |address: &Option<Address>| address.as_ref().map(Address::to_string);
        format!("{:?} {:?}", text(&self.qmp), text(&self.agent))
    }

    /// Where the monitor is, unless only the agent is known.
    pub fn qmp(&self) -> Option<&Address> {
        self.qmp.as_ref()
    }

    /// Where the agent is, if it was said.
    pub fn agent(&self) -> Option<&Address> {
        self.agent.as_ref()
    }

    /// Whether a text is meant as an address rather than a name.
    fn is_address(text: &str) -> bool {
        let schemes = ["unix:", "tcp:", "libvirt:"];
        text.contains('/') || schemes.iter().any(|scheme| text.starts_with(scheme))
    }

    fn from_parts(text: &str) -> Result<Self, InvalidTarget> {
        let mut target = Self {
            label: text.to_owned(),
            qmp: None,
            agent: None,
            identity: Identity::default(),
        };
        for part in split_parts(text) {
            let (key, address) = part.split_once('=').unwrap_or((part, ""));
            let slot = match key {
                "qmp" if target.qmp.is_none() => &mut target.qmp,
                "agent" if target.agent.is_none() => &mut target.agent,
                _ => {
                    return Err(InvalidTarget::Key {
                        target: text.to_owned(),
                        key: key.to_owned(),
                    });
                }
            };
            *slot = Some(address_of(text, address)?);
        }
        // Messages name the VM by one socket, which says as much as both and can be read.
        if let Some(address) = target.qmp.as_ref().or(target.agent.as_ref()) {
            target.label = address.to_string();
        }
        Ok(target)
    }
}

/// Splits at the commas that begin a new key, so that a path may hold one.
fn split_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(',') {
        let rest = &text[at + 1..];
        let key = rest.split('=').next().unwrap_or_default();
        if rest.contains('=') && !key.is_empty() && key.chars().all(|c| c.is_ascii_alphabetic()) {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

fn address_of(target: &str, text: &str) -> Result<Address, InvalidTarget> {
    text.parse().map_err(|error| InvalidTarget::Address {
        target: target.to_owned(),
        why: format!("{error}"),
    })
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidTarget::TooLong(text.len()));
        }
        if text.starts_with("qmp=") || text.starts_with("agent=") {
            return Self::from_parts(text);
        }
        if !Self::is_address(text) {
            return Err(InvalidTarget::Unknown(text.to_owned()));
        }
        Ok(Self {
            label: text.to_owned(),
            qmp: Some(address_of(text, text)?),
            agent: None,
            identity: Identity::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &str) -> Address {
        Address::Unix(path.into())
    }

    #[test]
    fn a_monitor_address_is_a_target() {
        let target: Target = "/run/a.qmp".parse().unwrap();
        assert_eq!(target.qmp(), Some(&unix("/run/a.qmp")));
        assert_eq!(target.agent(), None);
        assert_eq!(target.label(), "/run/a.qmp");
        let tcp: Target = "tcp:127.0.0.1:4444".parse().unwrap();
        assert_eq!(tcp.qmp().unwrap().to_string(), "tcp:127.0.0.1:4444");
    }

    #[test]
    fn both_sockets_are_a_target_in_either_order() {
        for text in [
            "qmp=/run/a.qmp,agent=/run/a.qga",
            "agent=/run/a.qga,qmp=/run/a.qmp",
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.qmp, Some(unix("/run/a.qmp")));
            assert_eq!(target.agent, Some(unix("/run/a.qga")));
            assert_eq!(target.label(), "/run/a.qmp");
        }
    }

    #[test]
    fn a_comma_in_a_path_stays_in_the_path() {
        let target: Target = "qmp=/run/a,b.qmp,agent=/run/c,1.qga".parse().unwrap();
        assert_eq!(target.qmp, Some(unix("/run/a,b.qmp")));
        assert_eq!(target.agent, Some(unix("/run/c,1.qga")));
    }

    #[test]
    fn what_is_no_target_is_told_why() {
        for (text, part) in [
            ("", "empty"),
            ("web01", "no VM is called `web01`"),
            ("qmp=/a,qga=/b", "`qga=`"),
            ("qmp=/a,qmp=/b", "`qmp=`"),
            ("qmp=,agent=/b", "names no VM"),
            ("tcp:host", "`tcp:host` is no TCP address"),
            ("tcp:host:99999", "ports are 1 to 65535"),
            (&"x".repeat(2000), "has 2000"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
