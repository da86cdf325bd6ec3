//! `qmpsh qmp`: one command for a VM's monitor, its arguments typed and checked by what this very QEMU takes.

use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value};

use super::call::{self, Call, Checked, Request, Sending};
use super::options::Options;
use super::{finish, one_shot, subcommand_help};
use crate::report::{Exit, Kind, Report};
use crate::script::error::Ended;
use crate::script::run::Current;
use crate::vm::effect::{self, Effect};
use crate::vm::schema::{self, Properties, Reader, Schema, Words};
use crate::vm::{self, ErrorKind, Vm};

/// Send one QMP command; its reply goes to standard output
///
/// A value becomes what the command takes: `id=5` is text where text is wanted. Integers are plain, 0x hexadecimal, or
/// sizes such as 10G (powers of 1024); booleans are true and false, on and off; an object or a list may be written as
/// JSON, and a list of plain items, but for texts, as 1,2,3. Where anything is taken, a value is JSON if it can be, else text.
///
/// What QEMU would refuse for its form is not sent. Text is printed bare, an empty reply not at all, all else as JSON.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    override_usage = "qmpsh qmp [OPTIONS] VM COMMAND [KEY=VALUE]...\n       qmpsh qmp VM --help\n       qmpsh qmp VM COMMAND [KEY=VALUE]... --help"
)]
pub(super) struct Qmp {
    #[command(flatten)]
    call: Call,
}

impl Qmp {
    /// The arguments as typed.
    pub(super) fn words(&self) -> &[String] {
        self.call.words()
    }

    pub(super) fn execute(self, options: &Options) -> Exit {
        let request = match self.call.request() {
            Ok(Request::Usage) => return subcommand_help("qmp", options),
            Ok(request) => request,
            Err(report) => return finish::complain(&report, options),
        };
        one_shot::perform(options, |current| match request {
            Request::Usage => Ok(Exit::Done),
            Request::List { vm } => {
                let (_, schema) = told(current, &vm)?;
                let list = || schema::list(&schema, Reader::in_shell(""));
                let described = || schema::all_described(&schema);
                Ok(call::tell(current, options, list, described))
            }
            Request::Help { vm, command, words } => help(current, &vm, &command, &words, options),
            Request::Send(sending) => send(current, &sending, options),
        })
    }
}

/// A VM and its schema.
pub(super) fn told(current: &Current, name: &str) -> Result<(Vm, Arc<Schema>), Ended> {
    let vm = current.vm(name)?;
    let schema = match current.ask(waiting(&vm, "query-qmp-schema"), vm.schema()) {
        // It cannot be asked, but what it is may be seen.
        Err(Ended::Failed(report)) if report.kind == Kind::Busy => {
            Some(vm.schema_of_held().ok_or_else(|| {
                report.with_hint(
                    "wait for the other, or ask another VM with the same QEMU: its help is the same",
                )
            })?)
        }
        told => told?,
    };
    let schema = schema.ok_or_else(|| Report::no_schema(vm.label()))?;
    Ok((vm, schema))
}

fn help(
    current: &Current,
    name: &str,
    command: &str,
    words: &Words,
    options: &Options,
) -> Result<Exit, Ended> {
    let (vm, schema) = told(current, name)?;
    let Some(command) = schema.named(command) else {
        let finding = schema.no_command(command);
        return Err(Report::of_finding(vm.label(), &finding).into());
    };
    let program = format!("qmpsh qmp {}", call::in_shell(name));
    let text = || schema::help(&schema, command, words, Reader::in_shell(&program));
    let value = || schema::described(&schema, command, words);
    Ok(call::tell(current, options, text, value))
}

fn send(current: &Current, sending: &Sending, options: &Options) -> Result<Exit, Ended> {
    let vm = current.vm(&sending.vm)?;
    let command = sending.command.as_str();
    // QEMU takes 20 ms to tell its schema: a plain question, which does no harm, is put without where it is not known.
    let is_plain = sending.words.is_empty()
        && sending.given.is_empty()
        && effect::of(command, &sending.given) == Effect::Read;
    let schema = async {
        let schema = if is_plain {
            vm.schema_at_hand().await
        } else {
            vm.schema().await
        };
        match schema {
            // QEMU itself still checks what it gets.
            Err(error) if matches!(error.kind, ErrorKind::Schema(_)) => {
                finish::warn(&Report::from(&error), options);
                Ok(None)
            }
            schema => schema,
        }
    };
    let schema = current.ask(waiting(&vm, "query-qmp-schema"), schema)?;
    let (name, arguments) = if let Some(schema) = &schema {
        let mut checked = checked(current, &vm, schema, sending)?;
        if checked.is_wrong() {
            // Nothing is refused for what an earlier run was told.
            let own = current.ask(waiting(&vm, "query-qmp-schema"), vm.own_schema())?;
            if let Some(own) = own {
                checked = self::checked(current, &vm, &own, sending)?;
            }
        }
        call::refuse(vm.label(), checked.findings, options)?;
        (checked.name, checked.arguments)
    } else {
        let untyped = sending.words.untyped(sending.given.clone());
        let untyped = untyped.map_err(|error| Report::from(&error))?;
        (command.to_owned(), untyped)
    };
    let reply = async { Ok::<_, vm::Error>(vm.call(&name, arguments).await) };
    match current.ask(waiting(&vm, &name), reply)? {
        Ok(reply) => Ok(call::print(current, reply, options)),
        Err(error) if schema.is_none() && is_plain => {
            explain(current, &vm, sending, &error, options)
        }
        Err(error) => Err(error.into()),
    }
}

/// The command by its own name, its arguments typed and checked.
fn checked(
    current: &Current,
    vm: &Vm,
    schema: &Schema,
    sending: &Sending,
) -> Result<Checked, Ended> {
    let Some(command) = schema.named(&sending.command) else {
        return Ok(Checked::none(schema.no_command(&sending.command)));
    };
    let properties = if schema.is_open(command) {
        properties(current, vm, sending)?
    } else {
        Properties::default()
    };
    Ok(Checked::new(sending, schema, command, &properties)?)
}

/// The types of the properties of the device that is to be added; none where QEMU knows no such device, which it will
/// say itself.
fn properties(current: &Current, vm: &Vm, sending: &Sending) -> Result<Properties, Ended> {
    let given = || sending.given.get("driver").and_then(Value::as_str);
    let Some(driver) = sending.words.text("driver").or_else(given) else {
        return Ok(Properties::default());
    };
    let name = "device-list-properties";
    let question = Map::from_iter([("typename".to_owned(), Value::from(driver))]);
    let listed = async {
        match vm.call(name, question).await {
            Err(error)
                if error.is_refusal() || matches!(error.kind, ErrorKind::NoCommand { .. }) =>
            {
                Ok(Properties::default())
            }
            listed => listed.map(|listed| Properties::parse(&listed)),
        }
    };
    current.ask(waiting(vm, name), listed)
}

/// A question was sent unchecked and refused: if that was for its form, it is told as if it had been checked.
fn explain(
    current: &Current,
    vm: &Vm,
    sending: &Sending,
    error: &vm::Error,
    options: &Options,
) -> Result<Exit, Ended> {
    let is_refused = error.is_refusal() || matches!(error.kind, ErrorKind::NoCommand { .. });
    if is_refused {
        let schema = current.ask(waiting(vm, "query-qmp-schema"), vm.schema())?;
        if let Some(schema) = schema {
            call::refuse(
                vm.label(),
                schema.check(&sending.command, &Map::new()),
                options,
            )?;
        }
    }
    Err(Report::from(error).into())
}

fn waiting(vm: &Vm, command: &str) -> String {
    format!("{}: {command}", vm.label())
}
