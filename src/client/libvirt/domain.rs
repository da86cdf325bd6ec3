//! Which domains there are, and which one an address means.

use super::pool::{self, Failure};
use super::quote;
use super::virsh::Said;
use super::words::{self, Meaning};
use crate::client::address::Address;
use crate::client::error::Obstacle;

/// A domain as libvirt lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Its UUID, in lower case.
    pub uuid: String,
    /// The number of its run; none while it is shut off.
    pub run: Option<u32>,
}

/// Whether a libvirt is this host's, by its URI: its domains are processes here.
pub fn is_here(uri: &str) -> bool {
    let host = uri.split_once("://").map(|(_, rest)| rest);
    host.is_some_and(|rest| rest.starts_with('/'))
}

/// All domains of a libvirt, those that are shut off among them. It asks no domain's monitor, so none holds it up.
///
/// # Errors
/// Where libvirt cannot be asked.
pub async fn domains(uri: &str) -> Result<Vec<Domain>, Obstacle> {
    let said = pool::run(uri, "list --all --uuid --id --name").await?;
    if !said.errors.is_empty() && said.output.trim_ascii().is_empty() {
        return Err(Obstacle::Other(words::plain(&said.errors)));
    }
    let text = String::from_utf8_lossy(&said.output);
    Ok(text.lines().filter_map(read).collect())
}

/// One line of the list: `UUID ID NAME`, the id `-` where the domain is shut off.
fn read(line: &str) -> Option<Domain> {
    let (uuid, rest) = line.trim_start().split_once(' ')?;
    let (run, name) = rest.trim_start().split_once(' ')?;
    let is_uuid = uuid.len() == 36
        && uuid
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uuid.then(|| Domain {
        // virsh puts no more than one space there, so what else there is belongs to the name.
        name: name.to_owned(),
        uuid: uuid.to_ascii_lowercase(),
        run: run.parse().ok(),
    })
}

/// The number of the run that a domain is in: each start has another. None for one that is shut off or unknown, and for
/// an address that is not libvirt's.
///
/// # Errors
/// Where libvirt cannot be asked.
pub async fn run_of(address: &Address) -> Result<Option<u32>, Obstacle> {
    let Address::Libvirt { domain, uri } = address else {
        return Ok(None);
    };
    let known = domains(uri).await?;
    let named = known
        .iter()
        .find(|known| known.name == *domain)
        .or_else(|| {
            known
                .iter()
                .find(|known| known.uuid.eq_ignore_ascii_case(domain))
        });
    Ok(named.and_then(|known| known.run))
}

/// A domain, as commands name it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) uri: String,
    /// virsh's `--domain` option.
    pub(super) option: String,
}

impl Place {
    /// The domain that is meant.
    pub(super) async fn find(domain: &str, uri: &str) -> Result<Self, Obstacle> {
        let place = |name: &str| Self {
            uri: uri.to_owned(),
            option: format!("--domain={}", quote::word(name)),
        };
        // It would end the line, and what is behind it be a command of its own.
        if domain.contains(char::is_control) {
            return Err(Obstacle::NoDomain);
        }
        // virsh takes a number for the id of a run, which may be that of another domain; and readline may not read all
        // letters.
        if domain.parse::<i64>().is_err() && domain.is_ascii() {
            return Ok(place(domain));
        }
        let known = domains(uri).await?;
        match known.iter().find(|known| known.name == domain) {
            Some(known) => Ok(place(&known.uuid)),
            None => Err(Obstacle::NoDomain),
        }
    }

    /// Runs one of virsh's commands on the domain; `rest` are its other words.
    pub(super) async fn run(&self, command: &str, rest: &str) -> Result<Said, Failure> {
        pool::run(&self.uri, &format!("{command} {} {rest}", self.option)).await
    }

    /// What keeps a command from this domain, if anything does for longer than the command.
    pub(super) async fn obstacle(&self, met: Meaning) -> Option<Obstacle> {
        match met {
            Meaning::NoDomain => Some(Obstacle::NoDomain),
            Meaning::NoAgent => Some(Obstacle::NoAgent),
            Meaning::Lost => Some(Obstacle::NoDaemon("the connection was lost".to_owned())),
            Meaning::Other(words) => Some(Obstacle::Other(words)),
            Meaning::Silent | Meaning::Refused(_) => None,
            // It says so of a paused domain too.
            Meaning::NotRunning => match self.run("domstate", "").await {
                Ok(said) if said.output.trim_ascii() == b"shut off" => Some(Obstacle::ShutOff),
                Ok(said) if words::meaning(&said.errors) == Meaning::NoDomain => {
                    Some(Obstacle::NoDomain)
                }
                Ok(_) => None,
                Err(failure) => Some(failure.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_names_that_hold_spaces_and_domains_that_are_off() {
        let uuid = "1933a0e4-b4b8-4ea5-ae14-9a1b705c33ed";
        let domain = |name: &str, run| Domain {
            name: name.into(),
            uuid: uuid.into(),
            run,
        };
        assert_eq!(
            read(&format!("{uuid} 12 web 01")),
            Some(domain("web 01", Some(12)))
        );
        assert_eq!(
            read(&format!("{uuid} - it's -1")),
            Some(domain("it's -1", None))
        );
        assert_eq!(read("error: what"), None);
        assert_eq!(read(""), None);
    }
}
