//! What `qmpsh qmp` and `qmpsh agent` have in common: a command with arguments as typed, what is found in it, and its
//! reply.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, IsTerminal, Read};

use clap::Args;
use serde_json::{Map, Value};

use super::finish;
use super::options::Options;
use crate::report::{Exit, Report};
use crate::script::error::Ended;
use crate::script::result;
use crate::script::run::Current;
use crate::vm::schema::{Command, Finding, Properties, Schema, Words, strict_json};

/// The most bytes of `--args`: QEMU reads 3 to 5 seconds a MiB.
const LARGEST: u64 = 16 << 20;

/// A command for a VM.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The VM: its name, its monitor's socket, or qmp=SOCKET,agent=SOCKET
    #[arg(value_name = "VM", required_unless_present = "help")]
    vm: Option<String>,
    /// The command; `_` and `-` are the same
    #[arg(value_name = "COMMAND", required_unless_present = "help")]
    command: Option<String>,
    /// Its arguments; dots lead into objects, numbers into lists: `file.filename=/a`, `keys.0=x`
    #[arg(value_name = "KEY=VALUE")]
    words: Vec<String>,
    /// Arguments as one JSON object, from a file or, with `@-`, from standard input; words add to it
    #[arg(long, value_name = "JSON|@FILE")]
    args: Option<String>,
    /// Print help; after VM and COMMAND that of the command, as this very VM has it
    #[arg(short, long)]
    help: bool,
}

/// What was asked for.
pub(super) enum Request {
    /// How the subcommand is used.
    Usage,
    /// The commands that the VM has.
    List { vm: String },
    /// What a command takes.
    Help {
        vm: String,
        command: String,
        words: Words,
    },
    /// A command.
    Send(Sending),
}

/// A command to be sent.
pub(super) struct Sending {
    pub(super) vm: String,
    pub(super) command: String,
    pub(super) words: Words,
    /// What was given as JSON.
    pub(super) given: Map<String, Value>,
}

impl Call {
    /// The arguments as typed, but for `--args`.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// What was asked for; reads what `--args` names.
    pub(super) fn request(self) -> Result<Request, Report> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let words = || Words::parse(words).map_err(|error| Report::from(&error));
        Ok(match (self.vm, self.command) {
            (Some(vm), Some(command)) if self.help => Request::Help {
                vm,
                command,
                words: words()?,
            },
            (Some(vm), Some(command)) => Request::Send(Sending {
                vm,
                command,
                words: words()?,
                given: match self.args {
                    Some(args) => object(&args)?,
                    None => Map::new(),
                },
            }),
            (Some(vm), None) => Request::List { vm },
            (None, _) => Request::Usage,
        })
    }
}

/// A VM's name as a shell takes it for one word.
pub(super) fn in_shell(name: &str) -> Cow<'_, str> {
    // Only with a NUL there is none, which no word of a command line has.
    shlex::try_quote(name).unwrap_or(Cow::Borrowed(name))
}

/// The object that `--args` means.
fn object(args: &str) -> Result<Map<String, Value>, Report> {
    let read = |name: &str, from: io::Result<Box<dyn Read>>| {
        let mut text = String::new();
        let read = from.and_then(|from| from.take(LARGEST + 1).read_to_string(&mut text));
        match read {
            Ok(bytes) if bytes as u64 > LARGEST => Err(Report::usage(format!(
                "`{name}` is larger than {} MiB",
                LARGEST >> 20
            ))),
            Ok(_) => Ok(text),
            Err(error) => Err(Report::usage(format!("`{name}` cannot be read: {error}"))),
        }
    };
    let (name, text) = match args.strip_prefix('@') {
        None => ("--args", args.to_owned()),
        Some("-") => {
            let name = "standard input";
            (name, read(name, Ok(Box::new(io::stdin())))?)
        }
        Some(path) => {
            let file = File::open(path).map(|file| Box::new(file) as Box<dyn Read>);
            (path, read(path, file)?)
        }
    };
    match strict_json(&text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Report::usage(format!("`{name}` is no JSON object"))
            .with_hint("arguments are an object, as in `{\"id\": \"cd0\", \"force\": true}`")),
        Err(error) if error.is_data() => {
            Err(Report::usage(format!("`{name}` cannot be used: {error}")))
        }
        Err(error) => Err(Report::usage(format!("`{name}` is no JSON: {error}"))),
    }
}

/// A command as it is to be sent, and what was found in it.
pub(super) struct Checked {
    /// Its own name.
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) findings: Vec<Finding>,
}

impl Checked {
    /// A command with its arguments typed and checked.
    pub(super) fn new(
        sending: &Sending,
        schema: &Schema,
        command: &Command,
        properties: &Properties,
    ) -> Result<Self, Report> {
        let typed = sending
            .words
            .typed(schema, command, properties, sending.given.clone());
        let arguments = typed.map_err(|error| Report::from(&error))?;
        Ok(Self {
            name: command.name.clone(),
            findings: schema.check(&command.name, &arguments),
            arguments,
        })
    }

    /// That there is no such command.
    pub(super) fn none(finding: Finding) -> Self {
        Self {
            name: finding.command.clone(),
            arguments: Map::new(),
            findings: vec![finding],
        }
    }

    /// Whether it would be refused.
    pub(super) fn is_wrong(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Tells what is only notable on standard error, and fails with what is wrong.
pub(super) fn refuse(vm: &str, findings: Vec<Finding>, options: &Options) -> Result<(), Ended> {
    let (errors, notable): (Vec<_>, Vec<_>) = findings.into_iter().partition(Finding::is_error);
    let report = |finding: &Finding| Report::of_finding(vm, finding);
    let Some((last, before)) = errors.split_last() else {
        for finding in &notable {
            finish::warn(&report(finding), options);
        }
        return Ok(());
    };
    for error in before {
        finish::complain(&report(error), options);
    }
    Err(report(last).into())
}

/// Writes a command's reply as `qmpsh eval` writes a value; `{}`, which says nothing, is not written.
pub(super) fn print(current: &Current, reply: Value, options: &Options) -> Exit {
    let spread = !options.json && io::stdout().is_terminal();
    let text = match reply {
        Value::Object(members) if members.is_empty() && !options.json => None,
        // The human monitor ends its lines as for a terminal.
        Value::String(text) if !options.json => {
            let text = text.replace("\r\n", "\n");
            let text = text.strip_suffix('\n').unwrap_or(&text);
            (!text.is_empty()).then(|| text.to_owned())
        }
        reply => Some(result::json(&reply, spread)),
    };
    match text.map(|text| write(current, &text, options)) {
        Some(exit) => exit,
        None => Exit::Done,
    }
}

/// Writes what a VM tells of its commands: text for people, or with `--json` what programs read.
pub(super) fn tell(
    current: &Current,
    options: &Options,
    text: impl FnOnce() -> String,
    value: impl FnOnce() -> Value,
) -> Exit {
    let text = if options.json {
        result::json(&value(), false)
    } else {
        text()
    };
    write(current, &text, options)
}

/// Writes text for people on standard output.
fn write(current: &Current, text: &str, options: &Options) -> Exit {
    finish::write(current.run().output(), text, options)
}
