//! What the arguments of calls can be: of those that name a VM, of QMP and agent commands, and of methods that take the
//! name of something in the VM.

use std::sync::Arc;

use super::arguments::{self, Arguments};
use super::files;
use super::offer::{Offer, Typed};
use super::place::{self, Call};
use crate::inventory::Found;
use crate::repl::session::{Behind, Session};
use crate::script::Named;
use crate::vm::agent::AgentCommands;
use crate::vm::glance::{Seen, Subject};
use crate::vm::schema::{Schema, Type};

/// What an argument of a call can be.
pub(super) fn in_call(session: &mut Session, call: &Call<'_>, typed: &Typed<'_>) -> Vec<Offer> {
    let steps: Vec<(&str, bool)> = call
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.is_call))
        .collect();
    if let [("vm" | "vms", true)] = steps[..] {
        let is_first = call.before.is_empty() && call.levels.is_empty();
        return if is_first {
            vms(session, typed)
        } else {
            Vec::new()
        };
    }
    let Some(Behind { vm, members }) = session.vm_behind_chain(&call.steps) else {
        return Vec::new();
    };
    let members: Vec<&str> = members.iter().map(|step| step.name.as_str()).collect();
    let is_first = call.before.is_empty();
    match members[..] {
        ["qmp"] if is_first && call.levels.is_empty() => {
            let schema = schema(session, &vm);
            let commands = schema.iter().flat_map(|schema| schema.commands());
            commands.map(|command| typed.text(&command.name)).collect()
        }
        ["qmp"] => {
            let name = call.before.first().and_then(|first| place::literal(first));
            with_schema(session, &vm, name.as_deref(), "", call, typed)
        }
        ["qmp", method] if is_first => with_schema(session, &vm, Some(method), "", call, typed),
        ["transaction"] if is_first => {
            with_schema(session, &vm, Some("transaction"), "actions", call, typed)
        }
        ["transaction"] => {
            with_schema(session, &vm, Some("transaction"), "properties", call, typed)
        }
        ["job"] if is_first => arguments::names(session, &vm, &Subject::Jobs)
            .iter()
            .map(|job| typed.text(job))
            .collect(),
        ["watch"] if is_first => {
            let schema = schema(session, &vm);
            let events = schema.iter().flat_map(|schema| schema.events());
            events.map(|event| typed.text(&event.name)).collect()
        }
        ["agent", "call" | "command"] => agent(session, &vm, call, typed),
        _ => Vec::new(),
    }
}

/// What the arguments of a QMP command can be; with `member`, of that argument of its alone.
fn with_schema(
    session: &mut Session,
    vm: &Named,
    command: Option<&str>,
    member: &str,
    call: &Call<'_>,
    typed: &Typed<'_>,
) -> Vec<Offer> {
    let Some(schema) = schema(session, vm) else {
        return Vec::new();
    };
    let Some(command) = command.and_then(|name| arguments::command(&schema, name)) else {
        return Vec::new();
    };
    let of_member = || {
        let arguments = schema.object(command.arguments)?;
        let mut members = arguments.members.iter();
        Some(members.find(|known| known.name == member)?.kind)
    };
    let kind = match member {
        "" => Some(command.arguments),
        _ => of_member(),
    };
    let Some(kind) = kind else {
        return Vec::new();
    };
    let arguments = Arguments {
        vm,
        schema: &schema,
        command,
        kind,
        key: member,
        levels: &call.levels,
    };
    arguments.offers(session, typed)
}

fn agent(session: &mut Session, vm: &Named, call: &Call<'_>, typed: &Typed<'_>) -> Vec<Offer> {
    let known = match session.glance(vm, &Subject::AgentCommands) {
        Some(Seen::AgentCommands(commands)) => commands,
        // What an agent may have, where this one cannot be asked.
        _ => Arc::new(AgentCommands::known()),
    };
    let Some(first) = call.before.first() else {
        let commands = known.schema.commands().map(|command| command.name.as_str());
        return commands
            .filter(|command| !known.is_disabled(command))
            .map(|command| typed.text(command))
            .collect();
    };
    let name = place::literal(first);
    let command = name.and_then(|name| known.schema.command(known.find(&name)?));
    let Some(command) = command else {
        return Vec::new();
    };
    let arguments = Arguments {
        vm,
        schema: &known.schema,
        command,
        kind: command.arguments,
        key: "",
        levels: &call.levels,
    };
    let kind = known.schema.kind(command.arguments);
    match kind {
        Type::Object(_) => arguments.offers(session, typed),
        _ => Vec::new(),
    }
}

/// What a VM can be told, as far as that is known within the moment.
pub(super) fn schema(session: &mut Session, vm: &Named) -> Option<Arc<Schema>> {
    match session.glance(vm, &Subject::Schema) {
        Some(Seen::Schema(schema)) => schema,
        _ => None,
    }
}

/// VMs by their names and UUIDs; sockets by their paths.
pub(super) fn vms(session: &mut Session, typed: &Typed<'_>) -> Vec<Offer> {
    if typed.raw.starts_with(['/', '.']) {
        return typed.files(files::entries(typed.raw, "".as_ref()));
    }
    let mut offers = Vec::new();
    for found in session.around() {
        let called = callable(found);
        offers.extend(called.into_iter().map(|(name, shown)| Offer {
            shown,
            ..typed.text(&name)
        }));
    }
    offers
}

/// All that a VM can be called by, with what else tells who it is.
fn callable(found: &Found) -> Vec<(String, String)> {
    if !found.is_reachable() {
        return Vec::new();
    }
    let name = found.names().next().unwrap_or(found.provider);
    let uuid = found.uuid.as_deref();
    let names = found.names().map(|name| (name.to_owned(), name.to_owned()));
    let labels = uuid.map(|uuid| (uuid.to_owned(), format!("{uuid} ({name})")));
    let id = found
        .id
        .as_ref()
        .map(|id| (id.clone(), format!("{id} ({name})")));
    names.chain(labels).chain(id).collect()
}
