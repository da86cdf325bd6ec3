//! `v.claim(...)` and `v.socket_path(...)`: that nobody else does the same work on a VM, or is where it is to listen.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Engine, EvalAltResult};

use super::{Outcome, method, wait};
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::run::current;
use crate::vm::Vm;
use crate::vm::claim::Claim;

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Held>("claim");
    register_guard::<Held>(engine, |held| held.0.clone());
    method(
        "claim",
        &["vm", "mark: string", "claim"],
        r#"
        A guard that claims the VM for one sort of work: no other run of this user claims it for that meanwhile, over whichever monitor.
        Throws an error of kind `busy` at once while another one has it. What is called by the mark in the VM is then left by a run
        that has died, and `sweep` may take it away. The mark begins with `qmpsh-`.

        ```rhai
        with v.claim("qmpsh-work") as claim {
            for name in v.sweep("qmpsh-work") { log(`left by a run before: ${name}`) }
        }
        ```"#,
    )
    .register_into_engine(engine, claim);
    method(
        "socket_path",
        &["vm", "path: string", "string"],
        r#"
        The absolute path of a unix socket that the VM is to listen at, for QEMU removes whatever is there. Throws where something
        is there that is no socket, or a socket that somebody listens at.

        ```rhai
        print(v.socket_path("/srv/nbd"));
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, path: &str| -> Outcome<String> {
        let found = wait(
            format_args!("{}: looking at {path}", vm.label()),
            vm.socket_path(path),
        )?;
        found
            .into_os_string()
            .into_string()
            .map_err(|_| error::usage(format!("socket_path: `{path}` is not UTF-8")))
    });
}

/// A claim in a script.
#[derive(Clone)]
struct Held(Arc<Guarded>);

struct Guarded {
    what: String,
    claim: Mutex<Option<Claim>>,
}

impl Guard for Guarded {
    fn describe(&self) -> String {
        self.what.clone()
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        let mut claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claim) = claim.take() {
            claim.release();
        }
        Ok(())
    }
}

fn claim(vm: &mut Vm, mark: &str) -> Outcome<Held> {
    let claim = wait(format_args!("{}: claim", vm.label()), vm.claim(mark))?;
    let guarded = Arc::new(Guarded {
        what: format!("the claim `{mark}` on {}", vm.label()),
        claim: Mutex::new(Some(claim)),
    });
    current()?.run().keep(guarded.clone());
    Ok(Held(guarded))
}
