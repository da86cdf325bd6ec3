//! Why a text names no VM.

use std::fmt;

use crate::vm::target::InvalidTarget;

/// What went wrong in looking for a VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The text is neither an address nor a name that is known.
    Target(InvalidTarget),
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
        }
    }
}

impl std::error::Error for Error {}
