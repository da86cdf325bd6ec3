//! The whole screen for a while, as `:watch` and `:top` have it: frames are drawn on it, a key ends it, and what else is
//! written meanwhile waits until it is gone.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keyboard::{CTRL_C, Keyboard};
use super::size::of_terminal;

/// How often it is looked whether the terminal has another size, or a signal came.
const LOOK: Duration = Duration::from_millis(200);

/// The most bytes that wait until the view is gone.
const WAITING: usize = 256 << 10;

/// To another screen, with no cursor, and lines cut rather than wrapped; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Whether there is a view. All clones are the same.
#[derive(Clone, Default)]
pub struct Views(Arc<Shared>);

#[derive(Default)]
struct Shared {
    open: Mutex<Option<Open>>,
    is_over: AtomicBool,
}

/// What is written while a view is there.
#[derive(Default)]
struct Open {
    /// Results, which belong into the next frame.
    results: String,
    /// Messages, which are to be read later.
    messages: String,
}

/// A view. Dropping it gives the screen back.
pub struct View {
    views: Views,
    keyboard: Option<Keyboard>,
    size: (usize, usize),
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This key.
    Key(u8),
    /// The terminal has another size.
    Resized,
    /// The time.
    Time,
}

impl Views {
    /// Keeps what is written, if there is a view; tells whether it did.
    pub(super) fn take(&self, text: &str, is_result: bool) -> bool {
        let mut open = self.lock();
        let Some(open) = &mut *open else {
            return false;
        };
        let kept = if is_result {
            &mut open.results
        } else {
            &mut open.messages
        };
        if kept.len() + text.len() <= WAITING {
            kept.push_str(text);
        }
        true
    }

    /// Whether there is a view just now.
    pub(super) fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Takes the whole screen. Fails where the terminal cannot be used so.
    pub fn open(&self) -> io::Result<View> {
        let keyboard = Some(Keyboard::open()?);
        *self.lock() = Some(Open::default());
        let view = View {
            views: self.clone(),
            keyboard,
            size: size(),
        };
        write(ENTER)?;
        Ok(view)
    }

    /// The session is to end: what view there is ends, too.
    pub(super) fn end(&self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    /// Holds texts, which no panic leaves half changed.
    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    /// Columns and rows of the screen.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The results that were written since this was last asked.
    pub fn take_results(&self) -> String {
        let mut open = self.views.lock();
        let results = open.as_mut().map(|open| &mut open.results);
        results.map(std::mem::take).unwrap_or_default()
    }

    /// Draws the lines, as many as there is room for; what is too wide is cut.
    pub fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut frame = String::from("\x1b[H");
        for (row, line) in lines.iter().take(self.size.1).enumerate() {
            if row > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(line);
            frame.push_str("\x1b[K");
        }
        frame.push_str("\x1b[J");
        write(&frame)
    }

    /// Waits for a key, another size of the terminal, or until then.
    pub fn wait_until(&mut self, end: Instant) -> Turn {
        let Some(keyboard) = &self.keyboard else {
            return Turn::Key(CTRL_C);
        };
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match keyboard.next(left.min(LOOK)) {
                Ok(key) => return Turn::Key(key),
                Err(RecvTimeoutError::Disconnected) => return Turn::Key(CTRL_C),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.views.0.is_over.load(Ordering::Relaxed) {
                return Turn::Key(CTRL_C);
            }
            let now = size();
            if now != self.size {
                self.size = now;
                return Turn::Resized;
            }
            if left.is_zero() {
                return Turn::Time;
            }
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        drop(self.keyboard.take());
        let mut open = self.views.lock();
        let messages = open.take().map(|open| open.messages).unwrap_or_default();
        // A terminal that is gone needs nothing of this.
        let _ = write(LEAVE).and_then(|()| write(&messages));
    }
}

fn size() -> (usize, usize) {
    of_terminal().map_or((80, 24), |size| (size.columns, size.rows))
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
