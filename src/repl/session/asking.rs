//! What the session asks for whoever looks: VMs that are found, and what the one in use tells.

use super::{Answer, Session};
use crate::inventory::Scan;
use crate::report::Report;
use crate::script::run::{Current, Ended};
use crate::vm::{BlockGraph, Vm};

/// The variable of the VM in use.
const IN_USE: &str = "v";

impl Session {
    /// The VMs that are found here; what else ended the search is told.
    pub(in crate::repl) fn find(&mut self) -> Result<Scan, Answer> {
        let found = self.script.find();
        found.map_err(|outcome| self.ending(*outcome).err().unwrap_or(Answer::Done))
    }

    /// The block nodes of the VM that is called so, or of the one in use; what else came of it is told.
    pub(in crate::repl) fn block_graph(&mut self, target: &str) -> Result<BlockGraph, Answer> {
        let vm = self.vm(target)?;
        self.ask(|current| {
            let what = format!("{}: its block nodes", vm.label());
            current.ask(what, vm.block_graph())
        })
    }

    /// The VM that is called so; the one in use where nothing is said.
    fn vm(&mut self, target: &str) -> Result<Vm, Answer> {
        if !target.is_empty() {
            return self.ask(|current| current.vm(target));
        }
        let in_use = self.script.vm_in(IN_USE);
        in_use.ok_or_else(|| {
            self.complain(&Report::usage("no VM is in use").with_hint("`:use web01` takes one"))
        })
    }

    fn ask<T: Send>(
        &mut self,
        work: impl FnOnce(&Current) -> Result<T, Ended> + Send,
    ) -> Result<T, Answer> {
        let asked = self.script.ask(work);
        asked.map_err(|outcome| self.ending(*outcome).err().unwrap_or(Answer::Done))
    }
}
