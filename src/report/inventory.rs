//! How a VM that cannot be found is told.

use super::Report;
use crate::inventory::Error;

impl From<&Error> for Report {
    fn from(error: &Error) -> Self {
        match error {
            Error::Target(invalid) => invalid.into(),
        }
    }
}

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}
