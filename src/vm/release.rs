//! Releases of QEMU by their numbers, and the oldest one that a run is for.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::wire::message::Version;

/// A release of QEMU, as in `6.0` or `7.2.17`; a later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release([u64; 3]);

impl From<&Version> for Release {
    fn from(version: &Version) -> Self {
        Self([version.major, version.minor, version.micro])
    }
}

impl FromStr for Release {
    type Err = ();

    /// Reads two or three numbers with dots between.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = [0; 3];
        let parts: Vec<&str> = text.split('.').collect();
        if !(2..=numbers.len()).contains(&parts.len()) {
            return Err(());
        }
        for (number, part) in numbers.iter_mut().zip(parts) {
            // A sign is none of a release's.
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(());
            }
            *number = part.parse().map_err(drop)?;
        }
        Ok(Self(numbers))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [major, minor, 0] => write!(f, "{major}.{minor}"),
            [major, minor, micro] => write!(f, "{major}.{minor}.{micro}"),
        }
    }
}

/// What a run needs of the QEMU of each of its VMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The oldest that will do.
    pub qemu: Release,
    /// What needs it, as messages call it: a script's name.
    pub by: String,
}

/// What the run that takes place now needs; runs take place one after the other. All clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Need(Arc<Mutex<Option<Needed>>>);

impl Need {
    /// From now on this is needed, or nothing.
    pub fn set(&self, needed: Option<Needed>) {
        // It is whole at any time.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = needed;
    }

    /// What is needed now.
    pub(super) fn now(&self) -> Option<Needed> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn releases_are_read_shown_and_compared_by_their_numbers() {
        for (text, shown) in [("6.0", "6.0"), ("7.2.17", "7.2.17"), ("10.0.0", "10.0")] {
            let release: Release = text.parse().unwrap();
            assert_eq!(release.to_string(), shown);
        }
        let release = |text: &str| text.parse::<Release>().unwrap();
        assert!(release("5.2") < release("6.0"));
        assert!(release("9.2.4") < release("10.0"));
        assert!(release("6.0") < release("6.0.1"));
        for wrong in ["", "6", "6.", "6.x", "+6.0", ">= 6.0", "6.0.1.2", "6.0-rc1"] {
            assert!(wrong.parse::<Release>().is_err(), "{wrong}");
        }
    }
}
