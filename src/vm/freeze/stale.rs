//! What a run left that died together with its guardian: in a crash of the host, or when a service manager killed all.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::record::{self, Frozen, Record};
use super::thaw::{self, Failure};
use crate::client::{Address, Agent, Call};
use crate::vm::settings::Settings;

/// How long one guest's thaw is tried.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long a guest is waited for that is only looked at.
const LOOK: Duration = Duration::from_secs(5);

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

/// The freezes that nobody guards any more, oldest file name first. A record that cannot be read is passed over.
pub fn find(settings: &Settings) -> io::Result<Vec<Stale>> {
    let mut found = Vec::new();
    for path in record::paths(&settings.frozen_dir())? {
        // Held by a living run, gone since the listing, or not ours: no business of this one.
        if let Ok((record, frozen)) = Record::take_over(&path) {
            found.push(Stale { record, frozen });
        }
    }
    Ok(found)
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

    /// Removes the record if the guest is thawed, without thawing it.
    pub async fn forget_if_thawed(&self) {
        let status = async {
            let address = self.frozen.agent.parse::<Address>().ok()?;
            let call = Call::new("guest-fsfreeze-status", serde_json::Map::new());
            Agent::new(address, None).call(call.within(LOOK)).await.ok()
        };
        if !self.forget_if_over() && status.await.is_some_and(|status| status == "thawed") {
            self.record.remove();
        }
    }

    /// Thaws the guest, makes sure of it, and removes the record.
    pub async fn thaw(&self, settings: &Settings) -> Outcome {
        if self.forget_if_over() {
            return Outcome::VmGone;
        }
        let Ok(address) = self.frozen.agent.parse::<Address>() else {
            return Outcome::Failed(format!(
                "the record names no socket: `{}`",
                self.frozen.agent
            ));
        };
        let agent = Agent::new(address, settings.tap.clone());
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
