//! A session that reads its lines from a file or a pipe: no prompt, and the first error ends it.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::session::{Answer, Session};
use super::whole;
use crate::report::{Exit, Kind, Report};
use crate::script::signals;

/// The most bytes of a statement, as of a script.
const LARGEST: u64 = 4 << 20;

/// What a session in a pipe waits for.
enum Event {
    Line(io::Result<String>),
    End,
    Signal(u8),
}

/// Takes statement after statement until the input's end, the first error or a signal; then undoes what is held. Blocks.
pub fn run(session: &mut Session, input: impl BufRead + Send + 'static) -> Exit {
    // One line ahead, so that a program in a `:shell` line finds the input much as it is.
    let (events, happened) = sync_channel(1);
    let of_signals = events.clone();
    let idle = move |signal| drop(of_signals.send(Event::Signal(signal)));
    if let Err(error) = signals::handle_alone(session.control(), idle) {
        session.complain(&signals::unhandled(&error));
        return Exit::Fault;
    }
    let reading = thread::Builder::new()
        .name("input".into())
        .spawn(move || read(input, &events));
    if let Err(error) = reading {
        let report = Report::new(Kind::Fault, format!("no thread for the input: {error}"));
        session.complain(&report);
        return Exit::Fault;
    }
    let exit = statements(session, &happened);
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

fn statements(session: &mut Session, happened: &Receiver<Event>) -> Exit {
    let mut text = String::new();
    loop {
        let attended = session.attend();
        let next = happened.recv();
        drop(attended);
        let is_end = match next {
            Ok(Event::Line(Ok(line))) => {
                text.push_str(&line);
                false
            }
            Ok(Event::Line(Err(error))) => {
                let report = Report::usage(format!("standard input cannot be read: {error}"));
                session.complain(&report);
                return report.exit;
            }
            Ok(Event::Signal(signal)) => return Exit::Signal(signal),
            Ok(Event::End) | Err(_) => true,
        };
        if text.len() as u64 > LARGEST {
            let report = Report::usage("a statement is larger than 4 MiB, and nobody wrote it");
            session.complain(&report);
            return report.exit;
        }
        if is_end || whole::is_whole(text.trim_end_matches('\n')) {
            match session.take(&std::mem::take(&mut text)) {
                Answer::Done if is_end => return Exit::Done,
                Answer::Done => {}
                Answer::Failed(exit) | Answer::Leave(exit) => return exit,
            }
        }
    }
}
