//! What the agent in a guest has: of the members of all agents those whose command this one offers.

use std::collections::BTreeSet;

use super::names;
use super::offer::Offer;
use crate::repl::Session;
use crate::repl::code::Step;
use crate::script::Named;
use crate::vm::agent::AgentCommands;
use crate::vm::glance::{Seen, Subject};

/// What the agent has that `steps` lead to, which is in the guest of `vm`; all that any has where this one tells nothing.
pub(super) fn members(session: &mut Session, vm: &Named, steps: &[Step]) -> Vec<Offer> {
    let mut offers = names::members(session, steps);
    if let Some(Seen::AgentCommands(known)) = session.glance(vm, &Subject::AgentCommands) {
        let missing: BTreeSet<String> = session
            .reference()
            .members("agent")
            .filter(|entry| command(&entry.about).is_some_and(|command| !offered(&known, command)))
            .map(|entry| entry.name.clone())
            .collect();
        offers.retain(|offer| {
            let name = offer.text.split('(').next();
            name.is_none_or(|name| !missing.contains(name))
        });
    }
    offers
}

fn offered(known: &AgentCommands, command: &str) -> bool {
    known.schema.command(command).is_some() && !known.is_disabled(command)
}

/// The agent's command that a member is made of, which its documentation names first.
pub(super) fn command(about: &str) -> Option<&str> {
    let mut quoted = about.split('`').skip(1).step_by(2);
    quoted.find(|quoted| quoted.starts_with("guest-"))
}

#[cfg(test)]
mod tests {
    use super::command;
    use crate::script::{Session, Settings};
    use crate::vm::agent::AgentCommands;

    #[test]
    fn each_member_of_an_agent_is_known_to_need_a_command_of_its() {
        let reference = Session::new(Settings::default()).unwrap().reference();
        let known = AgentCommands::known();
        // One that passes any command, and what Rhai gives to all.
        let others = ["command", "to_string", "to_debug", "print", "debug"];
        let mut count = 0;
        let names = reference.members("agent").map(|entry| &entry.name);
        for name in names.filter(|name| !others.contains(&name.as_str())) {
            let mut forms = reference.members("agent").filter(|form| form.name == *name);
            let needed = forms
                .find_map(|form| command(&form.about))
                .unwrap_or_else(|| panic!("{name}"));
            assert!(known.schema.command(needed).is_some(), "{name}: {needed}");
            count += 1;
        }
        assert!(count > 40, "{count}");
    }
}
