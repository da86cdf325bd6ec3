//! A configuration file's text, and values that remember where in it they were said.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of the configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as people know it.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
    /// The folder that relative paths in it are taken from.
    pub folder: PathBuf,
}

/// A value, and where it was said.
#[derive(Clone, Debug)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// The file.
    pub source: Arc<Source>,
    /// The bytes of the file's text that say it.
    pub span: Range<usize>,
}

impl<T> Said<T> {
    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        let before = self.source.text.as_bytes().get(..self.span.start);
        1 + before.map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count())
    }
}
