//! The line of a session that calls a script. A shell's line is read by the command line.

use clap::error::ErrorKind;
use clap::{Arg, Args, Command, Error, FromArgMatches};

use super::{Allow, Called, command};
use crate::report::Report;
use crate::script::header::Header;

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
