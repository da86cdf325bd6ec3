//! What a run left that died together with its guardian: in a crash of the host, or when a service manager killed all.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::{self, Frozen, Record};
use super::thaw::{self, Failure};
use crate::client::{Address, Agent, Channel};
use crate::vm::mode::Would;
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
    /// Nothing was done, in a dry run.
    Left,
    /// It could not be thawed; the record stays.
    Failed(String),
}

/// The freezes that nobody guards any more, oldest first. A record that cannot be read is passed over.
pub fn find(settings: &Settings) -> io::Result<Vec<Stale>> {
    survey(settings).map(|survey| survey.stale)
}

/// All records of freezes, as far as this user can see them.
#[derive(Debug, Default)]
pub struct Survey {
    /// Those that nobody guards any more.
    pub stale: Vec<Stale>,
    /// How many are held, by living runs and their guardians.
    pub held: usize,
    /// Those that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Looks at all records of freezes.
pub fn survey(settings: &Settings) -> io::Result<Survey> {
    let mut survey = Survey::default();
    for path in record::paths(&settings.frozen_dir())? {
        match Record::take_over(&path) {
            Ok((record, frozen)) => survey.stale.push(Stale { record, frozen }),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => survey.held += 1,
                // Gone since the listing.
                io::ErrorKind::NotFound => {}
                _ => survey.unreadable.push((path, error.to_string())),
            },
        }
    }
    let found = &mut survey.stale;
    found.sort_by_key(|stale| stale.frozen.since);
    Ok(survey)
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

    /// Whether there is nothing left to thaw: the VM has ended.
    pub fn is_over(&self) -> bool {
        self.frozen.is_over()
    }

    /// Tells the thaw that a dry run does not send.
    pub fn would_thaw(&self, settings: &Settings) -> Outcome {
        if self.is_over() {
            return Outcome::VmGone;
        }
        settings.mode.tells(&Would::Send {
            vm: &self.frozen.vm,
            channel: Channel::Agent,
            message: r#"{"execute":"guest-fsfreeze-thaw"}"#,
        });
        Outcome::Left
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
        if self.frozen.is_over_in_libvirt().await {
            self.record.remove();
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
