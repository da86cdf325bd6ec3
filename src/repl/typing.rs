//! The line that is being typed, as it stands on the terminal, so that the session can write above it and keep the prompt's
//! time meanwhile. rustyline has a printer for that; but with it, the releases that build with our oldest Rust leave what
//! was typed in a burst unread until the next key.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nu_ansi_term::Style as Paint;
use unicode_width::UnicodeWidthChar;

use super::prompt::Prompt;

/// How long the editor may take from telling what it writes to having written it.
const WRITING: Duration = Duration::from_millis(5);

/// The distance of tabulators.
const TAB: usize = 8;

/// What is being typed. All clones are the same.
#[derive(Clone, Default)]
pub struct Typing(Arc<Mutex<Option<Line>>>);

/// A line on the terminal.
struct Line {
    prompt: Prompt,
    /// The prompt without colours, as it was when the line was begun.
    begun: String,
    text: String,
    /// In bytes.
    cursor: usize,
    hint: String,
    /// Whether it stands there like this, and nothing else: no search, no list of candidates.
    is_plain: bool,
    changed: Instant,
}

/// A place on the terminal, from the prompt's first character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    row: usize,
    column: usize,
}

impl Typing {
    /// A line is begun; gives its prompt without colours.
    pub fn begin(&self, prompt: &Prompt) -> String {
        let begun = prompt.plain();
        *self.line() = Some(Line {
            prompt: prompt.clone(),
            begun: begun.clone(),
            text: String::new(),
            cursor: 0,
            hint: String::new(),
            is_plain: false,
            changed: Instant::now(),
        });
        begun
    }

    /// Nothing is being typed any more.
    pub fn end(&self) {
        *self.line() = None;
    }

    /// The line is about to be written like this.
    pub fn changes(&self, text: &str, cursor: usize) {
        if let Some(line) = &mut *self.line() {
            text.clone_into(&mut line.text);
            line.cursor = cursor;
            line.changed = Instant::now();
        }
    }

    /// What follows the line in grey.
    pub fn hints(&self, hint: Option<&str>) {
        if let Some(line) = &mut *self.line() {
            hint.unwrap_or_default().clone_into(&mut line.hint);
        }
    }

    /// The prompt as it is to be written now; none if something else stands in its place.
    pub fn prompts(&self, is_own: bool) -> Option<String> {
        let mut line = self.line();
        let line = line.as_mut()?;
        line.is_plain = is_own;
        is_own.then(|| line.prompt.now(&line.begun))
    }

    /// Writes `text`, whole lines: above what is being typed, which is written anew below, else to `out`.
    pub fn write_lines(
        &self,
        text: &str,
        out: &mut impl Write,
        columns: impl Fn() -> usize,
    ) -> io::Result<()> {
        // A prompt that is begun meanwhile waits, and comes behind the text.
        let line = self.settled();
        if let Some(line) = &*line {
            return draw(&line.below(text, columns()));
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes the prompt anew, in which the time passes.
    pub fn tick(&self, columns: usize) -> io::Result<()> {
        match &*self.settled() {
            Some(line) if line.is_plain => draw(&line.with_new_prompt(columns)),
            _ => Ok(()),
        }
    }

    /// The line, once the editor has surely written what it told.
    fn settled(&self) -> MutexGuard<'_, Option<Line>> {
        loop {
            let line = self.line();
            let since = line.as_ref().map(|line| line.changed.elapsed());
            match since.and_then(|since| WRITING.checked_sub(since)) {
                Some(left) if !left.is_zero() => {
                    drop(line);
                    thread::sleep(left);
                }
                _ => return line,
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Option<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what was drawn.
fn draw(drawn: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(drawn.as_bytes())?;
    out.flush()
}

impl Line {
    fn cursor(&self, columns: usize) -> Place {
        let before = self.text.get(..self.cursor).unwrap_or(&self.text);
        after(
            before,
            after(&self.begun, Place::default(), columns),
            columns,
        )
    }

    fn end(&self, columns: usize) -> Place {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        after(
            &self.hint,
            after(rest, self.cursor(columns), columns),
            columns,
        )
    }

    fn below(&self, text: &str, columns: usize) -> String {
        let (cursor, end) = (self.cursor(columns), self.end(columns));
        let hint = match self.hint.as_str() {
            "" => String::new(),
            hint => Paint::new().dimmed().paint(hint).to_string(),
        };
        // The prompt has a line of its own, whatever was to be written: a longest line comes in pieces.
        let gap = if text.ends_with('\n') { "" } else { "\n" };
        let wrap = if end.column == 0 && end.row > 0 && !self.text.ends_with('\n') {
            "\n"
        } else {
            ""
        };
        format!(
            "{}\r\x1b[J{text}{gap}{}{}{hint}{wrap}{}\r{}",
            by(cursor.row, 'A'),
            self.prompt.now(&self.begun),
            self.text,
            by(end.row - cursor.row, 'A'),
            by(cursor.column, 'C'),
        )
    }

    fn with_new_prompt(&self, columns: usize) -> String {
        let up = by(self.cursor(columns).row, 'A');
        format!("\x1b7{up}\r{}\x1b8", self.prompt.now(&self.begun))
    }
}

/// Moves the cursor by so many.
fn by(count: usize, direction: char) -> String {
    match count {
        0 => String::new(),
        count => format!("\x1b[{count}{direction}"),
    }
}

/// Where the cursor is behind `text`, as rustyline reckons it.
fn after(text: &str, begin: Place, columns: usize) -> Place {
    let mut place = begin;
    for next in text.chars() {
        if next == '\n' {
            place.row += 1;
            place.column = 0;
            continue;
        }
        let width = match next {
            '\t' => TAB - place.column % TAB,
            other => other.width().unwrap_or(0),
        };
        place.column += width;
        if place.column > columns {
            place.row += 1;
            place.column = width;
        }
    }
    if place.column == columns {
        place.row += 1;
        place.column = 0;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::{Place, after};

    #[test]
    fn places_are_reckoned_over_wraps_newlines_and_wide_characters() {
        let begin = Place { row: 0, column: 2 };
        for (text, row, column) in [
            ("", 0, 2),
            ("abc", 0, 5),
            ("abcdefgh", 1, 0),
            ("abcdefghi", 1, 1),
            ("a\nbc", 1, 2),
            ("世界世界世", 1, 2),
        ] {
            assert_eq!(after(text, begin, 10), Place { row, column }, "{text}");
        }
    }
}
