//! One configuration file, from text to values: every key known, every value of its type and possible.

use std::borrow::Cow;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::discover::Discover;
use super::error::ConfigError;
use super::reader::{Given, Reader, a, in_order};
use super::source::{Said, Source};
use super::{Discovery, Entry};
use crate::client::Address;
use crate::inventory::names;
use crate::nearest::did_you_mean;
use crate::vm::Target;
use crate::vm::target::InvalidTarget;
use crate::wire::escape::is_unsafe;

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) vms: Vec<(String, Entry)>,
    /// None where the file has no `discover`; an empty list says that nothing is to be searched.
    pub(super) discover: Option<Vec<Discovery>>,
}

/// Reads a file's text. Fails with the first mistake.
pub(super) fn read(source: &Arc<Source>) -> Result<Layer, ConfigError> {
    let reader = Reader { source };
    let table = DeTable::parse(&source.text).map_err(|wrong| {
        let end = source.text.len();
        reader.wrong(wrong.span().unwrap_or(end..end), wrong.message())
    })?;
    let mut layer = Layer::default();
    for (key, value) in in_order(table.get_ref()) {
        match key.get_ref().as_ref() {
            "vm" => {
                let names = reader.table(value, "`vm`", "`[vm.NAME]`")?;
                for (name, value) in in_order(names) {
                    let entry = reader.entry(name, value)?;
                    layer.vms.push((name.get_ref().to_string(), entry));
                }
            }
            "discover" => layer.discover = Some(reader.discoveries(value)?),
            _ => return Err(reader.unknown(key, "the configuration", &["vm", "discover"])),
        }
    }
    Ok(layer)
}

impl Reader<'_> {
    fn entry(
        &self,
        name: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigError> {
        const KEYS: [&str; 4] = ["qmp", "agent", "uuid", "labels"];
        let text = name.get_ref().as_ref();
        if text.contains(is_unsafe) {
            return Err(self.wrong(name.span(), "a VM's name holds a control character"));
        }
        // Where a VM is named, this text must be able to mean a name.
        match text.parse::<Target>() {
            Err(InvalidTarget::Unknown(name)) if name == text => {}
            Err(InvalidTarget::Empty | InvalidTarget::TooLong(_)) => {
                return Err(self.wrong(name.span(), "a VM's name is empty or too long"));
            }
            _ => {
                let what = format!("`{text}` is an address, and no name for a VM");
                return Err(self.wrong(name.span(), what));
            }
        }
        let place = format!("`[vm.{}]`", shown_key(text));
        let mut entry = Entry {
            named: Some(self.said((), name.span())),
            ..Entry::default()
        };
        for (key, value) in in_order(self.table(value, &place, "`[vm.NAME]`")?) {
            match key.get_ref().as_ref() {
                "qmp" => entry.qmp = Some(self.address("qmp", value)?),
                "agent" => entry.agent = Some(self.address("agent", value)?),
                "uuid" => entry.uuid = Some(self.uuid(value)?),
                "labels" => entry.labels = Some(self.labels(value)?),
                _ => return Err(self.unknown(key, &place, &KEYS)),
            }
        }
        Ok(entry)
    }

    fn uuid(&self, value: &Spanned<DeValue<'_>>) -> Result<Said<String>, ConfigError> {
        let said = self.text("uuid", value)?;
        let uuid = names::uuid(&said.value).ok_or_else(|| {
            let what = format!("`{}` is no UUID of a VM", said.value);
            ConfigError {
                hint: Some("`v.uuid` and `qmpsh ls` tell it; one of zeros only is none".to_owned()),
                ..self.wrong(value.span(), what)
            }
        })?;
        Ok(self.said(uuid, value.span()))
    }

    fn labels(&self, value: &Spanned<DeValue<'_>>) -> Result<Said<Vec<String>>, ConfigError> {
        let items = value.get_ref().as_array().ok_or_else(|| {
            let kind = a(value.get_ref().type_str());
            self.wrong(
                value.span(),
                format!("`labels` is a list of texts, and not {kind}"),
            )
        })?;
        let labels: Result<Vec<String>, _> = items
            .iter()
            .map(|item| Ok(self.text_of("a label", item)?.value))
            .collect();
        Ok(self.said(labels?, value.span()))
    }

    fn address(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Said<Address>, ConfigError> {
        let said = self.text(key, value)?;
        let text = match said.value.strip_prefix("~/") {
            Some(_) => self.path(&said)?.to_string_lossy().into_owned(),
            None => said.value.clone(),
        };
        let address = text.parse::<Address>().map_err(|invalid| {
            self.wrong(value.span(), format!("`{key}` cannot be used: {invalid}"))
        })?;
        let address = match address {
            // Without the `.` in `./web01.qmp`.
            Address::Unix(path) => {
                let path = self.source.folder.join(path);
                Address::Unix(path.components().collect())
            }
            other => other,
        };
        Ok(self.said(address, value.span()))
    }

    fn discoveries(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Discovery>, ConfigError> {
        let items = value.get_ref().as_array().ok_or_else(|| {
            let kind = a(value.get_ref().type_str());
            self.wrong(
                value.span(),
                format!(
                    "`discover` is a list of tables, each begun by `[[discover]]`, and not {kind}"
                ),
            )
        })?;
        items
            .iter()
            .map(|item| {
                let discover = self.discover(item)?;
                Ok(Discovery {
                    discover,
                    said: Some(self.said((), item.span())),
                })
            })
            .collect()
    }

    fn discover(&self, value: &Spanned<DeValue<'_>>) -> Result<Discover, ConfigError> {
        let members = in_order(self.table(value, "`discover`", "`[[discover]]`")?);
        let kind = members.iter().find(|(key, _)| key.get_ref() == "type");
        let Some((_, kind)) = kind else {
            let what = format!(
                "a `[[discover]]` needs a `type`: {}",
                Discover::TYPES.join(", ")
            );
            return Err(self.wrong(value.span(), what));
        };
        let said = self.text("type", kind)?;
        let Some(keys) = Discover::keys(&said.value) else {
            let hint = did_you_mean(&said.value, Discover::TYPES)
                .unwrap_or_else(|| format!("the types are {}", Discover::TYPES.join(", ")));
            return Err(ConfigError {
                hint: Some(hint),
                ..self.wrong(
                    kind.span(),
                    format!("`{}` is no type of `[[discover]]`", said.value),
                )
            });
        };
        let place = format!("a `[[discover]]` of type `{}`", said.value);
        let mut known = vec!["type"];
        known.extend(keys);
        if let Some((key, _)) = members
            .iter()
            .find(|(key, _)| !known.contains(&key.get_ref().as_ref()))
        {
            return Err(self.unknown(key, &place, &known));
        }
        let given = Given {
            reader: self,
            members: &members,
            whole: value.span(),
        };
        Discover::read(&said.value, &given)
    }
}

/// A key as TOML writes it.
pub fn shown_key(name: &str) -> String {
    let is_bare = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '-');
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        shown_text(name)
    }
}

/// A text as TOML writes it.
pub fn shown_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}
