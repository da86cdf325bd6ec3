//! The VMs that a run names. What a name means is found on the host, so recordings hold it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Current;
use crate::inventory;
use crate::report::{Exit, Kind, Report};
use crate::script::error::Ended;
use crate::vm::target::InvalidTarget;
use crate::vm::{Target, Vm};

impl Current {
    /// The VM that `target` means; what is no address is looked for.
    pub fn vm(&self, target: &str) -> Result<Vm, Ended> {
        let inventory = &self.run.inventory;
        let find = || self.ask(format_args!("{target} to be found"), inventory.vm(target));
        if !matches!(target.parse::<Target>(), Err(InvalidTarget::Unknown(_))) {
            return find();
        }
        let recording = &inventory.fleet().settings().recording;
        let of = format!("VM {target}");
        let recalled = recording.recall::<LookedUp>(&of);
        let recalled = recalled.map_err(|difference| Ended::Failed(Report::from(&difference)))?;
        match recalled {
            Some(LookedUp::Found(target)) => return Ok(inventory.fleet().vm(target)),
            Some(LookedUp::Failed { failed }) => {
                return Err(Report::from_value(&failed)
                    .unwrap_or_else(unreadable)
                    .into());
            }
            None => {}
        }
        let found = find();
        match &found {
            Ok(vm) => recording.note_hidden(&of, &LookedUp::Found(vm.target().clone())),
            Err(Ended::Failed(report)) => {
                let failed = report.to_value();
                recording.note(&of, &LookedUp::Failed { failed });
            }
            // The run ends, and so does its replay.
            Err(Ended::Stopped(_)) => {}
        }
        found
    }

    /// The VMs that a word means: one, or all that a pattern fits.
    pub fn vms(&self, word: &str) -> Result<Vec<Vm>, Ended> {
        // An address may hold what would be a pattern elsewhere.
        if word.contains(['/', '=', ':']) || !inventory::is_pattern(word) {
            return Ok(vec![self.vm(word)?]);
        }
        let called = inventory::Filter::called(word).map_err(Report::usage)?;
        let inventory = &self.run.inventory;
        let scan = async { Ok::<_, Report>(inventory.scan().await) };
        let scan = self.ask(format_args!("VMs to be found that are called {word}"), scan)?;
        let found = scan.found.iter().filter(|vm| called.admits(vm));
        let vms: Vec<Vm> = found.filter_map(|vm| inventory.reach(vm)).collect();
        if vms.is_empty() {
            let message = format!("no VM that can be reached is called `{word}`");
            let report = Report::usage(message).with_exit(Exit::Unreachable);
            return Err(report.with_hint("`qmpsh ls` lists the VMs").into());
        }
        Ok(vms)
    }
}

/// What came of looking for a VM by its name, as recordings hold it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LookedUp {
    Failed { failed: Value },
    Found(Target),
}

fn unreadable() -> Report {
    Report::new(
        Kind::Replay,
        "the recording tells an error of no known kind",
    )
    .with_exit(Exit::Usage)
}
