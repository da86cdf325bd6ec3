//! `qmpsh man`: a man page of the program or of one of its commands, in roff, from the definitions that make the help.

use std::io;

use clap::builder::StyledStr;
use clap::{Args, Command};
use clap_mangen::Man;
use roff::{Inline, Roff, bold, roman};

use super::finish;
use super::manual::{self, Entry};
use super::options::Options;
use crate::nearest::did_you_mean;
use crate::report::{Exit, Report};

/// When what the pages say last changed much: pages carry a date.
const DATE: &str = "2026-11-21";

/// Print a man page: of qmpsh, or of one of its commands
#[derive(Debug, Args)]
pub(super) struct ManPage {
    /// The command
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl ManPage {
    pub(super) fn execute(&self, mut program: Command, options: &Options) -> Exit {
        if options.json {
            return finish::complain(&finish::no_json("a man page"), options);
        }
        program.build();
        let command = match &self.command {
            None => &program,
            Some(name) => match program.find_subcommand(name) {
                Some(command) => command,
                None => return finish::complain(&unknown(name, &program), options),
            },
        };
        let mut text = Vec::new();
        let page = page(command, &program, &mut text).map(|()| tidy(&text));
        match page {
            Ok(page) => finish::print(page.trim_end(), options),
            Err(error) => finish::unwritten(&error, options),
        }
    }
}

/// The page without what checkers of man pages warn of: blank lines between breaks, and blanks at the ends of lines.
fn tidy(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .replace(".br\n\n.br\n", ".sp\n")
        .replace(" \n", "\n")
}

fn unknown(name: &str, program: &Command) -> Report {
    let mut report = Report::usage(format!("there is no command `{name}`"));
    report.hint = did_you_mean(name, program.get_subcommands().map(Command::get_name));
    report
}

fn page(command: &Command, program: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let version = program.get_version().unwrap_or_default();
    let is_program = command.get_name() == program.get_name();
    let name = command.get_display_name().unwrap_or("qmpsh").to_uppercase();
    let mut title = Roff::new();
    let source = format!("qmpsh {version}");
    title.control("TH", [&*name, "1", DATE, &source, "User Commands"]);
    title.to_writer(text)?;
    let man = Man::new(for_page(command));
    man.render_name_section(text)?;
    man.render_synopsis_section(text)?;
    man.render_description_section(text)?;
    if is_program {
        man.render_subcommands_section(text)?;
    }
    man.render_options_section(text)?;
    let mut own = Roff::new();
    if is_program {
        table(&mut own, "ENVIRONMENT", manual::ENVIRONMENT);
        table(&mut own, "FILES", manual::FILES);
    }
    table(&mut own, "EXIT STATUS", manual::EXIT_CODES);
    examples(&mut own, command.get_name());
    see_also(&mut own, command, program);
    own.to_writer(text)
}

/// The command with the usage of its help, which tells what is repeated, and without what its help says of the short help.
fn for_page(command: &Command) -> Command {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    command
        .clone()
        .override_usage(usage.to_owned())
        .mut_args(|arg| {
            let is_of_clap = |text: &StyledStr| text.to_string().contains("(see ");
            if arg.get_id() == "help" && arg.get_help().is_some_and(is_of_clap) {
                arg.help("Print help").long_help("Print help")
            } else {
                arg
            }
        })
}

fn table(roff: &mut Roff, title: &str, entries: &[Entry]) {
    roff.control("SH", [title]);
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
}

fn examples(roff: &mut Roff, command: &str) {
    let mut examples = manual::examples(command).peekable();
    if examples.peek().is_some() {
        roff.control("SH", ["EXAMPLES"]);
    }
    for (does, line) in examples {
        roff.control("TP", []);
        roff.text([roman(does)]);
        roff.text([bold(line)]);
    }
}

fn see_also(roff: &mut Roff, command: &Command, program: &Command) {
    roff.control("SH", ["SEE ALSO"]);
    let shown = |other: &&Command| !other.is_hide_set();
    let pages = std::iter::once(program).chain(program.get_subcommands().filter(shown));
    let mut line: Vec<Inline> = Vec::new();
    for page in pages.filter(|page| page.get_name() != command.get_name()) {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        let name = page.get_display_name().unwrap_or_else(|| page.get_name());
        line.extend([bold(name), roman("(1)")]);
    }
    roff.text(line);
}
