//! Scripts through [`qmpsh::script::Session`], as every command runs them, and through the program itself; with no VM.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod check;
mod check_delivered;
mod check_host;
mod check_modules;
mod check_options;
mod check_values;
mod closures;
mod commands;
mod documented;
mod errors;
mod examples;
mod flow;
mod guards;
mod host;
mod imports;
mod language;
mod lines;
mod pages;
mod parallel;
mod reference;
mod repl;
mod replay;
mod stops;
mod workflows;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use qmpsh::script::output::Output;
use qmpsh::script::{Ending, Outcome, Session, Settings, Source};

/// Bytes that a stream was given, readable while it lives.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A session whose streams are kept.
struct Stage {
    session: Session,
    printed: Kept,
    logged: Kept,
}

impl Stage {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let (printed, logged) = (Kept::default(), Kept::default());
        let output = Output::to(Box::new(printed.clone()), Box::new(logged.clone()));
        let session = Session::new(Settings { output, ..settings }).unwrap();
        Self {
            session,
            printed,
            logged,
        }
    }

    fn run(&mut self, script: &str) -> Outcome {
        self.session.run(&Source::new("test.rhai", script))
    }

    /// The script's value as text; an error as it is drawn.
    fn value(&mut self, script: &str) -> String {
        match self.run(script).ending {
            Ending::Value(value) => value.to_string(),
            Ending::Failed(failure) => failure.drawn,
            other => format!("{other:?}"),
        }
    }

    /// The error that ends the script, as drawn.
    fn failure(&mut self, script: &str) -> String {
        match self.run(script).ending {
            Ending::Failed(failure) => failure.drawn,
            other => panic!("ended otherwise: {other:?}"),
        }
    }
}

/// The value of a script in a session of its own.
fn value(script: &str) -> String {
    Stage::new().value(script)
}

/// The error of a script in a session of its own, as drawn.
fn failure(script: &str) -> String {
    Stage::new().failure(script)
}
