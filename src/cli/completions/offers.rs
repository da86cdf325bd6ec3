//! What is offered while a line is typed. Each offer is made in a moment or not at all.

use std::env;
use std::ffi::OsStr;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::StyledStr;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::client::{Address, holder};
use crate::inventory::config::Places;
use crate::inventory::{Config, Found, Inventory};
use crate::script::ready_made;
use crate::vm::agent::AgentCommands;
use crate::vm::schema::{self, Builtin, Schema, Type, find_name};
use crate::vm::{self, Fleet};

/// How long those who look for VMs may take.
const LOOK: Duration = Duration::from_millis(300);
/// How long all may take that somebody waits for who pressed the key: a VM that is free to answer does so in some
/// milliseconds, unless the host is busy.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What is asked of this host, by the configuration that the line names.
#[derive(Clone, Default)]
pub(super) struct Host {
    pub(super) config: Option<PathBuf>,
}

impl Host {
    /// VMs by what they are called, or by the path of a monitor.
    pub(super) fn vms(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let typed = current.to_string_lossy();
        if typed.starts_with(['/', '.', '~']) {
            return PathCompleter::any().complete(current);
        }
        let scan = self.ask(|inventory| async move { inventory.scan_within(LOOK).await });
        let mut found = scan.map(|scan| scan.found).unwrap_or_default();
        found.retain(Found::is_reachable);
        offered(&found)
            .into_iter()
            .filter(|(word, _)| word.starts_with(&*typed) && is_word(word))
            .map(|(word, help)| CompletionCandidate::new(word).help(Some(help.into())))
            .collect()
    }

    /// The QMP commands of a VM.
    pub(super) fn commands(&self, vm: &str) -> Vec<CompletionCandidate> {
        let schema = self.schema(vm);
        let commands = schema.iter().flat_map(|schema| schema.commands());
        words(commands.map(|command| &command.name))
    }

    /// The arguments of a VM's QMP command that the line does not have yet, and the values of those with few.
    pub(super) fn arguments(
        &self,
        vm: &str,
        command: &str,
        typed: &[String],
    ) -> Vec<CompletionCandidate> {
        let schema = self.schema(vm);
        schema.map_or_else(Vec::new, |schema| arguments(&schema, command, typed))
    }

    /// The events of a VM.
    pub(super) fn events(&self, vm: &str) -> Vec<CompletionCandidate> {
        let schema = self.schema(vm);
        let events = schema.iter().flat_map(|schema| schema.events());
        words(events.map(|event| &event.name))
    }

    /// What a VM takes; what the last that was asked took where its monitor serves somebody else or does not answer.
    fn schema(&self, vm: &str) -> Option<Arc<Schema>> {
        let vm = vm.to_owned();
        let schema = self.ask(|inventory| async move {
            let vm = inventory.vm(&vm).await.ok()?;
            let is_free = match vm.monitor_address().ok()? {
                Address::Unix(path) => holder::is_free(path),
                Address::Tcp { .. } | Address::Libvirt { .. } => true,
            };
            if !is_free {
                return None;
            }
            vm.schema().await.ok()?
        });
        let last = || schema::last_kept(&settings()).map(Arc::new);
        schema.flatten().or_else(last)
    }

    /// Asks something that takes a moment; none where it takes longer, or the configuration cannot be read.
    fn ask<T, F: Future<Output = T>>(&self, ask: impl FnOnce(Inventory) -> F) -> Option<T> {
        let places = match &self.config {
            Some(file) => Places::Only(file.clone()),
            None => Places::usual(),
        };
        let config = Config::load(&places).ok()?;
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let answer = runtime.block_on(async {
            let inventory = Inventory::configured(Fleet::new(settings()), &config);
            timeout(PATIENCE, ask(inventory)).await.ok()
        });
        // A provider that hangs is left to itself.
        runtime.shutdown_background();
        answer
    }
}

/// What VMs can be named by, each with what tells it apart: its name, or where others have that name too, its UUID, or
/// else its monitor.
fn offered(vms: &[Found]) -> Vec<(String, String)> {
    let names: Vec<String> = vms.iter().map(Found::label).collect();
    let is_shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let offer = |(vm, name): (&Found, &String)| {
        if !is_shared(name) {
            return Some((name.clone(), vm.provider.to_owned()));
        }
        let address = || vm.qmp.as_ref().map(ToString::to_string);
        let word = vm.uuid.clone().or_else(address)?;
        Some((word, format!("one of those called {name}")))
    };
    vms.iter().zip(&names).filter_map(offer).collect()
}

fn settings() -> vm::Settings {
    let mut settings = vm::Settings::new(vm::settings::default_state_dir());
    settings.timeout = Some(PATIENCE);
    settings
}

/// The commands of all agents: to ask one would be to change what it serves. They are written with `guest-` or without.
pub(super) fn agent_commands(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let known = AgentCommands::known();
    let commands = known.schema.commands().map(|command| &command.name);
    let (full, short): (Vec<_>, Vec<_>) = commands
        .map(|name| (name.clone(), name.trim_start_matches("guest-").to_owned()))
        .unzip();
    let fitting = |names: &[String]| {
        let names = names.iter().filter(|name| name.starts_with(&*typed));
        words(names)
    };
    match fitting(&full) {
        none if none.is_empty() => fitting(&short),
        full => full,
    }
}

/// The arguments of an agent's command that the line does not have yet.
pub(super) fn agent_arguments(command: &str, typed: &[String]) -> Vec<CompletionCandidate> {
    let known = AgentCommands::known();
    let command = known.find(command).unwrap_or(command);
    arguments(&known.schema, command, typed)
}

/// `KEY=` for each argument of a command that is not in `typed`, and `KEY=VALUE` where the values are few.
fn arguments(schema: &Schema, command: &str, typed: &[String]) -> Vec<CompletionCandidate> {
    let names = schema.commands().map(|command| command.name.as_str());
    let names: Vec<&str> = names.collect();
    let command = find_name(command, names.iter().copied()).and_then(|name| schema.command(name));
    let Some(object) = command.and_then(|command| schema.object(command.arguments)) else {
        return Vec::new();
    };
    let given = |key: &str| {
        let mut pairs = typed.iter().filter_map(|word| word.split_once('='));
        pairs
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_owned())
    };
    let members = schema.members(object, given).known;
    let missing = members
        .into_iter()
        .filter(|member| given(&member.name).is_none());
    let offered: Vec<String> = missing
        .flat_map(|member| {
            let key = &member.name;
            match schema.kind(member.kind) {
                Type::Enum(values) => values
                    .iter()
                    .map(|value| format!("{key}={}", value.name))
                    .collect(),
                Type::Builtin(Builtin::Boolean) => {
                    vec![format!("{key}=true"), format!("{key}=false")]
                }
                _ => vec![format!("{key}=")],
            }
        })
        .collect();
    words(&offered)
}

/// The ready-made scripts, with what they do; and files.
pub(super) fn scripts(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let mut offers = ready_made();
    offers.retain(|offer| offer.get_value().to_string_lossy().starts_with(&*typed));
    let is_script = |path: &Path| path.extension().is_some_and(|ending| ending == "rhai");
    offers.extend(PathCompleter::any().filter(is_script).complete(current));
    offers
}

/// The ready-made scripts, with what they do.
pub(super) fn ready_made() -> Vec<CompletionCandidate> {
    ready_made::summaries()
        .map(|(name, summary)| CompletionCandidate::new(name).help(Some(StyledStr::from(summary))))
        .collect()
}

/// The variables of the environment.
pub(super) fn variables() -> Vec<CompletionCandidate> {
    let names: Vec<String> = env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    words(&names)
}

/// Words as they are.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a String>) -> Vec<CompletionCandidate> {
    words
        .into_iter()
        .filter(|word| is_word(word))
        .map(CompletionCandidate::new)
        .collect()
}

/// Whether a shell takes this for a plain word: what a VM is called must do nothing in the line of whoever completes it.
fn is_word(text: &str) -> bool {
    let is_plain = |next: char| next.is_alphanumeric() || "-_.+@%/:=,".contains(next);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use crate::inventory::Found;

    use super::{agent_commands, is_word, offered};

    #[test]
    fn twins_are_offered_by_what_tells_them_apart() {
        let vm = |name: &str, uuid: Option<&str>| Found {
            name: Some(name.to_owned()),
            uuid: uuid.map(str::to_owned),
            qmp: Some("/run/a.qmp".parse().unwrap()),
            ..Found::new("process")
        };
        let vms = [
            vm("web", Some("5a0e")),
            vm("db", Some("6a")),
            vm("web", None),
        ];
        let words: Vec<String> = offered(&vms).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["5a0e", "db", "/run/a.qmp"]);
    }

    #[test]
    fn commands_of_agents_are_offered_as_they_are_written() {
        let offered = |typed: &str| -> Vec<String> {
            let offers = agent_commands(typed.as_ref()).into_iter();
            offers
                .map(|offer| offer.get_value().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(
            offered("fsf"),
            [
                "fsfreeze-freeze",
                "fsfreeze-freeze-list",
                "fsfreeze-status",
                "fsfreeze-thaw"
            ]
        );
        assert_eq!(offered("guest-pi"), ["guest-ping"]);
        assert!(offered("").iter().all(|name| name.starts_with("guest-")));
        assert!(offered("nosuch").is_empty());
    }

    #[test]
    fn only_what_does_nothing_in_a_shell_is_offered() {
        for word in ["web01", "tcp:127.0.0.1:4444", "größe", "qmp=/a,agent=/b"] {
            assert!(is_word(word), "{word}");
        }
        for word in [
            "",
            "-rf",
            "a b",
            "$(reboot)",
            "a;b",
            "`x`",
            "a\n",
            "*",
            "a\u{1b}",
            "'",
            "~a",
        ] {
            assert!(!is_word(word), "{word:?}");
        }
    }
}
