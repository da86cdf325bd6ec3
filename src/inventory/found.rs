//! A VM as one provider saw it, before anybody connected to it.

use crate::client::Address;

/// What a provider tells of a VM. All but the provider may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Which provider saw it, in the word that the configuration uses.
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
