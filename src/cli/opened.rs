//! What the options of the modes opened, and what is noted of it in the run: once a process, shared by all copies of the
//! options.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::dry_run::Told;
use crate::report::{Kind, Report};
use crate::vm::recording::{Player, Recorder};

/// What the options opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened(Arc<OnceLock<Modes>>);

/// What is in force of the modes that need something open.
#[derive(Debug, Default)]
pub(super) struct Modes {
    pub(super) recorder: Option<Arc<Recorder>>,
    pub(super) player: Option<Arc<Player>>,
    pub(super) herald: Option<Arc<Told>>,
    /// Whether a replay's difference was shown.
    is_shown: AtomicBool,
}

impl Opened {
    /// Keeps what was opened. A command opens once.
    pub(super) fn keep(&self, modes: Modes) {
        let _ = self.0.set(modes);
    }

    /// What was opened; none before.
    pub(super) fn modes(&self) -> Option<&Modes> {
        self.0.get()
    }

    /// Takes note that an error is shown.
    pub(super) fn showing(&self, report: &Report) {
        if let Some(modes) = self.modes().filter(|_| report.kind == Kind::Replay) {
            modes.is_shown.store(true, Ordering::Relaxed);
        }
    }

    /// Whether this is a replay that was not as it was recorded, at the end of the run.
    pub(super) fn differs(&self) -> bool {
        let player = self.modes().and_then(|modes| modes.player.as_ref());
        player.is_some_and(|player| player.verdict().is_err())
    }
}

impl Modes {
    pub(super) fn new(
        recorder: Option<Arc<Recorder>>,
        player: Option<Arc<Player>>,
        herald: Option<Arc<Told>>,
    ) -> Self {
        Self {
            recorder,
            player,
            herald,
            is_shown: AtomicBool::new(false),
        }
    }

    /// Whether a replay's difference was shown.
    pub(super) fn is_difference_shown(&self) -> bool {
        self.is_shown.load(Ordering::Relaxed)
    }
}
