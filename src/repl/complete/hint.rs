//! The signature of the call that is being typed, in grey behind the line: a function's from the reference, a QMP command's
//! from what is known of its VM already.

use std::sync::Arc;

use super::place::{Call, call, literal};
use super::{arguments, names};
use crate::repl::code::Code;
use crate::repl::session::{Behind, Session};
use crate::script::Named;
use crate::script::reference::Entry;
use crate::vm::agent::AgentCommands;
use crate::vm::glance::{Seen, Subject};
use crate::vm::schema::Schema;
use crate::wire::escape::is_unsafe;

/// The signature of the call in which `line` ends; none where it is in none, or nothing is known of it. Asks no VM that the
/// session is not connected to, and waits for none.
pub fn hint(session: &mut Session, line: &str) -> Option<String> {
    let is_command = line.trim_start().starts_with(':');
    let code = Code::of(line);
    let call = call(&code.tokens).filter(|_| !is_command)?;
    let hint = of_command(session, &call).or_else(|| {
        // The form with room for the argument at the cursor, the shortest of them.
        let mut meant = names::meant(session, &call.steps);
        let count = |parameters: &Option<Vec<String>>| parameters.as_ref().map_or(0, Vec::len);
        meant.sort_by_key(|entry| count(&entry.parameters));
        let fits = meant
            .iter()
            .find(|entry| count(&entry.parameters) > call.before.len());
        fits.or(meant.last()).map(Entry::signature)
    })?;
    Some(hint).filter(|hint| !hint.contains(is_unsafe))
}

/// The signature of the QMP or agent command that is called.
fn of_command(session: &mut Session, call: &Call<'_>) -> Option<String> {
    let Behind { vm, members } = session.vm_behind_chain(&call.steps)?;
    let members: Vec<&str> = members.iter().map(|step| step.name.as_str()).collect();
    let first = || call.before.first().and_then(|first| literal(first));
    match members[..] {
        ["qmp"] => told(&*known(session, &vm)?, &first()?),
        ["qmp", method] => told(&*known(session, &vm)?, method),
        ["agent", "call" | "command"] => {
            let known = AgentCommands::known();
            told(&known.schema, known.find(&first()?)?)
        }
        _ => None,
    }
}

fn told(schema: &Schema, name: &str) -> Option<String> {
    let command = arguments::command(schema, name)?;
    let signature = arguments::signature(schema, command);
    Some(format!("{}{signature}", command.name))
}

fn known(session: &mut Session, vm: &Named) -> Option<Arc<Schema>> {
    match session.glimpse(vm, &Subject::Schema) {
        Some(Seen::Schema(schema)) => schema,
        _ => None,
    }
}
