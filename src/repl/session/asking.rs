//! What the session asks for whoever looks: VMs that are found, and what the one in use tells.

use super::{Answer, Session};
use crate::inventory::Scan;
use crate::report::Report;
use crate::script::reference::StandardModule;
use crate::script::{Named, Outcome};
use crate::vm::BlockGraph;

/// The variable of the VM in use.
const IN_USE: &str = "v";

impl Session {
    /// The VMs that are found here; what else ended the search is told.
    pub(in crate::repl) fn find(&mut self) -> Result<Scan, Answer> {
        let found = self.script.find();
        found.map_err(|outcome| self.told(*outcome))
    }

    /// The module that `import` would find by that path.
    pub(in crate::repl) fn module(&self, path: &str) -> Option<StandardModule> {
        self.script.module(path)
    }

    /// The VM that is called so; the one in use where nothing is said.
    pub(in crate::repl) fn vm(&self, target: &str) -> Result<Named, Report> {
        if !target.is_empty() {
            return Ok(Named::Text(target.to_owned()));
        }
        let in_use = self.script.vm_in(IN_USE);
        in_use.ok_or_else(|| {
            Report::usage("no VM is in use").with_hint("`:use web01` takes one, as `v`")
        })
    }

    /// The block nodes of a VM; what else came of it is told.
    pub(in crate::repl) fn block_graph(&mut self, vm: &Named) -> Result<BlockGraph, Answer> {
        let graph = self.script.block_graph(vm);
        graph.map_err(|outcome| self.told(*outcome))
    }

    fn told(&mut self, outcome: Outcome) -> Answer {
        self.ending(outcome).err().unwrap_or(Answer::Done)
    }
}
