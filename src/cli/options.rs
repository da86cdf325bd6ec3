//! The options that every subcommand has, as typed, and what follows from them.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgMatches, Args, ColorChoice, Command, FromArgMatches, ValueEnum};

use super::opened::Opened;
use crate::duration;

/// Options of every subcommand.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// Print the result as one JSON document on standard output
    #[arg(long, global = true, help_heading = "General options")]
    pub(super) json: bool,
    /// The deadline of each call, such as 30s or 5m
    #[arg(long, global = true, value_name = "TIME", help_heading = "General options", value_parser = deadline)]
    pub(super) timeout: Option<Duration>,
    /// The configuration file, instead of ./qmpsh.toml, the user's and /etc/qmpsh/config.toml
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "General options"
    )]
    pub(super) config: Option<PathBuf>,
    /// When messages are coloured; auto is on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        help_heading = "General options",
        default_value = "auto"
    )]
    pub(super) color: When,
    /// Refuse what would change a VM or its guest, and programs on this host
    #[arg(long, global = true, help_heading = "General options")]
    pub(super) read_only: bool,
    /// Only say what would be changed, in the VM, the guest and on this host: each message as it would be sent
    #[arg(long, global = true, help_heading = "General options")]
    pub(super) dry_run: bool,
    /// Record each message, and what else decides the run, in a new file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "General options"
    )]
    pub(super) record: Option<PathBuf>,
    /// Run against a recording, with no VM: what is sent must be what was recorded
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "General options"
    )]
    pub(super) replay: Option<PathBuf>,
    /// What those opened
    #[arg(skip)]
    pub(super) opened: Opened,
    /// Show each message sent and received on standard error, secrets hidden; -vv shows long ones whole
    #[arg(short, long, global = true, help_heading = "General options", action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

/// When something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    // Plain comments: with documentation here, the long help would differ from the short one for these words alone.
    // On a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    Never,
}

/// A deadline: a time in which something can be answered.
fn deadline(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(time) if time.is_zero() => Err("it must be longer than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(invalid) => Err(invalid.to_string()),
    }
}

impl Options {
    /// Reads a script's own words, with these options beside those that it declares; a script that declares one of
    /// their names has all of them before its name only.
    pub(super) fn read_beside(
        &self,
        command: Command,
        words: &[OsString],
    ) -> Result<(ArgMatches, Self), clap::Error> {
        let general = Self::augment_args(Command::new(""));
        let is_taken = |option: &Arg| {
            command
                .get_arguments()
                .any(|own| own.get_id() == option.get_id())
        };
        if general.get_arguments().any(is_taken) {
            return Ok((command.try_get_matches_from(words)?, self.clone()));
        }
        let command = command.args(general.get_arguments().cloned());
        let matches = command.try_get_matches_from(words)?;
        let given = Self::from_arg_matches(&matches)?;
        let options = Self {
            json: self.json || given.json,
            timeout: given.timeout.or(self.timeout),
            config: given.config.or_else(|| self.config.clone()),
            color: if given.color == When::Auto {
                self.color
            } else {
                given.color
            },
            read_only: self.read_only || given.read_only,
            dry_run: self.dry_run || given.dry_run,
            record: given.record.or_else(|| self.record.clone()),
            replay: given.replay.or_else(|| self.replay.clone()),
            opened: self.opened.clone(),
            verbose: self.verbose + given.verbose,
        };
        Ok((matches, options))
    }

    /// Whether messages are coloured.
    pub(super) fn color(&self) -> bool {
        self.color_on(&io::stderr())
    }

    /// Whether what goes to this stream is coloured.
    pub(super) fn color_on(&self, stream: &impl IsTerminal) -> bool {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        self.color
            .wanted(set("NO_COLOR") || dumb, stream.is_terminal())
    }
}

/// When clap's own messages are coloured, which it writes when it could not read the line, nor so `--color`. On its own it
/// heeds `NO_COLOR`.
pub(super) fn color_of_line(words: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut words = words.into_iter();
    let mut choice = ColorChoice::Auto;
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        let value = match word.strip_prefix("--color") {
            Some("") => words.next().unwrap_or_default(),
            Some(rest) => rest.strip_prefix('=').unwrap_or_default().into(),
            None if word == "--" => break,
            None => continue,
        };
        choice = value.to_string_lossy().parse().unwrap_or(choice);
    }
    choice
}

/// Whether a line that could not be read has `--json`.
pub(super) fn is_json_line(words: impl IntoIterator<Item = OsString>) -> bool {
    let mut words = words.into_iter().take_while(|word| word != "--");
    words.any(|word| word == "--json")
}

impl When {
    fn wanted(self, refused: bool, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && !refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::ColorChoice;

    use super::{When, color_of_line};

    #[test]
    fn the_colour_of_a_line_is_found_where_the_line_cannot_be_read() {
        for (line, choice) in [
            ("nosuch --color always", ColorChoice::Always),
            ("--color=never nosuch", ColorChoice::Never),
            ("--color", ColorChoice::Auto),
            ("--color=sometimes", ColorChoice::Auto),
            ("--colour always", ColorChoice::Auto),
            ("run x -- --color always", ColorChoice::Auto),
        ] {
            let words = line.split(' ').map(OsString::from);
            assert_eq!(color_of_line(words), choice, "{line}");
        }
    }

    #[test]
    fn colour_is_for_a_terminal_whose_user_does_not_refuse_it() {
        assert!(When::Auto.wanted(false, true));
        assert!(!When::Auto.wanted(true, true) && !When::Auto.wanted(false, false));
        assert!(When::Always.wanted(true, false) && !When::Never.wanted(false, true));
    }
}
