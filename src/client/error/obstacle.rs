//! What stands between qmpsh and a domain of libvirt's, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::wire::escape::escaped;

/// Why libvirt gives no way to a domain; with libvirt's own words where they say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// There is no `virsh` on this host.
    NoProgram,
    /// The `virsh` here has no `echo --err`, by which its errors are told apart.
    TooOld,
    /// Nobody serves the URI, or its host cannot be reached.
    NoDaemon(String),
    /// libvirt refuses this user.
    Denied(String),
    /// libvirt knows no such domain.
    NoDomain,
    /// The domain is shut off.
    ShutOff,
    /// The domain has no agent channel.
    NoAgent,
    /// Another reason.
    Other(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram => write!(f, "the program `virsh` is not here"),
            Self::TooOld => write!(f, "the program `virsh` here is too old"),
            Self::NoDaemon(words) => write!(f, "libvirt cannot be reached: {}", escaped(words)),
            Self::Denied(words) => write!(f, "libvirt refuses this user: {}", escaped(words)),
            Self::NoDomain => write!(f, "libvirt knows no such domain"),
            Self::ShutOff => write!(f, "the domain is shut off"),
            Self::NoAgent => write!(f, "the domain has no channel for an agent"),
            Self::Other(words) => write!(f, "libvirt says: {}", escaped(words)),
        }
    }
}
