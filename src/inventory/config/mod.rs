//! The configuration: VMs by name (`[vm.NAME]`) and where others are looked for (`[[discover]]`), from up to three files,
//! of which the nearer one counts key by key. Each value keeps its place, for errors and for `qmpsh config`.
//!
//! Reading it is all or nothing: one mistake in one file, and there is no configuration.

mod discover;
mod error;
mod files;
mod layers;
mod read;
mod reader;
mod source;
mod writers;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use discover::Discover;
pub use error::ConfigError;
pub use files::{Looked, Others, Places, State, others, user_folder};
pub use read::{shown_key, shown_text};
pub use source::{Said, Source};

use super::found::Found;
use super::merge::CONFIG;
use super::scan::Provider;
use crate::client::Address;

/// What is in force.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The files that were looked for, the nearest first.
    pub files: Vec<Looked>,
    /// The VMs by name.
    pub vms: BTreeMap<String, Entry>,
    /// Where other VMs are looked for.
    pub discover: Vec<Discovery>,
}

/// What the configuration says of one VM.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Where its monitor is.
    pub qmp: Option<Said<Address>>,
    /// Where its agent is.
    pub agent: Option<Said<Address>>,
    /// Its UUID.
    pub uuid: Option<Said<String>>,
    /// Its labels.
    pub labels: Option<Said<Vec<String>>>,
    /// Where it is named first.
    pub named: Option<Said<()>>,
}

/// One place where VMs are looked for.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// What is searched.
    pub discover: Discover,
    /// Where that was said; none for what is searched unless something else was said.
    pub said: Option<Said<()>>,
}

impl Config {
    /// Reads the files at `places`. Fails with the first mistake.
    pub fn load(places: &Places) -> Result<Self, ConfigError> {
        let (files, layers) = places.read()?;
        let mut config = layers::laid(layers)?;
        config.files = files;
        Ok(config)
    }

    /// The VMs that it names, as a provider would tell them.
    pub fn found(&self) -> Vec<Found> {
        let entries = self.vms.iter();
        entries.map(|(name, entry)| entry.found(name)).collect()
    }

    /// Those who look where it says.
    pub fn providers(&self) -> Vec<Arc<dyn Provider>> {
        self.discover
            .iter()
            .filter_map(|discovery| discovery.discover.provider(discovery.said.is_none()))
            .collect()
    }
}

impl Entry {
    fn found(&self, name: &str) -> Found {
        let said = |address: &Option<Said<Address>>| Some(address.as_ref()?.value.clone());
        Found {
            name: Some(name.to_owned()),
            qmp: said(&self.qmp),
            agent: said(&self.agent),
            has_chosen_agent: self.agent.is_some(),
            uuid: self.uuid.as_ref().map(|uuid| uuid.value.clone()),
            labels: self
                .labels
                .as_ref()
                .map_or(Vec::new(), |labels| labels.value.clone()),
            ..Found::new(CONFIG)
        }
    }
}
