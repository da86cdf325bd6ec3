//! `qmpsh agent`: one command for a guest's agent, its arguments typed and checked by what is known of the agents'
//! commands and what this agent has of them.

use clap::Args;

use super::call::{self, Call, Checked, Request, Sending};
use super::options::Options;
use super::{finish, one_shot, subcommand_help};
use crate::report::{Exit, Report};
use crate::script::run::{Current, Ended};
use crate::vm::Vm;
use crate::vm::agent::AgentCommands;
use crate::vm::schema::{self, Command, Properties, Words};

/// Send one command to the agent in a guest; its reply goes to standard output
///
/// Commands are written with or without `guest-`. A value becomes what the command takes: see `qmpsh qmp --help`.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    override_usage = "qmpsh agent [OPTIONS] VM COMMAND [KEY=VALUE]...\n       qmpsh agent VM --help\n       qmpsh agent VM COMMAND --help"
)]
pub(super) struct Agent {
    #[command(flatten)]
    call: Call,
}

impl Agent {
    /// The arguments as typed.
    pub(super) fn words(&self) -> &[String] {
        self.call.words()
    }

    pub(super) fn execute(self, options: &Options) -> Exit {
        let request = match self.call.request() {
            Ok(Request::Usage) => return subcommand_help("agent", options),
            Ok(request) => request,
            Err(report) => return finish::complain(&report, options),
        };
        one_shot::perform(options, |current| match request {
            Request::Usage => Ok(Exit::Done),
            Request::List { vm } => {
                let (_, commands) = asked(current, &vm)?;
                Ok(call::write(current, &list(&commands), options))
            }
            Request::Help { vm, command, words } => {
                let (handle, commands) = asked(current, &vm)?;
                let text = help(&vm, &handle, &commands, &command, &words)?;
                Ok(call::write(current, &text, options))
            }
            Request::Send(sending) => send(current, &sending, options),
        })
    }
}

/// A VM and what its agent can be told.
fn asked(current: &Current, name: &str) -> Result<(Vm, AgentCommands), Ended> {
    let vm = current.vm(name)?;
    let agent = vm.agent();
    let commands = current.ask(waiting(&vm, "guest-info"), agent.commands())?;
    Ok((vm, commands))
}

/// The agent's commands, and those of them that it will not do now.
fn list(commands: &AgentCommands) -> String {
    let mut text = schema::list(&commands.schema);
    let disabled = commands.disabled();
    if !disabled.is_empty() {
        text.push_str("\n\nNot now, by the agent's configuration or because the guest is frozen:");
        for command in disabled {
            text.push_str("\n  ");
            text.push_str(command);
        }
    }
    text
}

fn help(
    name: &str,
    vm: &Vm,
    commands: &AgentCommands,
    written: &str,
    words: &Words,
) -> Result<String, Report> {
    let command = named(vm, commands, written)?;
    let program = format!("qmpsh agent {name}");
    let mut text = schema::help(&commands.schema, command, words, &program);
    if commands.is_disabled(&command.name) {
        text.push_str(
            "\n\nThis agent will not do it: its configuration forbids it, or the guest is frozen.",
        );
    }
    Ok(text)
}

fn send(current: &Current, sending: &Sending, options: &Options) -> Result<Exit, Ended> {
    let (vm, commands) = asked(current, &sending.vm)?;
    let command = named(&vm, &commands, &sending.command)?;
    let checked = Checked::new(sending, &commands.schema, command, &Properties::default())?;
    call::refuse(vm.label(), checked.findings, options)?;
    let agent = vm.agent();
    let reply = agent.perform(&command.name, checked.arguments);
    let reply = current.ask(waiting(&vm, &command.name), reply)?;
    Ok(call::print(current, reply, options))
}

fn named<'a>(vm: &Vm, commands: &'a AgentCommands, written: &str) -> Result<&'a Command, Report> {
    let found = commands.find(written);
    found
        .and_then(|name| commands.schema.command(name))
        .ok_or_else(|| Report::of_finding(vm.label(), &commands.no_command(written)))
}

fn waiting(vm: &Vm, command: &str) -> String {
    format!("{}: {command}", vm.label())
}
