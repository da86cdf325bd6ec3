//! A VM as one provider saw it, before anybody connected to it.

use crate::client::Address;

/// What a provider tells of a VM. All but the provider may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Which provider saw it, in the word that the configuration uses.
    pub provider: &'static str,
    /// What it is called (`-name`, a file's name, libvirt's domain).
    pub name: Option<String>,
    /// Its UUID in lower case; never the zero UUID.
    pub uuid: Option<String>,
    /// The provider's own name for it: the VM's number in Proxmox.
    pub id: Option<String>,
    /// The labels that the configuration gives it.
    pub labels: Vec<String>,
    /// Where its monitor is.
    pub qmp: Option<Address>,
    /// Where its agent is.
    pub agent: Option<Address>,
    /// The QEMU process, where it is known.
    pub pid: Option<u32>,
    /// Whether it is known to be shut off, as libvirt knows domains that do not run.
    pub is_off: bool,
}
