//! The writing side: each line goes to the file at once, so that a run that is killed leaves all it did.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::line::{End, Fact, Head, Line, Link};
use crate::client::{Direction, Tap, TapLine, TapLink};
use crate::wire::secret::{hidden_text, redacted};

/// Writes a recording.
pub struct Recorder {
    state: Mutex<State>,
    /// Is told, once, that the recording cannot go on.
    warn: Box<dyn Fn(&io::Error) + Send + Sync>,
}

struct State {
    out: Box<dyn Write + Send>,
    broken: bool,
}

impl Recorder {
    /// A recording in a new file, which only its owner can read. What is there already is left alone, a link among it: a
    /// recording may be the only evidence of a night.
    pub fn create(
        path: &Path,
        head: &Head,
        warn: impl Fn(&io::Error) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Self::to(Box::new(file), head, warn)
    }

    /// A recording into `out`, which is to pass on what it gets at once.
    pub fn to(
        mut out: Box<dyn Write + Send>,
        head: &Head,
        warn: impl Fn(&io::Error) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        out.write_all(&encoded(head)?)?;
        let state = State { out, broken: false };
        Ok(Self {
            state: Mutex::new(state),
            warn: Box::new(warn),
        })
    }

    /// Records a value that is no message.
    pub fn value(&self, of: &str, value: &impl Serialize) {
        self.fact(of, serde_json::to_value(value));
    }

    /// The same without the secrets in it.
    pub fn hidden_value(&self, of: &str, value: &impl Serialize) {
        self.fact(of, serde_json::to_value(value).map(|is| redacted(&is)));
    }

    fn fact(&self, of: &str, value: serde_json::Result<serde_json::Value>) {
        match value {
            Ok(is) => {
                let of = of.to_owned();
                self.write(&Line {
                    value: Some(Fact { of, is }),
                    ..Line::now()
                });
            }
            Err(error) => self.fail(&mut self.lock(), &error.into()),
        }
    }

    /// Records the end of the run. Gives whether the recording is whole; if not, that was told when it happened.
    pub fn end(&self, exit: u8) -> bool {
        self.write(&Line {
            end: Some(End { exit }),
            ..Line::now()
        });
        !self.lock().broken
    }

    fn write(&self, line: &Line) {
        let mut state = self.lock();
        if state.broken {
            // After a gap, what follows would be taken for what followed.
            return;
        }
        // In one piece, so that a kill leaves whole lines.
        let written = encoded(line).and_then(|bytes| state.out.write_all(&bytes));
        if let Err(error) = written {
            self.fail(&mut state, &error);
        }
    }

    fn fail(&self, state: &mut State, error: &io::Error) {
        if !std::mem::replace(&mut state.broken, true) {
            (self.warn)(error);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic between two lines leaves the file as good as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encoded(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Tap for Recorder {
    fn message(&self, line: &TapLine<'_>) {
        let message = Some(line.message.redacted());
        let (sent, received) = match line.direction {
            Direction::Sent => (message, None),
            Direction::Received => (None, message),
        };
        self.write(&Line {
            vm: Some(label(line.vm, line.address)),
            channel: Some(line.channel),
            sent,
            received,
            ..Line::now()
        });
    }

    fn link(&self, link: &TapLink<'_>) {
        self.write(&Line {
            vm: Some(label(link.vm, link.address)),
            channel: Some(link.channel),
            link: Some(hidden(link.change.into())),
            ..Line::now()
        });
    }
}

fn label(vm: Option<&str>, address: &crate::client::Address) -> String {
    let name = vm.map_or_else(|| address.to_string(), str::to_owned);
    hidden_text(&name).into_owned()
}

/// What became of a connection, without the password that is in an address.
fn hidden(change: Link) -> Link {
    let shown = serde_json::to_value(&change).map(|value| redacted(&value));
    shown.and_then(serde_json::from_value).unwrap_or(change)
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
