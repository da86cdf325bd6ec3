//! Commands for QEMU and for agents whose names stand in a script, compared with what a QEMU takes. What only the run knows
//! is taken to be right, and what a script asks about before it is used, or may fail, is told only where no QEMU has it.

use std::mem::discriminant;
use std::sync::{Arc, LazyLock};

use rhai::Position;

use super::functions::Functions;
use super::given::Given;
use super::seen::{Before, Call, Seen};
use crate::report::Report;
use crate::script::AGENT_CALL;
use crate::vm::Release;
use crate::vm::agent::AgentCommands;
use crate::vm::schema::{Bundled, Finding, Problem, Schema, bundled};

/// A QEMU that scripts are for.
pub struct Target {
    /// What messages call it: `QEMU 7.2`, or a VM's name.
    pub name: String,
    /// Its release; none where that is not known.
    pub release: Option<Release>,
    /// What it takes.
    pub schema: Arc<Schema>,
}

/// All versions that are bundled.
static EVERY: LazyLock<Vec<Schema>> = LazyLock::new(|| bundled().map(Bundled::schema).collect());
static AGENTS: LazyLock<AgentCommands> = LazyLock::new(AgentCommands::known);
/// What messages call the commands of all agents.
const OF_AGENTS: &str = "guest agents";

/// A command as it stands in a script.
struct Sent<'a> {
    command: &'a str,
    /// Its arguments; none where they are not known.
    arguments: Option<Given>,
    is_agents: bool,
}

/// What is to be told of a command, or of an event.
pub(super) struct Told {
    /// The QEMU that it is about.
    pub(super) target: String,
    /// What is wrong with it.
    pub(super) report: Report,
    pub(super) position: Position,
    pub(super) is_error: bool,
}

/// What is wrong with a call, or notable, if it sends a command.
pub(super) fn findings(
    call: &Call,
    seen: &Seen,
    functions: &Functions,
    targets: &[&Target],
) -> Vec<Told> {
    let Some(sent) = sent(call).filter(|_| !may_be_held(call, seen, functions)) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    if sent.is_agents {
        // Of one that the table does not have there may be another vendor's agent; who knows asks it before.
        let is_certain = |finding: &Finding| match &finding.problem {
            Problem::NoCommand { nearest } => {
                nearest.is_some() || !call.is_guarded && !seen.words.contains(sent.command)
            }
            _ => true,
        };
        let found = compare(&AGENTS.schema, &sent, sent.command);
        let found = found.into_iter().filter(is_certain);
        told.extend(found.map(|finding| tell(OF_AGENTS, &finding, &sent, call)));
    }
    for target in targets.iter().filter(|_| !sent.is_agents) {
        let named = target
            .schema
            .named(sent.command)
            .filter(|_| sent.is_typed(call));
        let command = named.map_or(sent.command, |command| command.name.as_str());
        for finding in compare(&target.schema, &sent, command) {
            if is_certain(&finding, &sent, call, seen) || everywhere(&finding, &sent, command) {
                told.push(tell(&target.name, &finding, &sent, call));
            }
        }
    }
    told
}

/// Whether what looks like a command may be a function of the script's own.
fn may_be_held(call: &Call, seen: &Seen, functions: &Functions) -> bool {
    let is_own = |name: &str| seen.members.contains(name) || functions.is_own(name);
    match &call.of {
        Some(_) => false,
        None => {
            is_own(&call.name) || matches!(&call.before, Before::Property(name) if is_own(name))
        }
    }
}

impl Sent<'_> {
    /// Whether it is written as a method, with `_` for `-`.
    fn by_method(&self, call: &Call) -> bool {
        self.command == call.name
    }

    /// Whether it may be written with `_` for `-`.
    fn is_typed(&self, call: &Call) -> bool {
        self.by_method(call) || call.name == "arguments"
    }
}

/// The command that a call sends.
fn sent(call: &Call) -> Option<Sent<'_>> {
    let text = || call.arguments.first().and_then(Given::text);
    let is_vms = |call: &Call| call.of.as_ref().is_none_or(|kind| kind.is_handle("vm"));
    let nothing = || Some(Given::nothing(call.position));
    let object = |at: usize| match call.arguments.get(at) {
        None => nothing(),
        Some(given) => given.object().map(|_| given.clone()),
    };
    let (command, arguments, is_agents) = match call.name.as_str() {
        _ if call.before == Before::Nothing || call.module.is_some() => return None,
        _ if call.is_of("qmp") => (call.name.as_str(), object(0), false),
        "qmp" if is_vms(call) => (text()?, object(1), false),
        // Its words are read by the run.
        "arguments" if is_vms(call) => (text()?, None, false),
        "transaction" if is_vms(call) => {
            let actions = call.arguments.first()?;
            if call.arguments.len() > 1 || !actions.value.is_array() {
                return None;
            }
            ("transaction", Some(actions.clone().below("actions")), false)
        }
        AGENT_CALL if call.is_of("agent") => (text()?, object(1), true),
        AGENT_CALL if call.of.is_none() && text()?.starts_with("guest-") => {
            (text()?, object(1), true)
        }
        _ => return None,
    };
    Some(Sent {
        command,
        arguments,
        is_agents,
    })
}

/// What the schema has against a command, as far as its arguments are known.
fn compare(schema: &Schema, sent: &Sent, command: &str) -> Vec<Finding> {
    let empty = serde_json::Map::new();
    let arguments = sent.arguments.as_ref().and_then(Given::object);
    let mut found = schema.check(command, arguments.unwrap_or(&empty));
    found.retain(|finding| match &sent.arguments {
        None => finding.path.is_empty(),
        Some(given) => match finding.problem {
            Problem::WrongType { .. } | Problem::WrongValue { .. } => !given.is_open(&finding.path),
            _ => true,
        },
    });
    found
}

/// Whether what was found holds whatever happens in the run.
fn is_certain(finding: &Finding, sent: &Sent, call: &Call, seen: &Seen) -> bool {
    if call.is_guarded {
        return false;
    }
    let last = finding.path.rsplit('.').next().unwrap_or_default();
    match &finding.problem {
        Problem::NoCommand { .. } => !seen.words.contains(sent.command),
        // A value that turns out to be `()` leaves its key out.
        Problem::NoMember { .. } => {
            let is_open = |given: &Given| given.is_open(&finding.path);
            !sent.arguments.as_ref().is_some_and(is_open) && !seen.asks_for(last)
        }
        Problem::WrongValue { given, .. } => !seen.asks_for(given),
        _ => true,
    }
}

/// Whether it is so with every QEMU that is known.
fn everywhere(finding: &Finding, sent: &Sent, command: &str) -> bool {
    let is_same = |other: &Finding| {
        other.path == finding.path && discriminant(&other.problem) == discriminant(&finding.problem)
    };
    let is_missing = matches!(finding.problem, Problem::NoCommand { .. });
    EVERY
        .iter()
        .filter(|schema| is_missing || schema.command(command).is_some())
        .all(|schema| compare(schema, sent, command).iter().any(is_same))
}

fn tell(target: &str, finding: &Finding, sent: &Sent, call: &Call) -> Told {
    let place = match finding.path.as_str() {
        "" if sent.by_method(call) => None,
        "" => call.arguments.first().and_then(|name| name.place("")),
        path => sent.arguments.as_ref().and_then(|given| given.place(path)),
    };
    Told {
        target: target.to_owned(),
        report: about(target, finding),
        position: place.unwrap_or(call.position),
        is_error: finding.is_error(),
    }
}

/// A finding in a script.
pub(super) fn about(target: &str, finding: &Finding) -> Report {
    let report = Report::of_finding(target, finding);
    // Some speak of a line in a shell.
    let is_for_shells = match &finding.problem {
        Problem::WrongType { .. } => true,
        Problem::NoCommand { nearest } => nearest.is_none(),
        _ => false,
    };
    let hint = match &finding.problem {
        Problem::NoCommand { nearest: None } if target == OF_AGENTS => {
            let full = format!("guest-{}", finding.command);
            let is_short = AGENTS.schema.command(&full).is_some();
            is_short.then(|| format!("did you mean `{full}`?"))
        }
        // Nor of the help that is asked for there.
        _ => report
            .hint
            .filter(|_| !is_for_shells)
            .map(|hint| hint.replace(", which `--help` lists", "")),
    };
    Report {
        message: finding.to_string(),
        vm: None,
        hint,
        ..report
    }
}
