//! The domains that a libvirt knows, running or shut off.
//!
//! One command tells all of them; no domain's monitor is asked, so one that hangs delays nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

use super::found::Found;
use super::scan::Provider;
use crate::client::Address;
use crate::client::address::LIBVIRT_SYSTEM;
use crate::client::libvirt::{Domain, domains, is_here};

/// The sockets that its daemons listen on, the undivided daemon's first.
const SOCKETS: [&str; 2] = ["libvirt-sock", "virtqemud-sock"];

/// How long libvirt may take to list its domains. Whoever scans may give up earlier; then this ends the virsh that waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// One libvirt, by its URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libvirt {
    uri: String,
}

impl Libvirt {
    /// The libvirt at `uri`, as virsh takes it; remote ones too.
    pub fn at(uri: impl Into<String>) -> Self {
        Self { uri: uri.into() }
    }

    /// The system's, for all its users.
    pub const SYSTEM: &str = LIBVIRT_SYSTEM;

    /// The one of this user's session.
    pub const SESSION: &str = "qemu:///session";

    /// Whether one of those two serves this host: its socket is there.
    pub fn is_here(uri: &str) -> bool {
        let folder = match uri {
            Self::SYSTEM => Some("/run".into()),
            Self::SESSION => env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
            _ => None,
        };
        folder.is_some_and(|folder| listens_below(&folder))
    }

    /// Where it is.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    fn found(&self, domain: Domain) -> Found {
        // In an address, the first `@` ends the name.
        let is_name = !domain.name.contains(|c: char| c == '@' || c.is_control());
        let address = Address::Libvirt {
            domain: if is_name { &domain.name } else { &domain.uuid }.clone(),
            uri: self.uri.clone(),
        };
        Found {
            name: Some(domain.name),
            uuid: Some(domain.uuid),
            qmp: Some(address.clone()),
            agent: Some(address),
            is_off: domain.run.is_none(),
            // Its id is that of a run, and the next run's is another: it names no VM.
            ..Found::new(self.name())
        }
    }
}

fn listens_below(folder: &Path) -> bool {
    let sockets = folder.join("libvirt");
    SOCKETS.iter().any(|socket| sockets.join(socket).exists())
}

impl Provider for Libvirt {
    fn name(&self) -> &'static str {
        "libvirt"
    }

    /// The domains of this host's libvirt run as processes here, and its virsh takes 20 ms to start. Another host's are
    /// seen by nobody else.
    fn is_last_resort(&self) -> bool {
        is_here(&self.uri)
    }

    fn find(&self) -> Result<Vec<Found>, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let told = runtime.block_on(async { timeout(PATIENCE, domains(&self.uri)).await });
        match told {
            Ok(Ok(domains)) => Ok(domains
                .into_iter()
                .map(|domain| self.found(domain))
                .collect()),
            Ok(Err(obstacle)) => Err(format!("{}: {obstacle}", self.uri)),
            Err(_) => Err(format!(
                "{}: no answer within {} s",
                self.uri,
                PATIENCE.as_secs()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_libvirt_is_here_where_the_socket_of_either_daemon_is() {
        let root = env::temp_dir().join(format!("qmpsh-libvirt-{}", std::process::id()));
        fs::create_dir_all(root.join("libvirt")).unwrap();
        assert!(!listens_below(&root));
        for socket in ["libvirt-sock", "virtqemud-sock"] {
            let socket = root.join("libvirt").join(socket);
            fs::write(&socket, "").unwrap();
            assert!(listens_below(&root));
            fs::remove_file(socket).unwrap();
        }
        fs::remove_dir_all(root).unwrap();
        assert!(!Libvirt::is_here("qemu+ssh://host/system"));
    }

    #[test]
    fn a_domain_whose_name_an_address_cannot_hold_goes_by_its_uuid() {
        let uuid = "1933a0e4-b4b8-4ea5-ae14-9a1b705c33ed";
        let domain = |name: &str| Domain {
            name: name.into(),
            uuid: uuid.into(),
            run: None,
        };
        let libvirt = Libvirt::at("qemu:///system");
        let address = |name: &str| libvirt.found(domain(name)).qmp.unwrap().to_string();
        assert_eq!(address("web 1"), "libvirt:web 1@qemu:///system");
        assert_eq!(address("a@b"), format!("libvirt:{uuid}@qemu:///system"));
        assert!(libvirt.found(domain("a@b")).is_off);
    }
}
