//! The lines of a recording's file, and why one cannot be played.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde_json::Value;

use crate::vm::recording::line::{FORMAT, Head, VERSION};

/// The longest line that is read: the largest message that is ever taken, with its secrets hidden, and what stands around.
const LONGEST_LINE: u64 = 64 << 20;

/// The largest recording that is played, in bytes: it is held in memory.
const LARGEST: u64 = 256 << 20;

/// Why a file cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplayable {
    /// The line, from 1; none where it is the file itself.
    pub line: Option<usize>,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Unplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for Unplayable {}

/// The lines of a file, each within the limits.
pub(super) struct Lines<R> {
    input: io::Take<R>,
    /// That of the line that was read last, from 1.
    pub(super) number: usize,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(recording: R) -> Self {
        Self {
            input: recording.take(LARGEST + 1),
            number: 0,
            bytes: 0,
        }
    }

    /// The next line; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Unplayable> {
        self.number += 1;
        let mut line = Vec::new();
        let read = (&mut self.input)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| self.wrong(format!("it cannot be read: {error}")))?;
        self.bytes += read as u64;
        if read == 0 {
            self.number -= 1;
            return Ok(None);
        }
        if read as u64 > LONGEST_LINE {
            return Err(self.wrong(format!("it is longer than {LONGEST_LINE} bytes")));
        }
        if self.bytes > LARGEST {
            return Err(self.wrong(format!("the recording is larger than {LARGEST} bytes")));
        }
        if line.pop() != Some(b'\n') {
            return Err(self.wrong("it is cut off: the recording is damaged"));
        }
        Ok(Some(line))
    }

    pub(super) fn wrong(&self, why: impl Into<String>) -> Unplayable {
        Unplayable {
            line: Some(self.number),
            why: why.into(),
        }
    }
}

/// Makes sure that this is the first line of a recording that can be read.
pub(super) fn check(head: &[u8]) -> Result<(), String> {
    let head: Value =
        serde_json::from_slice(head).map_err(|_| "this is no recording of qmpsh's".to_owned())?;
    if head["format"] != FORMAT {
        return Err("this is no recording of qmpsh's".to_owned());
    }
    match head["version"].as_u64() {
        Some(VERSION) => {}
        version => {
            let version =
                version.map_or_else(|| "another".to_owned(), |version| version.to_string());
            return Err(format!(
                "the recording has version {version} of the format, and this qmpsh reads version {VERSION}"
            ));
        }
    }
    serde_json::from_value::<Head>(head)
        .map(drop)
        .map_err(|error| error.to_string())
}
