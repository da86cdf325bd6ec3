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
use crate::vm::schema::{Command, Properties, Reader, Words};

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
                Ok(call::write(
                    current,
                    &commands.list(Reader::in_shell("")),
                    options,
                ))
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

fn help(
    name: &str,
    vm: &Vm,
    commands: &AgentCommands,
    written: &str,
    words: &Words,
) -> Result<String, Report> {
    let command = named(vm, commands, written)?;
    let program = format!("qmpsh agent {name}");
    Ok(commands.help(command, words, Reader::in_shell(&program)))
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
    let named = commands.named(written);
    named.map_err(|finding| Report::of_finding(vm.label(), &finding))
}

fn waiting(vm: &Vm, command: &str) -> String {
    format!("{}: {command}", vm.label())
}
