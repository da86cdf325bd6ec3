//! Cuts a stream of bytes into JSON objects. It owns the receive buffer, the incremental scan and the limits; what an
//! object means is `message`'s business.
//!
//! QMP has no frame of its own: objects follow each other, several in one read or one over many lines (`pretty=on`).
//! The scan looks at each byte once, however the stream is split, and finds where an object ends; only then the
//! whole object goes to the JSON parser.

use std::error::Error;
use std::fmt;

use memchr::memchr;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::scan::Scan;
use super::escape::excerpt;
use super::limits::Limits;

mod scan;
#[cfg(test)]
mod tests;

/// What the agent sends before the reply to `guest-sync-delimited`. It occurs nowhere in UTF-8.
const SENTINEL: u8 = 0xff;
/// Room for a read between objects, and what an idle connection keeps.
const ROOM: usize = 8 << 10;
/// Room for a read within a large object.
const ROOM_WITHIN: usize = 256 << 10;
/// A buffer above this is given back once small objects come again.
const KEEP: usize = 64 << 10;

/// Why a stream cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FramingError {
    /// Something other than an object where one must begin; what was found, escaped.
    Garbage(String),
    /// Brackets balance, but it is no JSON, such as the bare `inf` that QEMU prints for 1e400; the part around the
    /// fault, escaped, and the parser's words.
    Invalid(String, String),
    /// An object of more bytes than the limit.
    TooLong(usize),
    /// Arrays and objects within each other beyond the limit.
    TooDeep(usize),
    /// An object that would take more memory than the limit, in bytes.
    TooManyValues(usize),
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbage(found) => write!(f, "expected a JSON object, found `{found}`"),
            Self::Invalid(near, why) => write!(f, "not valid JSON near `{near}`: {why}"),
            Self::TooLong(limit) => write!(f, "a message of more than {limit} bytes"),
            Self::TooDeep(limit) => write!(f, "a message nested deeper than {limit} levels"),
            Self::TooManyValues(limit) => write!(
                f,
                "a message whose values take more than {limit} bytes of memory"
            ),
        }
    }
}

impl Error for FramingError {}

/// A stream of JSON objects being received.
///
/// After an error the stream has no known place to go on from: drop the connection.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: Vec<u8>,
    /// Where the object being framed begins, or what has not been looked at yet.
    start: usize,
    /// Up to where the scan has looked; never before `start`.
    scanned: usize,
    scan: Scan,
    sentinel: Sentinel,
    last_size: usize,
}

/// What a 0xFF means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sentinel {
    /// Garbage, as any other byte between objects (QMP).
    Foreign,
    /// Nothing, between objects (agent).
    Skipped,
    /// All before the next one is thrown away (agent, out of step).
    Awaited,
    /// It came; the object behind it is due, and another one means that this object was never finished.
    Passed,
}

impl Framer {
    /// A framer for a QMP stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            scan: Scan::default(),
            sentinel: Sentinel::Foreign,
            last_size: 0,
        }
    }

    /// A framer for an agent's stream, where a 0xFF byte may stand before an object.
    pub fn delimited(limits: Limits) -> Self {
        Self {
            sentinel: Sentinel::Skipped,
            ..Self::new(limits)
        }
    }

    /// Sets what the objects from now on may take.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Throws away what has been received and all that comes before the next 0xFF, in constant memory.
    pub fn discard_to_sentinel(&mut self) {
        self.sentinel = Sentinel::Awaited;
        self.forget_object(self.start);
    }

    /// Whether bytes other than white space wait to become an object.
    pub fn has_partial(&self) -> bool {
        self.buffer[self.start..]
            .iter()
            .any(|byte| !byte.is_ascii_whitespace())
    }

    /// The encoded size of the last object that was taken, in bytes.
    pub fn last_size(&self) -> usize {
        self.last_size
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.buffer.extend_from_slice(bytes);
    }

    /// The receive buffer, with room at its end: for a read that appends in place. Only append to it.
    pub fn room(&mut self) -> &mut Vec<u8> {
        let room = if self.buffer.len() - self.start < ROOM {
            ROOM
        } else {
            ROOM_WITHIN
        };
        self.make_room(room);
        &mut self.buffer
    }

    /// The next whole object, or `None` until more bytes come.
    ///
    /// # Errors
    /// As in [`FramingError`]; the framer must not be used after one.
    pub fn next_object(&mut self) -> Result<Option<Value>, FramingError> {
        while self.sentinel == Sentinel::Awaited || self.sentinel == Sentinel::Passed {
            if self.sentinel == Sentinel::Awaited && !self.skip_to_sentinel() {
                return Ok(None);
            }
            let fence = memchr(SENTINEL, &self.buffer[self.scanned..]).map(|at| self.scanned + at);
            match (self.frame(fence.unwrap_or(self.buffer.len())), fence) {
                (Ok(Some(object)), _) => {
                    self.sentinel = Sentinel::Skipped;
                    return Ok(Some(object));
                }
                (Ok(None), None) => return Ok(None),
                // Not the object that is due: go on to the next sentinel.
                (Ok(None), Some(_)) | (Err(_), _) => self.discard_to_sentinel(),
            }
        }
        self.frame(self.buffer.len())
    }

    /// The next whole object that ends before `until`.
    fn frame(&mut self, until: usize) -> Result<Option<Value>, FramingError> {
        if !self.scan.is_within() && !self.find_object(until)? {
            return Ok(None);
        }
        let Some(end) = self.scan_object(until)? else {
            return Ok(None);
        };
        let object = parse(&self.buffer[self.start..end])?;
        let taken = end - self.start;
        self.forget_object(end);
        self.give_back(taken);
        self.last_size = taken;
        Ok(Some(object))
    }

    /// Moves `start` to the opening brace of the next object; false where there is none yet.
    fn find_object(&mut self, until: usize) -> Result<bool, FramingError> {
        let skips = |byte: &u8| {
            byte.is_ascii_whitespace() || (*byte == SENTINEL && self.sentinel != Sentinel::Foreign)
        };
        let begin = self.buffer[self.start..until]
            .iter()
            .position(|byte| !skips(byte));
        let begin = begin.map_or(until, |at| self.start + at);
        self.forget_object(begin);
        match self.buffer[..until].get(begin) {
            None => Ok(false),
            Some(b'{') => Ok(true),
            Some(_) => Err(FramingError::Garbage(excerpt(&self.buffer[begin..]))),
        }
    }

    /// Looks on from where the last look ended; the end of the object where it is found.
    fn scan_object(&mut self, until: usize) -> Result<Option<usize>, FramingError> {
        let (at, whole) = self
            .scan
            .go_on(&self.buffer[..until], self.scanned, &self.limits)?;
        if at - self.start > self.limits.bytes {
            return Err(FramingError::TooLong(self.limits.bytes));
        }
        self.scanned = at;
        Ok(whole.then_some(at))
    }

    /// Throws away all up to the next sentinel; true where it was there.
    fn skip_to_sentinel(&mut self) -> bool {
        let found = memchr(SENTINEL, &self.buffer[self.start..]);
        if found.is_some() {
            self.sentinel = Sentinel::Passed;
        }
        self.forget_object(found.map_or(self.buffer.len(), |at| self.start + at + 1));
        found.is_some()
    }

    /// Begins afresh at `start`.
    fn forget_object(&mut self, start: usize) {
        self.start = start;
        self.scanned = start;
        self.scan = Scan::default();
    }

    /// Makes room for `room` more bytes, by moving what is left to the front where that is cheaper than growing.
    fn make_room(&mut self, room: usize) {
        if self.start > 0 && self.buffer.capacity() - self.buffer.len() < room {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.reserve(room);
    }

    /// Gives a large buffer back once an object of `taken` bytes shows that small ones come again, so that a bulk
    /// transfer keeps its buffer and an idle connection does not.
    fn give_back(&mut self, taken: usize) {
        let rest = self.buffer.len() - self.start;
        if self.buffer.capacity() > KEEP && taken < self.buffer.capacity() / 8 && rest <= ROOM {
            self.buffer = self.buffer.split_off(self.start);
            self.start = 0;
            self.scanned = 0;
        }
    }
}

fn parse(object: &[u8]) -> Result<Value, FramingError> {
    serde_json::from_slice(object).map_err(|error| {
        let at = offset(object, error.line(), error.column());
        let near = &object[at.saturating_sub(20)..(at + 20).min(object.len())];
        let mut why = error.to_string();
        // The parser counts lines and columns of this one object; the part shown says it better.
        if let Some(cut) = why.find(" at line ") {
            why.truncate(cut);
        }
        FramingError::Invalid(excerpt(near), why)
    })
}

/// The byte that the JSON parser's line and column (both from 1) mean.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column.saturating_sub(1)).min(text.len())
}
