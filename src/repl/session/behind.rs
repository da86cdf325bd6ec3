//! The VM that stands behind what is written in a line, without running that: a variable that holds it, or
//! `vm("web01")` written out. What else a call would give is not known, since it may do something.

use std::sync::Arc;

use rhai::{Dynamic, Map};

use super::{Answer, Session};
use crate::repl::code::{Code, Step, chain};
use crate::script::{self, Named};
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
            let is_ours = root.name == "vm" && !self.defines("vm");
            let text = root.literal.clone().filter(|_| is_ours)?;
            return Some(Behind {
                vm: Named::Text(text),
                members: rest.to_vec(),
            });
        }
        let variables = self.script.variables();
        let mut value = variables
            .into_iter()
            .find(|one| one.name == root.name)?
            .value;
        let mut rest = rest.iter();
        loop {
            if let Some((vm, is_agent)) = script::Session::vm_of(&value) {
                let agent = is_agent.then(|| Step {
                    name: "agent".to_owned(),
                    is_call: false,
                    literal: None,
                });
                return Some(Behind {
                    vm: Named::Vm(vm),
                    members: agent.into_iter().chain(rest.cloned()).collect(),
                });
            }
            let step = rest.next().filter(|step| !step.is_call)?;
            value = member(&value, &step.name)?;
        }
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

fn member(value: &Dynamic, key: &str) -> Option<Dynamic> {
    value.read_lock::<Map>()?.get(key).cloned()
}
