//! The command line: one file per subcommand, each with its clap derive and what it does. Results go to standard output,
//! everything else to standard error.

mod agent;
mod allow;
mod call;
mod completions;
mod config;
mod eval;
mod events;
mod finish;
mod ls;
mod one_shot;
mod options;
mod qmp;
mod repl;
mod run;
mod scripts;
mod thaw;
mod verbose;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::options::Options;
use crate::report::Exit;

/// The scripting shell for running QEMU/KVM virtual machines
#[derive(Debug, Parser)]
#[command(
    name = "qmpsh",
    version,
    disable_help_subcommand = true,
    after_help = "Without a command, qmpsh is a session: at a terminal with a prompt, in a pipe with statements from\nstandard input."
)]
struct CommandLine {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Eval(eval::Eval),
    Scripts(scripts::Scripts),
    Qmp(qmp::Qmp),
    Agent(agent::Agent),
    Events(events::Events),
    Ls(ls::Ls),
    Config(config::Config),
    Thaw(thaw::Thaw),
    Completions(completions::Completions),
}

/// Does what the process's command line says and tells how the process ends.
pub fn main() -> Exit {
    if let Some(exit) = completions::answer(CommandLine::command) {
        return exit;
    }
    finish::keep_panics_for_the_report();
    let parsed = CommandLine::command()
        .try_get_matches()
        .and_then(|matches| CommandLine::from_arg_matches(&matches));
    match parsed {
        Ok(CommandLine {
            options,
            command: Some(command),
        }) => command.execute(&options),
        Ok(CommandLine {
            options,
            command: None,
        }) => {
            thaw::warn_of_stale(&options);
            repl::execute(&options)
        }
        Err(error) => usage(&error),
    }
}

impl Command {
    fn execute(self, options: &Options) -> Exit {
        // `thaw` sees for itself.
        if !matches!(self, Self::Thaw(_)) {
            thaw::warn_of_stale(options);
        }
        match self {
            Self::Thaw(thaw) => thaw.execute(options),
            Self::Run(run) => run.execute(options),
            Self::Eval(eval) => eval.execute(options),
            Self::Scripts(scripts) => scripts.execute(options),
            Self::Qmp(qmp) => qmp.execute(options),
            Self::Agent(agent) => agent.execute(options),
            Self::Events(events) => events.execute(options),
            Self::Completions(completions) => completions.execute(options),
            Self::Ls(ls) => ls.execute(options),
            Self::Config(config) => config.execute(options),
        }
    }
}

/// Shows the help of a subcommand that has more to say than clap knows.
fn subcommand_help(name: &str, options: &Options) -> Exit {
    let mut command = CommandLine::command();
    command.build();
    let help = command
        .find_subcommand_mut(name)
        .map(clap::Command::render_long_help);
    let help = help.unwrap_or_default().to_string();
    finish::print(help.trim_end(), options)
}

/// Shows what clap says: help on standard output, a mistake on standard error.
fn usage(error: &clap::Error) -> Exit {
    // Where not even that can be written there is nobody left to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::CommandLine;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_after_the_subcommand() {
        for line in [
            ["qmpsh", "--json", "--timeout", "5s", "-v", "eval", "1"],
            ["qmpsh", "eval", "1", "--json", "--timeout", "5s", "-v"],
        ] {
            let parsed = CommandLine::try_parse_from(line).unwrap();
            assert!(
                parsed.options.json && parsed.options.timeout.is_some(),
                "{line:?}"
            );
            assert_eq!(parsed.options.verbose, 1);
        }
    }
}
