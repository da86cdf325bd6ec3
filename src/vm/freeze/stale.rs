//! What a run left that died together with its guardian: in a crash of the host, or when a service manager killed all.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::record::{self, Frozen, Record};
use super::thaw::{self, Failure};
use crate::client::{Address, Agent};
use crate::vm::settings::Settings;

/// How long one guest's thaw is tried.
const PATIENCE: Duration = Duration::from_secs(180);

/// The record of a freeze that nobody guards any more.
#[derive(Debug)]
pub struct Stale {
    record: Record,
    frozen: Frozen,
}

/// What became of such a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The guest was thawed; its file systems that were still frozen, where that could be told.
    Thawed(Option<i64>),
    /// The VM has ended or was started anew since, so it is not our freeze's any more.
    VmGone,
    /// It could not be thawed; the record stays.
    Failed(String),
}

/// The freezes that nobody guards any more, oldest first. A record that cannot be read is passed over.
pub fn find(settings: &Settings) -> io::Result<Vec<Stale>> {
    let mut found = Vec::new();
    for path in record::paths(&settings.frozen_dir())? {
        // Held by a living run, gone since the listing, or not ours: no business of this one.
        if let Ok((record, frozen)) = Record::take_over(&path) {
            found.push(Stale { record, frozen });
        }
    }
    found.sort_by_key(|stale| stale.frozen.since);
    Ok(found)
}

/// Removes the records of dead runs about the guest of this agent, which was seen thawed.
pub fn forget(settings: &Settings, agent: &Address) {
    // What cannot be read here is told, and done, by the next start.
    let (Ok(found), Ok(agent)) = (find(settings), agent.absolute()) else {
        return;
    };
    for stale in found.iter().filter(|stale| stale.frozen.agent == agent) {
        stale.record.remove();
    }
}

impl Stale {
    /// What the record tells.
    pub fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    /// Where the record is.
    pub fn path(&self) -> &Path {
        self.record.path()
    }

    /// Removes the record if there is nothing left to thaw: the VM has ended. Tells whether that is so.
    pub fn forget_if_over(&self) -> bool {
        let over = self.frozen.is_over();
        if over {
            self.record.remove();
        }
        over
    }

    /// Thaws the guest, makes sure of it, and removes the record.
    pub async fn thaw(&self, settings: &Settings) -> Outcome {
        if self.forget_if_over() {
            return Outcome::VmGone;
        }
        let agent = Agent::new(self.frozen.agent.clone(), settings.tap.clone());
        let patience = settings.timeout.unwrap_or(PATIENCE);
        match thaw::surely(&agent, self.frozen.server, patience, None).await {
            Ok(thawed) => {
                self.record.remove();
                Outcome::Thawed(thawed.count)
            }
            Err(Failure::Gone(_)) => {
                self.record.remove();
                Outcome::VmGone
            }
            Err(Failure::Patience(error)) => Outcome::Failed(error.to_string()),
        }
    }
}
