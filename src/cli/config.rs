//! `qmpsh config`: what the configuration says, and which file says it.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use serde_json::{Map, Value, json};

use super::options::Options;
use super::{begin, finish};
use crate::inventory::Config as Configuration;
use crate::inventory::config::{Discovery, Entry, Looked, Said, State, shown_key, shown_text};
use crate::report::{Exit, Report};
use crate::script::result;
use crate::wire::escape::escaped;

/// Show the configuration that is in force, and where each part of it is said
///
/// It is read from ./qmpsh.toml, the user's config.toml ($`XDG_CONFIG_HOME/qmpsh`, or ~/.config/qmpsh) and
/// /etc/qmpsh/config.toml, of which the nearer one counts: for a VM key by key, for `[[discover]]` as a whole. With `--config`
/// that file alone is read. What is printed is a configuration file again.
#[derive(Debug, Args)]
pub(super) struct Config {}

impl Config {
    pub(super) fn execute(options: &Options) -> Exit {
        let config = match begin::configuration(options) {
            Ok(config) => config,
            Err(exit) => return exit,
        };
        for report in config.files.iter().filter_map(Report::passed_over) {
            finish::warn(&report, options);
        }
        let text = if options.json {
            result::json(&document(&config), false)
        } else {
            toml(&config)
        };
        finish::print(text.trim_end(), options)
    }
}

/// The configuration as TOML, with comments that say where it comes from.
fn toml(config: &Configuration) -> String {
    let mut text = String::new();
    for file in &config.files {
        let _ = writeln!(text, "# {}: {}", path(&file.path), state(file));
    }
    for (name, entry) in &config.vms {
        let _ = writeln!(text, "\n[vm.{}]", shown_key(name));
        for (key, value, place) in settings(entry) {
            let value = match &value {
                Value::Array(texts) => {
                    let texts: Vec<String> = texts.iter().map(quoted).collect();
                    format!("[{}]", texts.join(", "))
                }
                text => quoted(text),
            };
            let _ = writeln!(text, "{key} = {value} # {place}");
        }
    }
    if config.discover.is_empty() {
        let _ = writeln!(text, "\ndiscover = []");
    }
    for discovery in &config.discover {
        let discover = &discovery.discover;
        let _ = writeln!(text, "\n[[discover]] # {}", source(discovery));
        let _ = writeln!(text, "type = {}", shown_text(discover.kind()));
        for (key, value) in discover.settings() {
            let _ = writeln!(text, "{key} = {}", shown_text(&value));
        }
    }
    text
}

/// The configuration as JSON.
fn document(config: &Configuration) -> Value {
    let files = config.files.iter().map(|file| {
        let path = file.path.to_string_lossy();
        json!({ "path": path, "state": state(file) })
    });
    let vms = config.vms.iter().map(|(name, entry)| {
        let settings = settings(entry).into_iter();
        let settings: Map<String, Value> = settings
            .map(|(key, value, from)| (key.to_owned(), json!({ "value": value, "from": from })))
            .collect();
        (name.clone(), settings.into())
    });
    let discover = config.discover.iter().map(|discovery| {
        let kind = ("type".to_owned(), json!(discovery.discover.kind()));
        let settings = discovery.discover.settings().into_iter();
        let settings = settings.map(|(key, value)| (key.to_owned(), json!(value)));
        let from = ("from".to_owned(), json!(source(discovery)));
        [kind].into_iter().chain(settings).chain([from]).collect()
    });
    json!({
        "files": files.collect::<Vec<_>>(),
        "vm": vms.collect::<Map<String, Value>>(),
        "discover": discover.collect::<Vec<Map<String, Value>>>(),
    })
}

/// What is said of a VM: keys, values and places.
fn settings(entry: &Entry) -> Vec<(&'static str, Value, String)> {
    let address = |key, said: &Option<Said<_>>| {
        let said = said.as_ref()?;
        Some((key, json!(ToString::to_string(&said.value)), place(said)))
    };
    let uuid = entry.uuid.as_ref();
    let labels = entry.labels.as_ref();
    [
        address("qmp", &entry.qmp),
        address("agent", &entry.agent),
        uuid.map(|said| ("uuid", json!(said.value), place(said))),
        labels.map(|said| ("labels", json!(said.value), place(said))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn source(discovery: &Discovery) -> String {
    match &discovery.said {
        Some(said) => place(said),
        None => "by default".to_owned(),
    }
}

fn place<T>(said: &Said<T>) -> String {
    format!("{}:{}", path(said.path()), said.line())
}

fn path(path: &Path) -> String {
    escaped(&path.to_string_lossy()).into_owned()
}

fn state(file: &Looked) -> String {
    match &file.state {
        State::Read => "read".to_owned(),
        State::Missing => "not there".to_owned(),
        State::Foreign { owner } => format!("passed over, it belongs to uid {owner}"),
    }
}

fn quoted(text: &Value) -> String {
    shown_text(text.as_str().unwrap_or_default())
}
