//! The VM that stands behind what is written in a line, without running that: a variable that holds it, or
//! `vm("web01")` written out. What else a call would give is not known, since it may do something. For each of a list stands
//! one of it.

use std::sync::Arc;

use rhai::{Array, Dynamic, Map};

use super::{Answer, Session};
use crate::repl::code::{Code, Step, chain};
use crate::script::{self, Named};
use crate::vm::Vm;
use crate::vm::agent::AgentCommands;
use crate::vm::schema::Schema;

/// A VM, and what is written behind it.
pub struct Behind {
    /// The VM.
    pub vm: Named,
    /// The members from the VM on: `qmp` and `blockdev_add` in `v.qmp.blockdev_add`. They begin with `agent` where a
    /// variable holds that.
    pub members: Vec<Step>,
}

/// A value that a variable holds, or one in its maps and lists.
pub(in crate::repl) struct Reached<'a> {
    /// Its type.
    pub(in crate::repl) kind: String,
    /// Its keys, if it is a map.
    pub(in crate::repl) keys: Vec<String>,
    /// The VM that it is, or whose agent it is.
    vm: Option<(Vm, bool)>,
    /// The steps that lead on from it.
    pub(in crate::repl) rest: &'a [Step],
}

impl Session {
    /// The VM behind the names at the end of `text`, as in `v.qmp.blockdev_add` and `vm("web01").agent`. Nothing is
    /// run, looked for or connected.
    pub fn vm_behind(&self, text: &str) -> Option<Behind> {
        self.vm_behind_chain(&chain(&Code::of(text).tokens)?)
    }

    /// The VM that a chain of names begins with.
    pub fn vm_behind_chain(&self, steps: &[Step]) -> Option<Behind> {
        let (root, rest) = steps.split_first()?;
        if root.is_call {
            if self.defines(&root.name) {
                return None;
            }
            let (vm, members) = match (root.name.as_str(), rest) {
                ("vm", _) => (Named::Text(root.literal.clone()?), rest),
                ("vms", [item, rest @ ..]) if item.is_item() => {
                    (self.one_around(root.literal.as_deref())?, rest)
                }
                _ => return None,
            };
            let members = members.to_vec();
            return Some(Behind { vm, members });
        }
        let reached = self.reached(root, rest)?;
        let (vm, is_agent) = reached.vm?;
        let agent = is_agent.then(|| Step::name("agent"));
        let members = agent.into_iter().chain(reached.rest.iter().cloned());
        Some(Behind {
            vm: Named::Vm(vm),
            members: members.collect(),
        })
    }

    /// What the variable `root` holds, and in its maps and lists what the steps behind it lead to.
    pub(in crate::repl) fn reached<'a>(
        &self,
        root: &Step,
        rest: &'a [Step],
    ) -> Option<Reached<'a>> {
        if root.is_call {
            return None;
        }
        self.script
            .with_variable(&root.name, |value| reached(&self.script, value, rest))
    }

    /// Whether a line or an import has defined a function of that name.
    fn defines(&self, name: &str) -> bool {
        let own = self.script.own_functions();
        own.iter()
            .any(|entry| entry.owner.is_none() && entry.name == name)
    }

    /// What a VM can be told, which is waited for as for any call; none where its QEMU is too old to tell. An error is
    /// told.
    pub fn schema_of(&mut self, vm: &Named) -> Result<Option<Arc<Schema>>, Answer> {
        let schema = self.script.schema(vm);
        schema.map_err(|outcome| self.ended(*outcome))
    }

    /// What the agent of a VM's guest can be told; otherwise as [`Session::schema_of`].
    pub fn agent_commands_of(&mut self, vm: &Named) -> Result<AgentCommands, Answer> {
        let commands = self.script.agent_commands(vm);
        commands.map_err(|outcome| self.ended(*outcome))
    }
}

fn reached<'a>(script: &script::Session, value: &Dynamic, steps: &'a [Step]) -> Reached<'a> {
    let list = value.read_lock::<Array>();
    if let (Some(list), [item, rest @ ..]) = (&list, steps) {
        let number = item.literal.as_ref().and_then(|text| text.parse().ok());
        let inner = list.get(number.unwrap_or(0));
        if let Some(inner) = inner.filter(|_| item.is_item()) {
            return reached(script, inner, rest);
        }
    }
    let map = value.read_lock::<Map>();
    if let (Some(map), [step, rest @ ..]) = (&map, steps) {
        if let Some(inner) = map.get(step.name.as_str()).filter(|_| !step.is_call) {
            return reached(script, inner, rest);
        }
    }
    Reached {
        kind: script.type_name(value),
        keys: map.map_or_else(Vec::new, |map| {
            map.keys().map(ToString::to_string).collect()
        }),
        vm: script::Session::vm_of(value),
        rest: steps,
    }
}
