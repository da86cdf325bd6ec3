//! What a run may do: all that it is asked for, only what changes nothing, or only say what it would change.

use std::path::Path;
use std::sync::Arc;

use crate::client::Channel;

/// What becomes of a change.
#[derive(Clone, Default)]
pub enum Mode {
    /// It is made.
    #[default]
    Live,
    /// It is refused, in VMs and their guests; also a program on this host is, since it could change them by other ways.
    /// Files of this host are the script's header's matter, so that a report can be saved.
    ReadOnly,
    /// It is told and not made, neither in a VM or its guest nor on this host; the run goes on as if it had been.
    DryRun(Arc<dyn Herald>),
}

/// Is told of the changes that a dry run does not make.
pub trait Herald: Send + Sync {
    /// Takes note of a change that is not made.
    fn would(&self, change: &Would<'_>);
}

/// A change that a dry run does not make.
#[derive(Clone, Copy, Debug)]
pub enum Would<'a> {
    /// Send a message.
    Send {
        /// The VM as the user named it.
        vm: &'a str,
        /// Whether the monitor or the agent would get it.
        channel: Channel,
        /// The message as JSON, its secrets hidden.
        message: &'a str,
    },
    /// Do something to a file of this host's: `write`, `remove`, `make the folder`.
    File {
        /// What would be done.
        doing: &'a str,
        /// The file.
        path: &'a Path,
    },
    /// Run a program on this host.
    Run {
        /// The program and its arguments, secrets hidden.
        words: &'a [String],
    },
}

impl Mode {
    /// Tells a dry run's change, and whether this is a dry run: the caller then leaves the change out.
    pub fn tells(&self, change: &Would<'_>) -> bool {
        if let Self::DryRun(herald) = self {
            herald.would(change);
        }
        self.is_dry_run()
    }

    /// Whether changes are told and not made.
    pub fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun(_))
    }

    /// Whether changes are refused.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadOnly)
    }
}
