//! The command line: one file per subcommand, each with its clap derive and what it does. Results go to standard output,
//! everything else to standard error.

mod agent;
mod begin;
mod call;
mod check;
mod completions;
mod config;
mod dry_run;
mod eval;
mod events;
mod finish;
mod ls;
mod man;
mod manual;
mod modes;
mod one_shot;
mod opened;
mod options;
mod qmp;
mod repl;
mod run;
mod scripts;
mod thaw;
mod told;
mod verbose;

use std::env;
use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::options::Options;
use crate::report::{Exit, Report};

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
    Ls(ls::Ls),
    Run(run::Run),
    Eval(eval::Eval),
    Qmp(qmp::Qmp),
    Agent(agent::Agent),
    Events(events::Events),
    Thaw(thaw::Thaw),
    Check(check::Check),
    Scripts(scripts::Scripts),
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::ManPage),
}

/// The command line, with all that its help says.
fn command() -> clap::Command {
    manual::with_help(CommandLine::command())
}

/// Does what the process's command line says and tells how the process ends.
pub fn main() -> Exit {
    if let Some(exit) = completions::answer(command) {
        return exit;
    }
    begin::keep_panics_for_the_report();
    let parsed = command()
        .color(options::color_of_line(env::args_os()))
        .try_get_matches()
        .and_then(|matches| CommandLine::from_arg_matches(&matches));
    match parsed {
        Ok(line) => {
            let exit = match line.command {
                Some(command) => command.execute(&line.options),
                None => repl::execute(&line.options),
            };
            modes::close(exit, &line.options)
        }
        Err(error) => usage(&error),
    }
}

impl Command {
    fn execute(self, options: &Options) -> Exit {
        if let Some(why) = self.unplayable() {
            let rule = if options.replay.is_some() {
                "a replay plays what scripts and commands ask of VMs"
            } else if options.record.is_some() {
                "what scripts and commands ask of VMs is recorded, to be played again"
            } else {
                ""
            };
            if !rule.is_empty() {
                return finish::complain(&Report::usage(format!("{why}: {rule}")), options);
            }
        }
        let head = match &self {
            // It has its options from behind the script's name as well.
            Self::Run(_) => None,
            // The expression may hold a password.
            Self::Eval(eval) => Some(modes::head("<eval>", eval.words_shown(), &[])),
            _ => Some(modes::head("qmpsh", env::args_os().skip(1), self.call())),
        };
        if let Some(head) = head {
            if let Err(report) = modes::open(options, &head) {
                return finish::complain(&report, options);
            }
            // `thaw` sees for itself.
            if !matches!(self, Self::Thaw(_)) {
                thaw::warn_of_stale(options);
            }
        }
        match self {
            Self::Ls(ls) => ls.execute(options),
            Self::Run(run) => run.execute(options),
            Self::Eval(eval) => eval.execute(options),
            Self::Qmp(qmp) => qmp.execute(options),
            Self::Agent(agent) => agent.execute(options),
            Self::Events(events) => events.execute(options),
            Self::Thaw(thaw) => thaw.execute(options),
            Self::Check(check) => check.execute(options),
            Self::Scripts(scripts) => scripts.execute(options),
            Self::Config(_) => config::Config::execute(options),
            Self::Completions(completions) => completions.execute(options),
            Self::Man(page) => page.execute(command(), options),
        }
    }
}

impl Command {
    /// Why there is nothing to record of this command, and nothing to play for it.
    fn unplayable(&self) -> Option<&'static str> {
        Some(match self {
            Self::Ls(_) => "the list of VMs is no part of a recording",
            Self::Config(_) => "the configuration is no part of a recording",
            Self::Thaw(thaw) if thaw.is_of_this_host() => {
                "a recording does not hold this host's records of freezes"
            }
            Self::Check(_) | Self::Scripts(_) | Self::Completions(_) | Self::Man(_) => {
                "this asks nothing of a VM"
            }
            _ => return None,
        })
    }

    /// The `KEY=VALUE` of a command for a VM.
    fn call(&self) -> &[String] {
        match self {
            Self::Qmp(qmp) => qmp.words(),
            Self::Agent(agent) => agent.words(),
            _ => &[],
        }
    }
}

/// Shows the help of a subcommand that has more to say than clap knows.
fn subcommand_help(name: &str, options: &Options) -> Exit {
    let mut command = command();
    command.build();
    let help = command
        .find_subcommand_mut(name)
        .map(clap::Command::render_long_help);
    let help = help.unwrap_or_default().to_string();
    finish::print(help.trim_end(), options)
}

/// Shows what clap says: help on standard output, a mistake on standard error.
fn usage(error: &clap::Error) -> Exit {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if is_help {
        return match error.print().and_then(|()| io::stdout().flush()) {
            Ok(()) => Exit::Done,
            Err(failed) if failed.kind() == io::ErrorKind::BrokenPipe => {
                Exit::Signal(finish::SIGPIPE)
            }
            Err(failed) => {
                let report = finish::unwritable(&failed);
                finish::tell(&told::of_line(
                    &report,
                    options::is_json_line(env::args_os()),
                ));
                report.exit
            }
        };
    }
    if options::is_json_line(env::args_os()) {
        finish::tell(&told::usage(error));
    } else {
        // Where not even that can be written there is nobody left to tell.
        let _ = error.print();
    }
    Exit::Usage
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
