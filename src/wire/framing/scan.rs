//! Finds where a JSON object ends, looking at each byte once however the stream is split, and weighs it on the way: what
//! is too deep or would grow too large in memory is refused before any of it is parsed.
//!
//! It knows strings and brackets only; whether what it framed is JSON is the parser's business.

use memchr::memchr2;

use super::FramingError;
use crate::wire::limits::Limits;

/// Memory that the parts of a parsed object take, for [`Limits::memory`]: an object is a B-tree leaf of eleven entries, an
/// array begins with room for four values.
const OBJECT: usize = 640;
const ARRAY: usize = 160;
const MEMBER: usize = 96;
const STRING: usize = 32;

/// Where the scan stands within an object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    depth: usize,
    in_string: bool,
    weight: usize,
}

impl Scan {
    /// Whether an object has begun.
    pub(super) fn is_within(self) -> bool {
        self.depth > 0
    }

    /// Looks at `bytes` from `at`, which at first is an opening brace: up to where, and whether the object ends there.
    pub(super) fn go_on(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        limits: &Limits,
    ) -> Result<(usize, bool), FramingError> {
        // In locals: this is the hot loop.
        let Self {
            mut depth,
            mut in_string,
            mut weight,
        } = *self;
        let mut whole = false;
        while at < bytes.len() && !whole {
            if in_string {
                match memchr2(b'"', b'\\', &bytes[at..]) {
                    None => at = bytes.len(),
                    Some(skip) if bytes[at + skip] == b'"' => {
                        in_string = false;
                        at += skip + 1;
                    }
                    // A backslash that ends the bytes waits for what it escapes.
                    Some(skip) if at + skip + 1 == bytes.len() => {
                        at += skip;
                        break;
                    }
                    Some(skip) => at += skip + 2,
                }
                continue;
            }
            match bytes[at] {
                b'"' => {
                    in_string = true;
                    weight += STRING;
                }
                b',' => weight += MEMBER,
                open @ (b'{' | b'[') => {
                    depth += 1;
                    weight += if open == b'{' { OBJECT } else { ARRAY };
                    if depth > limits.depth {
                        return Err(FramingError::TooDeep(limits.depth));
                    }
                }
                b'}' | b']' => {
                    depth -= 1;
                    whole = depth == 0;
                }
                _ => {}
            }
            at += 1;
        }
        if weight > limits.memory {
            return Err(FramingError::TooManyValues(limits.memory));
        }
        *self = Self {
            depth,
            in_string,
            weight,
        };
        Ok((at, whole))
    }
}
