//! A script as it is called: the words of a line, read as its header declares, become what it finds in `args` and what it may
//! touch. A shell's line is read by the command line; here are those of a session.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use rhai::Dynamic;

use super::{Allow, command, to_script, values};
use crate::report::Report;
use crate::script::header::Header;
use crate::script::permit::Permit;
use crate::vm::Needed;

/// What a script is given with its call.
#[derive(Clone, Debug)]
pub struct Called {
    /// What of this host it may touch.
    pub permit: Permit,
    /// What it finds in `args`.
    pub args: Dynamic,
    /// The QEMU that its VMs must have.
    pub needed: Option<Needed>,
}

/// Why a line calls no script.
#[derive(Debug)]
pub enum Uncalled {
    /// It asks for help, which is this.
    Help(String),
    /// It is wrong.
    Wrong(Report),
}

/// The line that calls a script, before its header is read.
#[derive(Clone, Debug)]
pub struct Line {
    allow: Allow,
    /// The script, as it is named.
    pub script: String,
    words: Vec<String>,
}

/// The id of a line's script and its words.
const SCRIPT: &str = "script";

impl Default for Called {
    /// Nothing of this host, and no arguments.
    fn default() -> Self {
        Self {
            permit: Permit::default(),
            args: Dynamic::from_array(Vec::new()),
            needed: None,
        }
    }
}

impl Called {
    /// What a script is given, `name` to messages, whose words were read as `matches`, and which may touch this besides what it
    /// declares.
    pub fn of(name: &str, header: &Header, matches: &ArgMatches, allow: Allow) -> Self {
        let values = values(header, matches);
        let mut permit = header.permit(&values);
        permit.widen(allow.permit());
        Self {
            permit,
            args: to_script(header, matches, &values),
            needed: header.qemu.map(|oldest| Needed {
                qemu: oldest.release,
                by: name.to_owned(),
            }),
        }
    }
}

impl Line {
    /// Reads `[--allow-...] SCRIPT WORDS...`, which `name` calls.
    pub fn read(name: &str, words: Vec<String>) -> Result<Self, Uncalled> {
        let script = Arg::new(SCRIPT)
            .value_name("SCRIPT [ARGS]")
            .required(true)
            .num_args(1..)
            .trailing_var_arg(true)
            .help("the script and its own arguments; `--help` after the script shows those");
        let line = Command::new(name.to_owned())
            .no_binary_name(true)
            .override_usage(format!("{name} [OPTIONS] SCRIPT [ARGS]..."));
        let matches = Allow::augment_args(line)
            .about("Run a script: a ready-made one by its name, or one in a file")
            .arg(script)
            .try_get_matches_from(words)
            .map_err(uncalled)?;
        let allow = Allow::from_arg_matches(&matches).map_err(uncalled)?;
        let mut words = matches.get_many::<String>(SCRIPT).into_iter().flatten();
        Ok(Self {
            allow,
            script: words.next().cloned().unwrap_or_default(),
            words: words.cloned().collect(),
        })
    }

    /// Reads the own words of the script `name`, as its header declares them; `by` calls it.
    pub fn call(self, by: &str, name: &str, header: &Header) -> Result<Called, Uncalled> {
        let matches = command(by, header).try_get_matches_from(self.words);
        let matches = matches.map_err(uncalled)?;
        Ok(Called::of(name, header, &matches, self.allow))
    }
}

fn uncalled(error: Error) -> Uncalled {
    if error.kind() == ErrorKind::DisplayHelp {
        return Uncalled::Help(error.render().to_string().trim_end().to_owned());
    }
    Uncalled::Wrong(misread(&error))
}

/// What is wrong with a line that clap could not read.
pub fn misread(error: &Error) -> Report {
    let text = error.render().to_string();
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let (tips, mut others): (Vec<_>, Vec<_>) =
        paragraphs.partition(|paragraph| paragraph.starts_with("tip: "));
    let message = others.remove(0);
    let mut report = Report::usage(message.trim_start_matches("error: "));
    report.hint = tips
        .first()
        .map(|tip| tip.trim_start_matches("tip: ").to_owned());
    report
}
