//! What is wrong with a configuration file.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::source::Source;
use crate::wire::escape::escaped;

/// A mistake in a configuration file, or that it cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file as people know it.
    pub path: PathBuf,
    /// What is wrong, without the place.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The text and the bytes of it that are wrong; none where the file could not be read.
    pub place: Option<(Arc<Source>, Range<usize>)>,
}

impl ConfigError {
    /// The line and the column, in characters, that are wrong, both from 1; none where the file could not be read.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        let (source, span) = self.place.as_ref()?;
        let before = &source.text.as_bytes()[..span.start.min(source.text.len())];
        let line = before.rsplit(|byte| *byte == b'\n').next()?;
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        Some((1 + lines, 1 + String::from_utf8_lossy(line).chars().count()))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the configuration file `{}` {}",
            escaped(&self.path.to_string_lossy()),
            self.what
        )
    }
}

impl std::error::Error for ConfigError {}
