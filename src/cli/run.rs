//! `qmpsh run`: a script from a file, from standard input or from the binary, with the arguments that it declares.

use std::env;
use std::ffi::OsString;

use clap::Args;

use super::options::{self, Options};
use super::{begin, finish, modes, thaw, told, usage};
use crate::report::{Exit, Report};
use crate::script::called::{self, Allow, Called};
use crate::script::header::Header;
use crate::script::{Session, Settings, Source};
use crate::wire::secret::HIDDEN;

/// Run a script: a file, `-` for standard input, or a ready-made script by its name
#[derive(Debug, Args)]
#[command(override_usage = "qmpsh run [OPTIONS] SCRIPT [ARGS]...")]
pub(super) struct Run {
    #[command(flatten)]
    allow: Allow,
    /// The script and its own arguments; `--help` after the script shows those
    #[arg(value_name = "SCRIPT [ARGS]", required = true, num_args = 1.., trailing_var_arg = true)]
    words: Vec<OsString>,
}

impl Run {
    pub(super) fn execute(self, options: &Options) -> Exit {
        let Some((script, words)) = self.words.split_first() else {
            return finish::complain(&Report::usage("no script was given"), options);
        };
        let source = match Source::find(script) {
            Ok(source) => source,
            Err(report) => return finish::complain(&report, options),
        };
        let header = match Header::read(&source.text) {
            Ok(header) => header,
            Err(invalid) => {
                finish::tell(&told::bad_header(&invalid, &source, options));
                return invalid.report.exit;
            }
        };
        let command = called::command(&format!("qmpsh run {}", source.name), &header)
            .color(options::color_of_line(env::args_os()));
        let read = match header.arguments {
            Some(_) => options.read_beside(command, words),
            // Without declared arguments all words are the script's.
            None => command
                .try_get_matches_from(words)
                .map(|matches| (matches, options.clone())),
        };
        let (matches, options) = match &read {
            Ok((matches, options)) => (matches, options),
            Err(error) => return usage(error),
        };
        let secrets = called::secrets(&header, matches);
        let shown = words.iter().map(|word| {
            // Without declared arguments no name tells what a word is.
            let is_secret = header.arguments.is_none() || secrets.contains(word);
            (if is_secret {
                HIDDEN.into()
            } else {
                word.clone()
            }) as OsString
        });
        let head = modes::head(&source.name, shown, &[]);
        if let Err(report) = modes::open(options, &head) {
            return finish::complain(&report, options);
        }
        thaw::warn_of_stale(options);
        let called = Called::of(&source.name, &header, matches, self.allow);
        let usual = match begin::settings(options) {
            Ok(settings) => settings,
            Err(exit) => return exit,
        };
        let settings = Settings {
            called,
            lines: options.verbose > 0 || !source.is_ready_made(),
            ..usual
        };
        let mut session = match Session::new(settings) {
            Ok(session) => session,
            Err(error) => return finish::no_session(&error, options),
        };
        let outcome = begin::run(&mut session, &source);
        let exit = if options.json {
            finish::with_value(&session, outcome, options)
        } else {
            finish::without_value(outcome, options)
        };
        session.leave();
        exit
    }
}
