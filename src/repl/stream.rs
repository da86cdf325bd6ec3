//! A session that reads its lines as they come: from a file or a pipe, with no prompt, and the first error ends it; or from
//! somebody at a terminal that has no place for an editor, with a plain prompt.

use std::io::{self, BufRead, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::session::{Answer, Session};
use super::whole;
use crate::report::{Exit, Kind, Report};
use crate::script::consent::{Ask, is_yes};
use crate::script::signals;

/// The most bytes of a statement, as of a script.
const LARGEST: u64 = 4 << 20;

/// How soon a question is taken back whose line has ended.
const TICK: Duration = Duration::from_millis(50);

/// What a session waits for.
enum Event {
    Line(io::Result<String>),
    End,
    Signal(u8),
}

/// The lines of standard input, as statements or as answers. All clones are the same.
#[derive(Clone)]
pub struct Lines {
    events: SyncSender<Event>,
    happened: Arc<Mutex<Receiver<Event>>>,
    /// What came where an answer was awaited, and is none.
    left: Arc<Mutex<Option<Event>>>,
    /// How many statements were done.
    done: Arc<AtomicU64>,
    /// Whether somebody types them.
    are_typed: bool,
}

impl Lines {
    /// Lines that somebody types, or that come from elsewhere.
    pub fn new(are_typed: bool) -> Self {
        // One line ahead, so that a program in a `:shell` line finds the input much as it is.
        let (events, happened) = sync_channel(1);
        Self {
            events,
            happened: Arc::new(Mutex::new(happened)),
            left: Arc::default(),
            done: Arc::default(),
            are_typed,
        }
    }

    /// How whoever types is asked something.
    pub fn ask(&self) -> Ask {
        let lines = self.clone();
        Arc::new(move |question| lines.is_yes(question))
    }

    fn is_yes(&self, question: &str) -> bool {
        let line = self.done.load(Ordering::Relaxed);
        tell(question);
        let happened = lock(&self.happened);
        loop {
            let event = happened.recv_timeout(TICK);
            // Once the line that asked has ended, as by Ctrl-C, nobody waits for the answer.
            let is_awaited = self.done.load(Ordering::Relaxed) == line;
            match event {
                Ok(Event::Line(Ok(answer))) if is_awaited => {
                    return is_yes(&answer);
                }
                Ok(event) => {
                    *lock(&self.left) = Some(event);
                    return false;
                }
                Err(RecvTimeoutError::Timeout) if is_awaited => {}
                Err(_) => return false,
            }
        }
    }

    fn next(&self) -> Event {
        let happened = lock(&self.happened);
        if let Some(event) = lock(&self.left).take() {
            return event;
        }
        happened.recv().unwrap_or(Event::End)
    }
}

/// Holds what no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what somebody who types is to see. Who does not see it has left, and their input ends.
fn tell(text: &str) {
    let mut errors = io::stderr();
    let _ = errors.write_all(text.as_bytes());
    let _ = errors.flush();
}

/// Takes statement after statement until the input's end or a signal, and from elsewhere than a terminal until the first
/// error; then undoes what is held. Blocks.
pub fn run(session: &mut Session, lines: &Lines, input: impl BufRead + Send + 'static) -> Exit {
    let of_signals = lines.events.clone();
    let idle = move |signal| drop(of_signals.send(Event::Signal(signal)));
    if let Err(error) = signals::handle_alone(session.control(), idle) {
        session.complain(&signals::unhandled(&error));
        return Exit::Fault;
    }
    let events = lines.events.clone();
    let reading = thread::Builder::new()
        .name("input".into())
        .spawn(move || read(input, &events));
    if let Err(error) = reading {
        let report = Report::new(Kind::Fault, format!("no thread for the input: {error}"));
        session.complain(&report);
        return Exit::Fault;
    }
    let exit = statements(session, lines);
    session.leave(exit)
}

fn read(mut input: impl BufRead, events: &SyncSender<Event>) {
    loop {
        let mut bytes = Vec::new();
        let line = match (&mut input).take(LARGEST + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => {
                let _ = events.send(Event::End);
                return;
            }
            Ok(_) => String::from_utf8(bytes)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text")),
            Err(error) => Err(error),
        };
        let failed = line.is_err();
        // A session that has ended reads no more.
        if events.send(Event::Line(line)).is_err() || failed {
            return;
        }
    }
}

fn statements(session: &mut Session, lines: &Lines) -> Exit {
    let mut text = String::new();
    loop {
        if lines.are_typed {
            session.tell_ended();
            let prompt = session.prompt().plain();
            tell(if text.is_empty() { &prompt } else { "... " });
        }
        let attended = session.attend();
        let next = lines.next();
        drop(attended);
        let is_end = match next {
            Event::Line(Ok(line)) => {
                text.push_str(&line);
                false
            }
            Event::Line(Err(error)) => {
                let report = Report::usage(format!("standard input cannot be read: {error}"));
                session.complain(&report);
                return report.exit;
            }
            Event::Signal(signals::CTRL_C) if lines.are_typed => {
                tell("\n");
                text.clear();
                continue;
            }
            Event::Signal(signal) => return Exit::Signal(signal),
            Event::End => true,
        };
        if is_end && lines.are_typed {
            tell("\n");
        }
        if text.len() as u64 > LARGEST {
            let report = Report::usage("a statement is larger than 4 MiB, and nobody wrote it");
            session.complain(&report);
            return report.exit;
        }
        if is_end || whole::is_whole(text.trim_end_matches('\n')) {
            let answer = session.take(&std::mem::take(&mut text));
            lines.done.fetch_add(1, Ordering::Relaxed);
            match answer {
                Answer::Leave(exit) => return exit,
                Answer::Failed(exit) if !lines.are_typed => return exit,
                _ if is_end => return Exit::Done,
                _ => {}
            }
        }
    }
}
