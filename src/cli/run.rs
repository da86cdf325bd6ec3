//! `qmpsh run`: a script from a file, from standard input or from the binary, with the arguments that it declares.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

use clap::Args;

use super::allow::Allow;
use super::options::{self, Options};
use super::{finish, modes, thaw, told, usage};
use crate::nearest::did_you_mean;
use crate::report::{Exit, Report};
use crate::script::header::Header;
use crate::script::{Session, Settings, Source, argument, ready_made, source};
use crate::vm::Needed;
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
        let source = match find(script) {
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
        let command = argument::command(&format!("qmpsh run {}", source.name), &header)
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
        let secrets = argument::secrets(&header, matches);
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
        if let Err(report) = options.modes.open(options, &head) {
            return finish::complain(&report, options);
        }
        thaw::warn_of_stale(options);
        let values = argument::values(&header, matches);
        let mut permit = header.permit(&values);
        permit.widen(self.allow.permit());
        let mut vms = finish::vm_settings(options);
        vms.needed = header.qemu.map(|oldest| Needed {
            qemu: oldest.release,
            by: source.name.clone(),
        });
        let usual = match finish::settings_with(vms, options) {
            Ok(settings) => settings,
            Err(exit) => return exit,
        };
        let settings = Settings {
            permit,
            args: argument::to_script(&header, matches, &values),
            // Who runs a ready-made script did not write it.
            lines: options.verbose > 0 || ready_made::find(&source.name).is_none(),
            ..usual
        };
        let mut session = match Session::new(settings) {
            Ok(session) => session,
            Err(error) => return finish::no_session(&error, options),
        };
        let outcome = finish::run(&mut session, &source);
        let exit = if options.json {
            finish::with_value(&session, outcome, options)
        } else {
            finish::without_value(outcome, options)
        };
        session.leave();
        exit
    }
}

/// The script that `word` means. A bare name is a ready-made script before it is a file: a file in the working
/// directory must not take its place unseen.
pub(super) fn find(word: &OsStr) -> Result<Source, Report> {
    if word == "-" {
        let bytes = source::read(io::stdin())
            .map_err(|error| Report::usage(format!("standard input cannot be read: {error}")))?;
        return text(bytes, "<stdin>");
    }
    let name = word.to_string_lossy();
    if let Some(script) = ready_made::find(&name) {
        return Ok(Source::new(&*name, script));
    }
    let path = Path::new(word);
    match File::open(path).and_then(source::read) {
        Ok(bytes) => text(bytes, &name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(&name)),
        Err(error) => Err(Report::usage(format!("`{name}` cannot be read: {error}"))),
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

fn text(bytes: Vec<u8>, name: &str) -> Result<Source, Report> {
    let text = String::from_utf8(bytes).map_err(|wrong| {
        let before = &wrong.as_bytes()[..wrong.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        Report::usage(format!("`{name}` is not UTF-8 text: see line {line}"))
    })?;
    if text.trim().is_empty() {
        return Err(Report::usage(format!("`{name}` is empty")));
    }
    Ok(Source::new(name, text))
}
