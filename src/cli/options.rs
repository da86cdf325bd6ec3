//! The options that every subcommand has, as typed, and what follows from them.

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::vm::duration;

/// Options of every subcommand.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// Print the result as one JSON document on standard output
    #[arg(long, global = true, help_heading = "General options")]
    pub(super) json: bool,
    /// The deadline of each call, such as 30s or 5m
    #[arg(long, global = true, value_name = "TIME", help_heading = "General options", value_parser = deadline)]
    pub(super) timeout: Option<Duration>,
    /// When messages are coloured
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        help_heading = "General options",
        default_value = "auto"
    )]
    pub(super) color: When,
    /// Show each message sent and received on standard error, secrets hidden
    #[arg(short, long, global = true, help_heading = "General options", action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

/// When something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
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
    /// Whether messages are coloured.
    pub(super) fn color(&self) -> bool {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        self.color
            .wanted(set("NO_COLOR") || dumb, io::stderr().is_terminal())
    }
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
    use super::When;

    #[test]
    fn colour_is_for_a_terminal_whose_user_does_not_refuse_it() {
        assert!(When::Auto.wanted(false, true));
        assert!(!When::Auto.wanted(true, true) && !When::Auto.wanted(false, false));
        assert!(When::Always.wanted(true, false) && !When::Never.wanted(false, true));
    }
}
