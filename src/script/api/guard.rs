//! `guard`: an undoing that the script itself writes, with the same guarantee as any other guard. `try` would not do: it
//! does not see a stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rhai::{Engine, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position};

use super::function;
use crate::report::{Kind, Report};
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::run::current;
use crate::script::stop::Stop;

/// How long a script's own undoing may take, as long as a thaw: nothing else ends it.
const LONGEST: Duration = Duration::from_secs(180);

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Handle>("guard");
    register_guard::<Handle>(engine, |handle| handle.0.clone());
    function(
        "guard",
        &["what: string", "undo: Fn", "guard"],
        r#"
        A guard for `with`: `undo` runs after the block, or at the script's end, whatever ends it: a value, an error,
        `exit`, or an interrupt, which `try` does not see. `what` says to people what is being undone.

        ```rhai
        let made = [];
        with guard("the overlays", || made.clear()) as overlays {
            made.push("/var/lib/vm/web01.overlay");
        }
        made.len() == 0
        ```"#,
    )
    .register_into_engine(engine, |context: NativeCallContext, what: &str, undo: FnPtr| {
        let own = Arc::new(Own {
            what: what.to_owned(),
            undo,
            place: context.global_runtime_state().clone(),
            position: context.call_position(),
            settled: AtomicBool::new(false),
        });
        current()?.run().keep(own.clone());
        Ok::<_, Box<EvalAltResult>>(Handle(own))
    });
    function(
        "dismiss",
        &["guard", "()"],
        r#"
        The work succeeded and is to stay: nothing is undone.

        ```rhai
        let undone = false;
        with guard("the overlays", || undone = true) as overlays { overlays.dismiss(); }
        !undone
        ```"#,
    )
    .register_into_engine(engine, |handle: &mut Handle| {
        handle.0.settled.store(true, Ordering::Release);
        let guard: Arc<dyn Guard> = handle.0.clone();
        current().map(|current| current.run().forget(&guard))
    });
}

/// A script's handle on its guard.
#[derive(Clone)]
struct Handle(Arc<Own>);

struct Own {
    what: String,
    undo: FnPtr,
    /// Where the guard was made: `undo` sees the functions and modules of there.
    place: GlobalRuntimeState,
    position: Position,
    settled: AtomicBool,
}

impl Guard for Own {
    fn describe(&self) -> String {
        self.what.clone()
    }

    fn release(&self, engine: &Engine) -> Result<(), Box<EvalAltResult>> {
        if self.settled.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let report = Report::new(
            Kind::Timeout,
            format!("undoing {} took too long", self.what),
        );
        let scope = Stop::root_until(Instant::now() + LONGEST, report);
        let _inside = current()?.under(scope.clone()).enter();
        let source = self.place.source();
        let context = NativeCallContext::new_with_all_fields(
            engine,
            "guard",
            source,
            &self.place,
            self.position,
        );
        error::settle(
            &scope,
            self.undo.call_within_context::<rhai::Dynamic>(&context, ()),
        )
        .map(|_| ())
    }
}
