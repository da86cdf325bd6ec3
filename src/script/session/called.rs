//! A script that a session calls, beside its lines: on its VMs, with nothing of its variables and functions.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rhai::Dynamic;

use super::{Session, release_all};
use crate::script::called::Called;
use crate::script::kept::Held;
use crate::script::outcome::{Ending, Outcome};
use crate::script::source::Source;

impl Session {
    /// Runs a script to its end as it is called, and releases its guards; what lines hold is held on. Its value, or what it
    /// gives to `exit`, becomes `last`, its error `last_error`. Blocks the calling thread.
    pub fn call(&mut self, source: &Source, called: Called) -> Outcome {
        let lines = mem::replace(&mut self.lines, !source.is_ready_made());
        let (scope, kept) = (mem::take(&mut self.scope), mem::take(&mut self.kept));
        let outcome = self.called(source, called, kept.guards());
        (self.lines, self.scope, self.kept) = (lines, scope, kept);
        self.sources.remove(&source.name);
        match &outcome.ending {
            Ending::Failed(failure) => self.remember_error(&failure.report),
            _ => {
                if let Some(value) = outcome.value().filter(|value| !value.is_unit()) {
                    self.scope.set_or_push("last", value.clone());
                }
            }
        }
        outcome
    }

    fn called(&mut self, source: &Source, called: Called, held: &Held) -> Outcome {
        let script = match self.compile(source) {
            Ok(script) => script,
            Err(failure) => return Outcome::of_failure(*failure),
        };
        let (engine, scope, asks) = (&self.engine, &mut self.scope, self.asks);
        let performed = self.stage.perform_as(called, |current| {
            if asks {
                current.run().consents().begin();
            }
            // So that the end of a window interrupts it, as it does a line.
            held.hand_to(current);
            let ended = catch_unwind(AssertUnwindSafe(|| {
                engine.eval_ast_with_scope::<Dynamic>(scope, &script)
            }));
            held.take_back(current, false);
            release_all(engine, current, ended)
        });
        self.outcome(performed, source, &script)
    }
}
