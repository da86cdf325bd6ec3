//! The VMs of a session: the one in use, those that are found, and those whose events are told.

use super::{Answer, Session};
use crate::inventory::Scan;
use crate::repl::lines::IN_USE;
use crate::report::Report;
use crate::script::reference::StandardModule;
use crate::script::{Driven, Named};
use crate::vm::event::Filter;
use crate::vm::load::Load;
use crate::vm::{BlockGraph, Vm};

/// The VM in use.
pub(super) struct InUse {
    /// As the user named it.
    name: String,
    vm: Option<Vm>,
}

impl Session {
    /// Takes a VM into use: the variable `v`.
    pub(in crate::repl) fn take_into_use(&mut self, target: &str) -> Answer {
        let text = taking(target);
        match self.evaluate(&text) {
            Ok(_) => {
                self.in_use = Some(InUse {
                    name: target.to_owned(),
                    vm: self.script.vm_in(IN_USE),
                });
                Answer::Done
            }
            Err(answer) => answer,
        }
    }

    /// Records lines from here on.
    pub(in crate::repl) fn record(&mut self) {
        let in_use = self.in_use().map(taking);
        self.lines.record(in_use);
    }

    /// The VM in use, as the user named it.
    pub fn in_use(&self) -> Option<&str> {
        self.in_use.as_ref().map(|in_use| in_use.name.as_str())
    }

    /// The VM in use.
    pub(super) fn vm_in_use(&self) -> Option<Vm> {
        self.in_use.as_ref().and_then(|in_use| in_use.vm.clone())
    }

    /// Tells events of the VMs that a word means; none of the names means all.
    pub(in crate::repl) fn follow(&mut self, vms: &str, filters: &[Filter]) -> Answer {
        match self.script.follow(vms, filters) {
            Ok(_) => Answer::Done,
            Err(outcome) => self.ended(*outcome),
        }
    }

    /// Tells events of the VM in use.
    pub(in crate::repl) fn follow_in_use(&mut self, filters: &[Filter]) -> Answer {
        let Some(vm) = self.vm_in_use() else {
            return Answer::Done;
        };
        match self.script.follow_vm(&vm, filters) {
            Ok(()) => Answer::Done,
            Err(outcome) => self.ended(*outcome),
        }
    }

    /// Follows no events of that VM any more, or of none; how many VMs that were.
    pub(in crate::repl) fn unfollow(&mut self, vm: Option<&str>) -> usize {
        self.script.unfollow(vm)
    }

    /// Which VMs' events are told, and their names.
    pub(in crate::repl) fn followed(&self) -> Vec<(String, Vec<String>)> {
        self.script.followed()
    }

    /// How busy the VM in use is.
    pub(in crate::repl) fn load(&mut self) -> Result<Load, Answer> {
        let Some(vm) = self.vm_in_use() else {
            return Err(Answer::Done);
        };
        let load = self.script.load(&vm);
        load.map_err(|outcome| self.ended(*outcome))
    }

    /// Has events told while nobody runs a line, until the guard is dropped; also that the VM in use dies.
    pub fn attend(&mut self) -> Option<Driven> {
        let in_use = self.in_use.as_ref().and_then(|in_use| in_use.vm.as_ref());
        self.script.attend(in_use)
    }

    /// The VMs that are found here; what else ended the search is told.
    pub(in crate::repl) fn find(&mut self) -> Result<Scan, Answer> {
        let found = self.script.find();
        found.map_err(|outcome| self.ended(*outcome))
    }

    /// The module that `import` would find by that path.
    pub(in crate::repl) fn module(&self, path: &str) -> Option<StandardModule> {
        self.script.module(path)
    }

    /// The VM that is called so; where nothing is said the one in use, or else what the variable `v` is.
    pub(in crate::repl) fn vm(&self, target: &str) -> Result<Named, Report> {
        if !target.is_empty() {
            return Ok(Named::Text(target.to_owned()));
        }
        let in_use = self.vm_in_use();
        let vm = in_use.or_else(|| self.script.vm_in(IN_USE));
        vm.map(Named::Vm).ok_or_else(|| {
            Report::usage("no VM is in use").with_hint("`:use web01` takes one, as `v`")
        })
    }

    /// The block nodes of a VM; what else came of it is told.
    pub(in crate::repl) fn block_graph(&mut self, vm: &Named) -> Result<BlockGraph, Answer> {
        let graph = self.script.block_graph(vm);
        graph.map_err(|outcome| self.ended(*outcome))
    }
}

/// The line of a script that takes a VM into use.
fn taking(target: &str) -> String {
    // A text in JSON is one in a script too, but for what has no need of an escape here.
    let target = serde_json::Value::from(target);
    format!("let {IN_USE} = vm({target});")
}
