//! Why a text names no VM.

use std::fmt;

use super::scan::Trouble;
use crate::vm::target::InvalidTarget;
use crate::wire::escape::escaped;

/// How many of the VMs that a name fits are listed.
const LISTED: usize = 8;

/// What went wrong in looking for a VM. Texts about VMs are fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The text is neither an address nor can it be a name.
    Target(InvalidTarget),
    /// No VM is called so.
    Unknown {
        /// The text.
        name: String,
        /// A name that there is and that is nearly the same.
        nearest: Option<String>,
        /// The first four digits of a UUID that begins with the name, which is too short to stand for one.
        beginning: Option<String>,
        /// Who was asked.
        asked: Vec<&'static str>,
        /// Who could not tell: it may be there.
        troubles: Vec<Trouble>,
    },
    /// Several VMs are called so.
    Ambiguous {
        /// The text.
        name: String,
        /// What tells each from the others.
        candidates: Vec<String>,
    },
    /// The VM does not run.
    Off {
        /// The text.
        name: String,
        /// What starts it, where that is known.
        starts: Option<String>,
    },
    /// The VM runs, and there is no way to it.
    NoWay {
        /// The text.
        name: String,
        /// What is known of it.
        vm: String,
        /// Why there is none, where that is known.
        obstacle: Option<String>,
        /// The provider that alone reaches it, if that is why.
        only_through: Option<&'static str>,
        /// Who could not tell, that provider perhaps.
        troubles: Vec<Trouble>,
    },
}

impl From<InvalidTarget> for Error {
    fn from(error: InvalidTarget) -> Self {
        Self::Target(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::Unknown { name, troubles, .. } => {
                write!(f, "no VM is called `{}`", escaped(name))?;
                write_troubles(f, troubles)
            }
            Self::Ambiguous { name, candidates } => {
                write!(f, "`{}` names {} VMs:", escaped(name), candidates.len())?;
                for candidate in candidates.iter().take(LISTED) {
                    write!(f, "\n  {candidate}")?;
                }
                match candidates.len().saturating_sub(LISTED) {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
            Self::Off { name, .. } => write!(f, "{}: the VM is shut off", escaped(name)),
            Self::NoWay {
                name,
                vm,
                obstacle,
                only_through,
                troubles,
            } => {
                write!(f, "{}: ", escaped(name))?;
                match (only_through, obstacle) {
                    (Some(provider), _) => write!(
                        f,
                        "it can be reached through {provider} only, which does not tell of it ({vm})"
                    )?,
                    (None, Some(why)) => write!(f, "{} ({vm})", escaped(why))?,
                    (None, None) => write!(f, "no monitor of it is known ({vm})")?,
                }
                write_troubles(f, troubles)
            }
        }
    }
}

fn write_troubles(f: &mut fmt::Formatter<'_>, troubles: &[Trouble]) -> fmt::Result {
    for trouble in troubles {
        write!(f, "; {trouble}")?;
    }
    Ok(())
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} could not be asked: {}",
            self.provider,
            escaped(&self.why)
        )
    }
}

impl std::error::Error for Error {}
