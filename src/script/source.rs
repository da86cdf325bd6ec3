//! The texts that a session ran or imported, by the name that errors show: a file's path, `std/...`, `<eval>`.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes of a script.
const LARGEST: u64 = 4 << 20;

/// The bytes of a script. Fails on more than any script has: a disk's image that is named by mistake would fill the
/// memory.
pub fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let count = from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if count as u64 > LARGEST {
        let why = "it is larger than 4 MiB, and no script";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// A script's text, and what errors call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path, a name in the library, or a name in angle brackets.
    pub name: String,
    /// The script.
    pub text: Arc<str>,
}

impl Source {
    /// A text under a name, without the mark that some editors put before it.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self {
            name: name.into(),
            text: match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.into(),
                None => text,
            },
        }
    }

    /// The text for the engine: a `#!` line becomes a comment.
    pub(super) fn code(&self) -> String {
        match self.text.strip_prefix("#!") {
            Some(rest) => format!("// {rest}"),
            None => self.text.to_string(),
        }
    }
}

/// All texts seen so far.
#[derive(Clone, Default)]
pub(super) struct Sources(Arc<Mutex<BTreeMap<String, Arc<str>>>>);

impl Sources {
    pub(super) fn add(&self, source: &Source) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(source.name.clone(), source.text.clone());
    }

    pub(super) fn remove(&self, name: &str) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.remove(name);
    }

    pub(super) fn text(&self, name: &str) -> Option<Arc<str>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }
}
