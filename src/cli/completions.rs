//! `qmpsh completions`: what a shell needs to complete our command lines, and the answers when it asks. The shell asks
//! this very program for each word, so that VMs, a QEMU's commands and scripts are those that are there at that moment.
//!
//! An answer is quick, connects to nothing that serves another client, and never says anything but the answer.

mod bash;
mod offers;
mod typed;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::panic;
use std::path::PathBuf;

use clap::{Arg, Args, Command, ValueEnum};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter,
};
use clap_complete::env::{EnvCompleter, Fish, Zsh};

use self::bash::Bash;
use self::offers::Host;
use self::typed::Typed;
use super::finish;
use super::options::Options;
use crate::report::Exit;
use crate::script::Source;
use crate::script::argument::Kind;
use crate::script::called;
use crate::script::header::Header;

/// The variable by which a shell asks: its name.
const ASKED_BY: &str = "QMPSH_COMPLETE";

/// Print what makes a shell complete qmpsh's command lines
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
        }
    }
}

impl Completions {
    pub(super) fn execute(&self, options: &Options) -> Exit {
        let mut text = Vec::new();
        if options.json {
            return finish::complain(&finish::no_json("what a shell reads"), options);
        }
        let shell = self.shell.completer();
        // By its name, so that what is printed can be packaged.
        let written = shell.write_registration(ASKED_BY, "qmpsh", "qmpsh", "qmpsh", &mut text);
        match written {
            Ok(()) => finish::print(String::from_utf8_lossy(&text).trim_end(), options),
            Err(error) => finish::unwritten(&error, options),
        }
    }
}

/// Answers the shell that asks what can follow in a line of `command`; none if no shell asks.
pub(super) fn answer(command: impl FnOnce() -> Command) -> Option<Exit> {
    let name = env::var(ASKED_BY).ok()?;
    // Whatever goes wrong, nothing is printed into the line that somebody is typing.
    panic::set_hook(Box::new(|_| {}));
    let shell = Shell::from_str(&name, false).ok()?.completer();
    let line: Vec<OsString> = env::args_os()
        .skip_while(|word| word != "--")
        .skip(1)
        .collect();
    let mut command = with_offers(command(), &Typed::of(&line));
    let mut text = Vec::new();
    let here = env::current_dir().ok();
    let answered = shell
        .write_complete(&mut command, line, here.as_deref(), &mut text)
        .and_then(|()| io::stdout().lock().write_all(&text));
    Some(match answered {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    })
}

/// The command with what can be offered for its arguments.
fn with_offers(mut command: Command, typed: &Typed) -> Command {
    command.build();
    let host = Host {
        config: typed.value_of("--config").map(PathBuf::from),
    };
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let places = typed.places(&command);
    let by_value = |arg| by_value(arg, &host);
    command.mut_args(by_value).mut_subcommands(|command| {
        let command = command.mut_args(by_value);
        let places = match places.split_first() {
            Some((name, places)) if name == command.get_name() => places,
            _ => &[],
        };
        match command.get_name() {
            "run" => with_scripts(command, places, &host),
            "check" => command.mut_arg("scripts", |arg| {
                arg.add(ArgValueCompleter::new(offers::scripts))
            }),
            "scripts" => offering(command, "name", offers::ready_made),
            "man" => {
                let names = names.clone();
                offering(command, "command", move || offers::words(&names))
            }
            "qmp" => with_qmp(command, places, &host),
            "agent" => with_agent(command, places),
            "events" => with_events(command, places, &host),
            _ => command,
        }
    })
}

/// The command, offering these words for one of its arguments.
fn offering<O>(command: Command, argument: &'static str, offer: O) -> Command
where
    O: Fn() -> Vec<CompletionCandidate> + Send + Sync + 'static,
{
    command.mut_arg(argument, |arg| arg.add(ArgValueCandidates::new(offer)))
}

/// What is offered for an argument because of what its value is called.
fn by_value(arg: Arg, host: &Host) -> Arg {
    let value = arg
        .get_value_names()
        .and_then(|names| names.first())
        .map(ToString::to_string);
    match value.as_deref() {
        Some("VM") => vm(arg, host),
        Some("PATH" | "FILE" | "PROGRAM") => arg.add(ArgValueCompleter::new(PathCompleter::any())),
        Some("NAME") if arg.get_id() == "env" => {
            arg.add(ArgValueCandidates::new(offers::variables))
        }
        _ => arg,
    }
}

fn vm(arg: Arg, host: &Host) -> Arg {
    let host = host.clone();
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        host.vms(current)
    }))
}

fn with_qmp(command: Command, places: &[String], host: &Host) -> Command {
    let host = host.clone();
    match places {
        [] => command,
        [vm] => {
            let vm = vm.clone();
            offering(command, "command", move || host.commands(&vm))
        }
        [vm, name, typed @ ..] => {
            let (vm, name, typed) = (vm.clone(), name.clone(), typed.to_vec());
            offering(command, "words", move || host.arguments(&vm, &name, &typed))
        }
    }
}

fn with_agent(command: Command, places: &[String]) -> Command {
    match places {
        [] => command,
        [_] => command.mut_arg("command", |arg| {
            arg.add(ArgValueCompleter::new(offers::agent_commands))
        }),
        [_, name, typed @ ..] => {
            let (name, typed) = (name.clone(), typed.to_vec());
            offering(command, "words", move || {
                offers::agent_arguments(&name, &typed)
            })
        }
    }
}

fn with_events(command: Command, places: &[String], host: &Host) -> Command {
    let Some(vm) = places.first().cloned() else {
        return command;
    };
    let host = host.clone();
    offering(command, "filters", move || host.events(&vm))
}

/// `qmpsh run` with the script that is named in the line, whose arguments follow it, as if it were a command of its own.
fn with_scripts(run: Command, places: &[String], host: &Host) -> Command {
    let run = run.mut_arg("words", |arg| {
        arg.add(ArgValueCompleter::new(offers::scripts))
    });
    let Some(script) = places.first() else {
        return run;
    };
    let Some(header) = Source::glance(script).and_then(|source| Header::read(&source.text).ok())
    else {
        return run;
    };
    let mut command = called::command(script, &header).no_binary_name(false);
    for declared in header.arguments.iter().flatten() {
        let kind = declared.kind.clone();
        command = command.mut_arg(&declared.name, |arg| match kind {
            Kind::Vm | Kind::Vms => vm(arg, host),
            Kind::Path => arg.add(ArgValueCompleter::new(PathCompleter::any())),
            Kind::Choice(words) => arg.add(ArgValueCandidates::new(move || offers::words(&words))),
            _ => arg,
        });
    }
    run.subcommand(command)
}
