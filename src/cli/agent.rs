//! `qmpsh agent`: one command for a guest's agent, its arguments typed and checked by what is known of the agents'
//! commands and what this agent has of them.

use clap::Args;
use serde_json::Value;

use super::call::{self, Call, Checked, Request, Sending};
use super::options::Options;
use super::{finish, one_shot, subcommand_help};
use crate::report::{Exit, Report};
use crate::script::error::Ended;
use crate::script::run::Current;
use crate::vm::Vm;
use crate::vm::agent::AgentCommands;
use crate::vm::schema::{self, Command, Properties, Reader, Words};

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
                let list = || commands.list(Reader::in_shell(""));
                Ok(call::tell(current, options, list, || listed(&commands)))
            }
            Request::Help { vm, command, words } => {
                let (handle, commands) = asked(current, &vm)?;
                let command = named(&handle, &commands, &command)?;
                let program = format!("qmpsh agent {}", call::in_shell(&vm));
                let text = || commands.help(command, &words, Reader::in_shell(&program));
                let value = || described(&commands, command, &words);
                Ok(call::tell(current, options, text, value))
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

/// The agent's commands for programs.
fn listed(commands: &AgentCommands) -> Value {
    let all = commands.schema.commands();
    all.map(|command| described(commands, command, &Words::default()))
        .collect()
}

/// A command for programs: `enabled` tells whether the agent will do it.
fn described(commands: &AgentCommands, command: &Command, words: &Words) -> Value {
    let mut told = schema::described(&commands.schema, command, words);
    told["enabled"] = (!commands.is_disabled(&command.name)).into();
    told
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
