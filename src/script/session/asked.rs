//! What a session is asked that no script asks for: which VMs there are, and what one of them can be told.

use std::sync::Arc;
use std::time::Duration;

use rhai::Dynamic;

use super::{Session, no_thread};
use crate::inventory::Scan;
use crate::report::{Kind, Report};
use crate::script::bridge::sleep;
use crate::script::diagnostic::draw_bare;
use crate::script::error::Ended;
use crate::script::outcome::{Ending, Failure, Outcome, fault};
use crate::script::reference::{self, StandardModule};
use crate::script::run::Current;
use crate::script::stop::Cause;
use crate::vm::agent::AgentCommands;
use crate::vm::load::Load;
use crate::vm::schema::Schema;
use crate::vm::{BlockGraph, GuestAgent, Vm};

/// A VM that somebody means without a script that gets it.
#[derive(Clone)]
pub enum Named {
    /// It is held already.
    Vm(Vm),
    /// The one that `vm("...")` would give.
    Text(String),
}

impl Named {
    /// The VM as the user named it.
    pub fn label(&self) -> &str {
        match self {
            Self::Vm(vm) => vm.label(),
            Self::Text(text) => text,
        }
    }

    fn found(&self, current: &Current) -> Result<Vm, Ended> {
        match self {
            Self::Vm(vm) => Ok(vm.clone()),
            Self::Text(text) => current.vm(text),
        }
    }
}

impl Session {
    /// The VMs that are found here, without connecting to any. Waits up to 2 s. The outcome is of a search that was
    /// interrupted.
    pub fn find(&self) -> Result<Scan, Box<Outcome>> {
        self.ask(|current| {
            let inventory = current.run().inventory();
            current.ask("VMs to be found", async {
                Ok::<_, Report>(inventory.scan().await)
            })
        })
    }

    /// The module that `import` would find by that path, not run; none where there is none, or it does not compile.
    pub fn module(&self, path: &str) -> Option<StandardModule> {
        let source = self.library.source(path).ok()?;
        let script = self.compile(&source).ok()?;
        Some(reference::described(&script, path))
    }

    /// What a VM can be told; none where its QEMU is too old to tell. Waits as a call of a script's does.
    pub fn schema(&self, vm: &Named) -> Result<Option<Arc<Schema>>, Box<Outcome>> {
        self.ask(|current| {
            let vm = vm.found(current)?;
            let what = format!("{}: query-qmp-schema", vm.label());
            current.ask(what, vm.schema())
        })
    }

    /// What the agent in a VM's guest can be told. Waits as a call of a script's does.
    pub fn agent_commands(&self, vm: &Named) -> Result<AgentCommands, Box<Outcome>> {
        self.ask(|current| {
            let vm = vm.found(current)?;
            let what = format!("{}: guest-info", vm.label());
            current.ask(what, async { vm.agent().commands().await })
        })
    }

    /// The block nodes of a VM, and who uses them. Waits as a call of a script's does.
    pub fn block_graph(&self, vm: &Named) -> Result<BlockGraph, Box<Outcome>> {
        self.ask(|current| {
            let vm = vm.found(current)?;
            let what = format!("{}: its block nodes", vm.label());
            current.ask(what, vm.block_graph())
        })
    }

    /// How busy a VM is. Waits as for calls; the outcome is of a failure.
    pub fn load(&self, vm: &Vm) -> Result<Load, Box<Outcome>> {
        self.ask(|current| current.ask(format_args!("the load of {}", vm.label()), vm.load()))
    }

    /// Does nothing for so long. The outcome is of an interrupt.
    pub fn rest(&self, time: Duration) -> Result<(), Box<Outcome>> {
        self.ask(|current| {
            current.stay("the next time", async {
                sleep(time).await;
                Ok::<_, Report>(())
            })
        })
    }

    /// What `work` gives, done as a line is: it can be interrupted, and its waits are told. Blocks the calling thread. The
    /// outcome is of work that failed or was interrupted.
    pub(super) fn ask<T: Send>(
        &self,
        work: impl FnOnce(&Current) -> Result<T, Ended> + Send,
    ) -> Result<T, Box<Outcome>> {
        let performed = self.stage.perform(work);
        let failed = |report: Report| {
            Ending::Failed(Failure {
                drawn: draw_bare(&report, self.color),
                ..Failure::bare(report)
            })
        };
        let ending = match performed.map(|performed| performed.ended) {
            Ok(Ok(Ok(done))) => return Ok(done),
            Ok(Ok(Err(Ended::Stopped(Cause::Signal(signal))))) => Ending::Signal(signal),
            Ok(Ok(Err(Ended::Stopped(cause)))) => {
                failed(Report::new(Kind::Interrupted, cause.to_string()))
            }
            Ok(Ok(Err(Ended::Failed(report)))) => failed(report),
            Ok(Err(panic)) => Ending::Failed(fault(&*panic)),
            Err(error) => return Err(Box::new(no_thread(&error))),
        };
        Err(Box::new(Outcome {
            ending,
            notes: Vec::new(),
        }))
    }

    /// The VM that a variable is, if it is one.
    pub fn vm_in(&self, variable: &str) -> Option<Vm> {
        self.scope.get_value(variable)
    }

    /// The VM that a value is, or whose guest's agent it is.
    pub fn vm_of(value: &Dynamic) -> Option<(Vm, bool)> {
        if let Some(vm) = value.read_lock::<Vm>() {
            return Some((vm.clone(), false));
        }
        let agent = value.read_lock::<GuestAgent>()?;
        Some((agent.vm().clone(), true))
    }
}
