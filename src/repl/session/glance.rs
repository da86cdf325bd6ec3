//! What a session sees of VMs while somebody types. No line is run for it, and nothing is kept from those that are.

use std::path::Path;

use super::Session;
use crate::inventory::{Filter, Found};
use crate::script::Named;
use crate::vm::glance::{Seen, Subject};

impl Session {
    /// Somebody asks, and has no more patience than a moment from now on.
    pub(in crate::repl) fn begin_to_look(&mut self) {
        self.live.begin();
    }

    /// What a VM tells of itself within the moment, or has told before.
    pub(in crate::repl) fn glance(&mut self, vm: &Named, subject: &Subject) -> Option<Seen> {
        // A guest that is frozen is thawed through its agent, which is to be free for that at any time.
        let is_left_alone = *subject == Subject::AgentCommands && !self.held().frozen().is_empty();
        if is_left_alone {
            return self.live.known(vm, subject);
        }
        self.live.see(&self.script, vm, subject)
    }

    /// What is known of a VM already. One that the session is connected to is asked for what is not, for the next time.
    pub(in crate::repl) fn glimpse(&mut self, vm: &Named, subject: &Subject) -> Option<Seen> {
        if let Named::Vm(held) = vm {
            if held.is_connected() {
                self.live.prepare(&self.script, vm, subject);
            }
        }
        self.live.known(vm, subject)
    }

    /// The VMs that are found here, as far as that is known within the moment.
    pub(in crate::repl) fn around(&mut self) -> &[Found] {
        self.live.around(&self.script)
    }

    /// One of the VMs that are known to be here, the one in use if it may be any, for what all of them have alike.
    pub(super) fn one_around(&self, pattern: Option<&str>) -> Option<Named> {
        let filter = match pattern {
            Some(pattern) => Filter::called(pattern).ok()?,
            None => Filter::default(),
        };
        if let Some(vm) = self.vm_in_use().filter(|_| pattern.is_none()) {
            return Some(Named::Vm(vm));
        }
        let mut known = self.live.known_around().iter();
        let found = known.find(|found| found.is_reachable() && filter.admits(found))?;
        let address = || found.qmp.as_ref().map(ToString::to_string);
        let name = found.uuid.clone().or_else(address);
        Some(Named::Text(name.unwrap_or_else(|| found.label())))
    }

    /// The user's folder of modules.
    pub(in crate::repl) fn modules(&self) -> Option<&Path> {
        self.script.modules()
    }
}
