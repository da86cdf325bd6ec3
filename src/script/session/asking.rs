//! What a session asks its VMs and its host with no script: what people look at beside their lines.

use rhai::Dynamic;

use super::{Session, no_thread};
use crate::inventory::Scan;
use crate::report::{Kind, Report};
use crate::script::diagnostic::draw_bare;
use crate::script::outcome::{Ending, Failure, Outcome, fault};
use crate::script::run::{Current, Ended};
use crate::script::stop::Cause;
use crate::vm::Vm;

impl Session {
    /// What `work` gives, done as a line is: it can be interrupted, and its waits are told. Blocks the calling thread. The
    /// outcome is of work that failed or was interrupted.
    pub fn ask<T: Send>(
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

    /// The VM that a variable holds.
    pub fn vm_in(&self, variable: &str) -> Option<Vm> {
        let value = self.scope.get(variable)?;
        let value: &Dynamic = value;
        value.read_lock::<Vm>().map(|vm| vm.clone())
    }
}
