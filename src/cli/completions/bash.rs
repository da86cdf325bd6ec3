//! Bash, whose line editor ends a word at `=`, `:` and `@` as well: it asks about pieces and replaces the last piece only. Its
//! script puts the words together again, and leaves out of an answer what stands in the line before that piece.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::{Bash as Answering, EnvCompleter};

/// What bash reads; `VAR`, `BIN` and `COMPLETER` stand for the names. A word is told from a piece by the blank before it,
/// which only the line itself shows.
const SCRIPT: &str = include_str!("completions.bash");

/// Bash, with a script of our own.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        Answering.name()
    }

    fn is(&self, name: &str) -> bool {
        Answering.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        _name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let script = SCRIPT
            .replace("COMPLETER", completer)
            .replace("BIN", bin)
            .replace("VAR", var);
        buf.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        line: Vec<OsString>,
        here: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        Answering.write_complete(command, line, here, buf)
    }
}
