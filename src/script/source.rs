//! The texts that a session ran or imported, by the name that errors show: a file's path, `std/...`, `<eval>`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::ready_made;
use crate::nearest::did_you_mean;
use crate::report::Report;

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

    /// The script that `word` means: a ready-made one, a file, or with `-` standard input. A bare name is a ready-made
    /// script before it is a file: a file in the working directory must not take its place unseen.
    pub fn find(word: &OsStr) -> Result<Self, Report> {
        if word == "-" {
            let bytes = read(io::stdin()).map_err(|error| {
                Report::usage(format!("standard input cannot be read: {error}"))
            })?;
            return Self::of_bytes("<stdin>", bytes);
        }
        let name = word.to_string_lossy();
        if let Some(script) = ready_made::find(&name) {
            return Ok(Self::new(&*name, script));
        }
        match File::open(Path::new(word)).and_then(read) {
            Ok(bytes) => Self::of_bytes(&name, bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(&name)),
            Err(error) => Err(Report::usage(format!("`{name}` cannot be read: {error}"))),
        }
    }

    /// As [`Source::find`], for a look while somebody types: none where there is no such script, or it is no plain file, which
    /// could keep them waiting.
    pub fn glance(word: &str) -> Option<Self> {
        let is_plain = ready_made::find(word).is_some() || Path::new(word).is_file();
        is_plain.then(|| Self::find(OsStr::new(word)).ok())?
    }

    fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Report> {
        let text = String::from_utf8(bytes).map_err(|wrong| {
            let before = &wrong.as_bytes()[..wrong.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            Report::usage(format!("`{name}` is not UTF-8 text: see line {line}"))
        })?;
        if text.trim().is_empty() {
            return Err(Report::usage(format!("`{name}` is empty")));
        }
        Ok(Self::new(name, text))
    }

    /// Whether it is in the binary, so that who runs it did not write it.
    pub fn is_ready_made(&self) -> bool {
        ready_made::find(&self.name).is_some()
    }

    /// The text for the engine: a `#!` line becomes a comment.
    pub(super) fn code(&self) -> String {
        match self.text.strip_prefix("#!") {
            Some(rest) => format!("// {rest}"),
            None => self.text.to_string(),
        }
    }
}

fn missing(name: &str) -> Report {
    if name.contains('/') || name.contains('.') {
        return Report::usage(format!("there is no file `{name}`"));
    }
    let hint = did_you_mean(name, ready_made::names())
        .unwrap_or_else(|| "`qmpsh scripts` lists the ready-made scripts".to_owned());
    Report::usage(format!(
        "there is no ready-made script and no file `{name}`"
    ))
    .with_hint(hint)
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
