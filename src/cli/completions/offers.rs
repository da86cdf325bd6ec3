//! What is offered while a line is typed. Each offer is made in a moment or not at all.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Args, Command, FromArgMatches};
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::cli::finish;
use crate::cli::options::Options;
use crate::client::Address;
use crate::client::holder;
use crate::inventory::config::Places;
use crate::inventory::{Config, Found, Inventory};
use crate::script::header::Header;
use crate::script::{ready_made, source};
use crate::vm::Fleet;

/// How long somebody who pressed the key is kept waiting.
const PATIENCE: Duration = Duration::from_millis(300);

/// VMs by what they are called, or by the path of a monitor.
pub(super) fn vms(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    if typed.starts_with(['/', '.', '~']) {
        return PathCompleter::any().complete(current);
    }
    let scan = within(|inventory| async move { inventory.scan().await });
    let found = scan.map(|scan| scan.found).unwrap_or_default();
    found
        .iter()
        .filter_map(|found| Some((name_of(found)?, found.provider)))
        .filter(|(name, _)| name.starts_with(&*typed) && is_word(name))
        .map(|(name, provider)| CompletionCandidate::new(name).help(Some(provider.into())))
        .collect()
}

fn name_of(found: &Found) -> Option<&str> {
    let names = [&found.name, &found.id, &found.uuid];
    names.into_iter().find_map(|name| name.as_deref())
}

/// The QMP commands of a VM, unless its monitor serves somebody else.
pub(super) fn qmp(vm: &str) -> Vec<CompletionCandidate> {
    let vm = vm.to_owned();
    let commands = within(|inventory| async move {
        let vm = inventory.vm(&vm).await.ok()?;
        let is_free = match vm.monitor_address().ok()? {
            Address::Unix(path) => holder::is_free(path),
            Address::Tcp { .. } | Address::Libvirt { .. } => true,
        };
        if !is_free {
            return None;
        }
        vm.commands().await.ok()
    });
    let commands = commands.flatten().unwrap_or_default();
    words(commands.iter())
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
    ready_made::names()
        .map(|name| {
            let header = ready_made::find(name).and_then(|text| Header::read(text).ok());
            let help = header.map(|header| StyledStr::from(header.summary));
            CompletionCandidate::new(name).help(help)
        })
        .collect()
}

/// The text of a script that a line names.
pub(super) fn script(word: &str) -> Option<String> {
    if let Some(text) = ready_made::find(word) {
        return Some(text.to_owned());
    }
    // Only a file: a pipe would keep whoever types waiting.
    let path = Path::new(word);
    let bytes = path
        .is_file()
        .then(|| File::open(path).and_then(source::read).ok())??;
    String::from_utf8(bytes).ok()
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

/// Asks the inventory something that takes a moment.
fn within<T, F: Future<Output = T>>(ask: impl FnOnce(Inventory) -> F) -> Option<T> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async {
        // What is wrong with the configuration is told by the command itself, not while it is typed.
        let config = Config::load(&Places::usual()).ok()?;
        let fleet = Fleet::new(finish::vm_settings(&options()?));
        let inventory = Inventory::configured(fleet, &config);
        timeout(PATIENCE, ask(inventory)).await.ok()
    });
    // A provider that hangs is left to itself.
    runtime.shutdown_background();
    answer
}

/// The options of a line that has none: a word that is being typed records nothing and shows no messages.
fn options() -> Option<Options> {
    let command = Options::augment_args(Command::new("qmpsh"));
    let matches = command.try_get_matches_from(["qmpsh"]).ok()?;
    let mut options = Options::from_arg_matches(&matches).ok()?;
    options.timeout = Some(PATIENCE);
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::is_word;

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
