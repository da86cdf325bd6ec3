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
use crate::client::libvirt::{Domain, domains};

/// The libvirt of a user's own session.
const SESSION: &str = "qemu:///session";

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

    /// Those that serve this host: the system's, and the one of this user's session.
    pub fn here() -> Vec<Self> {
        let session = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self::in_folders(Path::new("/run"), session.as_deref())
    }

    /// Those whose sockets are below these folders: the system's, and that of a user's session.
    fn in_folders(system: &Path, session: Option<&Path>) -> Vec<Self> {
        let folders = [(Some(system), LIBVIRT_SYSTEM), (session, SESSION)];
        let listens = |folder: &Path| {
            let sockets = folder.join("libvirt");
            SOCKETS.iter().any(|socket| sockets.join(socket).exists())
        };
        folders
            .into_iter()
            .filter(|(folder, _)| folder.is_some_and(listens))
            .map(|(_, uri)| Self::at(uri))
            .collect()
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
            provider: self.name(),
            name: Some(domain.name),
            uuid: Some(domain.uuid),
            qmp: Some(address.clone()),
            agent: Some(address),
            is_off: domain.run.is_none(),
            // Its id is that of a run, and the next run's is another: it names no VM.
            ..Found::default()
        }
    }
}

impl Provider for Libvirt {
    fn name(&self) -> &'static str {
        "libvirt"
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
    fn a_libvirt_is_looked_for_only_where_its_socket_is() {
        let root = env::temp_dir().join(format!("qmpsh-libvirt-{}", std::process::id()));
        let (system, session) = (root.join("run"), root.join("user"));
        assert!(Libvirt::in_folders(&system, Some(&session)).is_empty());
        fs::create_dir_all(session.join("libvirt")).unwrap();
        fs::write(session.join("libvirt/libvirt-sock"), "").unwrap();
        let found = Libvirt::in_folders(&system, Some(&session));
        assert_eq!(found, [Libvirt::at("qemu:///session")]);
        fs::create_dir_all(system.join("libvirt")).unwrap();
        fs::write(system.join("libvirt/virtqemud-sock"), "").unwrap();
        assert_eq!(Libvirt::in_folders(&system, Some(&session)).len(), 2);
        assert_eq!(
            Libvirt::in_folders(&system, None),
            [Libvirt::at("qemu:///system")]
        );
        fs::remove_dir_all(root).unwrap();
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
