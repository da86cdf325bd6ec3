//! Recordings: all that decided a run, in a file that plays it again with no VM.
//!
//! The [`Recorder`] is a tap: it writes each message as a line (`line`). What is no message and decides a run all the same
//! (names that were made up, the time, what this host showed) goes through [`Recording::observe`] and its kin. The
//! [`Player`] plays each VM's conversations under the unchanged clients, in memory, and gives those values again.

mod conversation;
mod difference;
pub mod line;
mod player;
mod recorder;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use difference::Difference;
pub use player::{Player, Unplayable};
pub use recorder::Recorder;

/// Whether a run is recorded, or is one that was.
#[derive(Clone, Default)]
pub enum Recording {
    /// Neither.
    #[default]
    Off,
    /// It is recorded.
    Write(Arc<Recorder>),
    /// It is played from a recording: nothing is connected to, and no process is started.
    Play(Arc<Player>),
}

impl Recording {
    /// Whether the run is neither recorded nor played.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Off)
    }

    /// Whether the run is played from a recording.
    pub fn is_replay(&self) -> bool {
        matches!(self, Self::Play(_))
    }

    /// What `look` gives, as it decides the run; in a replay what was recorded next under `of`. Fails when nothing was.
    pub fn observe<T: Serialize + DeserializeOwned>(
        &self,
        of: &str,
        look: impl FnOnce() -> T,
    ) -> Result<T, Difference> {
        if let Some(recalled) = self.recall(of)? {
            return Ok(recalled);
        }
        let seen = look();
        self.note(of, &seen);
        Ok(seen)
    }

    /// In a replay, what was recorded next under `of`. For what cannot be looked at in one go, with [`Recording::note`].
    pub fn recall<T: DeserializeOwned>(&self, of: &str) -> Result<Option<T>, Difference> {
        match self {
            Self::Play(player) => player.recall(of).map(Some),
            Self::Off | Self::Write(_) => Ok(None),
        }
    }

    /// Records a value, in a run that is recorded.
    pub fn note(&self, of: &str, value: &impl Serialize) {
        if let Self::Write(recorder) = self {
            recorder.value(of, value);
        }
    }

    /// As [`Recording::note`], without the secrets in it: for addresses, to which a replay does not connect.
    pub fn note_hidden(&self, of: &str, value: &impl Serialize) {
        if let Self::Write(recorder) = self {
            recorder.hidden_value(of, value);
        }
    }

    /// Whether a deadline has passed between two messages to `vm`: as it is now, and in a replay as it was then.
    pub fn has_passed(&self, vm: &str, deadline: &str, passed: bool) -> bool {
        match self {
            Self::Play(player) => player.is_next(vm, deadline),
            Self::Write(_) if passed => {
                self.note(deadline, &true);
                true
            }
            Self::Off | Self::Write(_) => passed,
        }
    }
}
