//! `qmpsh eval`: an expression or a few statements, its value on standard output.

use std::ffi::OsString;

use clap::Args;

use super::options::Options;
use super::{begin, finish};
use crate::report::Exit;
use crate::script::called::{self, Allow, Called};
use crate::script::{Session, Settings, Source};
use crate::wire::secret::HIDDEN;

/// Evaluate an expression and print its value: text bare, all else as JSON
#[derive(Debug, Args)]
pub(super) struct Eval {
    #[command(flatten)]
    allow: Allow,
    /// The expression, or a few statements
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    script: String,
    /// What the script finds in `args`
    #[arg(value_name = "WORD")]
    words: Vec<String>,
}

impl Eval {
    /// The words for `args` as a recording tells them: how many. Any may be a password, and they have no names.
    pub(super) fn words_shown(&self) -> impl Iterator<Item = OsString> {
        self.words.iter().map(|_| OsString::from(HIDDEN))
    }

    pub(super) fn execute(self, options: &Options) -> Exit {
        let usual = match begin::settings(options) {
            Ok(settings) => settings,
            Err(exit) => return exit,
        };
        let settings = Settings {
            called: Called {
                permit: self.allow.permit(),
                args: called::words(self.words),
                needed: None,
            },
            ..usual
        };
        let mut session = match Session::new(settings) {
            Ok(session) => session,
            Err(error) => return finish::no_session(&error, options),
        };
        let outcome = begin::run(&mut session, &Source::new("<eval>", self.script));
        let exit = finish::with_value(&session, outcome, options);
        session.leave();
        exit
    }
}
