//! Several files laid over each other, the nearer one on top.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::discover::Discover;
use super::error::ConfigError;
use super::read::{Layer, shown_key};
use super::source::Said;
use super::{Config, Discovery, Entry};

/// What holds when all files are laid over each other, the first of them on top. Fails where two VMs are one.
pub(super) fn laid(layers: Vec<Layer>) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let mut discover = None;
    for layer in layers {
        for (name, below) in layer.vms {
            config.vms.entry(name).or_default().lay_over(below);
        }
        if discover.is_none() {
            discover = layer.discover;
        }
    }
    config.discover = discover.unwrap_or_else(|| {
        let usual = Discover::usual().into_iter();
        usual
            .map(|discover| Discovery {
                discover,
                said: None,
            })
            .collect()
    });
    no_two_with_one("uuid", &config.vms, |entry| entry.uuid.clone())?;
    no_two_with_one("qmp", &config.vms, |entry| entry.qmp.clone())?;
    Ok(config)
}

impl Entry {
    /// Takes from a farther file what the nearer ones do not say.
    fn lay_over(&mut self, below: Self) {
        self.qmp = self.qmp.take().or(below.qmp);
        self.agent = self.agent.take().or(below.agent);
        self.uuid = self.uuid.take().or(below.uuid);
        self.labels = self.labels.take().or(below.labels);
        self.named = self.named.take().or(below.named);
    }
}

fn no_two_with_one<T: Ord + Clone>(
    key: &str,
    vms: &BTreeMap<String, Entry>,
    value: impl Fn(&Entry) -> Option<Said<T>>,
) -> Result<(), ConfigError> {
    let mut taken: BTreeMap<T, &str> = BTreeMap::new();
    for (name, entry) in vms {
        let Some(said) = value(entry) else {
            continue;
        };
        if let Some(other) = taken.insert(said.value.clone(), name) {
            let what = format!(
                "is wrong: `vm.{}` has the `{key}` of `vm.{}`, and two VMs never share one",
                shown_key(name),
                shown_key(other)
            );
            return Err(ConfigError {
                path: said.path().to_owned(),
                what,
                hint: Some("a VM of two names is one entry with a label".to_owned()),
                place: Some((Arc::clone(&said.source), said.span)),
            });
        }
    }
    Ok(())
}
