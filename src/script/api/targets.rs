//! `v.targets(...)` and `v.sweep(...)`: images for jobs to write to, and what a run that died left of such work.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, EvalAltResult};

use super::{Outcome, data, failed, json, method, property, wait};
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::run::current;
use crate::vm::Vm;
use crate::vm::targets::{TargetPlan, Targets};

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Held>("targets");
    register_guard::<Held>(engine, |held| held.0.clone());
    method(
        "targets",
        &["vm", "prefix: string", "plan: array", "targets"],
        r#"
        Makes and opens an image for each `#{ file, size, backing, over, compression }`, for jobs to write to: a qcow2 at the absolute
        path `file`, for a disk of `size` bytes (QMP `blockdev-create`, QEMU 3.0, and `blockdev-add`). `backing` is what its
        header names as the image below, which is not opened; `over` a node that it is opened on top of; `compression` how compressed data are (QEMU 5.1). All are
        made or none; an existing file is refused.

        The nodes are called by the `prefix`, as `qmpsh-work-0`, and the jobs that write to them must be too. The value is a guard:
        its release ends those jobs and exports of the nodes that are called so, closes the nodes, and removes the files unless `keep()` was called.

        ```rhai
        with v.targets("qmpsh-work", [#{ file: "/srv/copy.qcow2", size: 16777216 }]) as targets {
            v.qmp.blockdev_backup(#{
                "job-id": "qmpsh-work-0", device: "disk0", target: targets.list[0].node, sync: "full", "auto-dismiss": false,
            });
            v.job("qmpsh-work-0").wait();
            targets.close();
            targets.keep();
        }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, prefix: &str, plan: Array| {
        make(vm, prefix, plan)
    });
    property(
        "targets",
        "list",
        "array",
        r#"
        The images, each `#{ node, file }`, in the order of the plan.

        ```rhai
        with v.targets("qmpsh-work", [#{ file: "/srv/copy.qcow2", size: 16777216 }]) as targets {
            print(targets.list[0].node);
        }
        ```"#,
    )
    .register_into_engine(engine, |held: &mut Held| {
        let list = held.0.targets.list();
        list.iter().map(data).collect::<Outcome<Array>>()
    });
    method(
        "close",
        &["targets", "()"],
        r#"
        Closes the nodes once the jobs have ended: all data are on the disk then.

        ```rhai
        with v.targets("qmpsh-work", []) as targets { targets.close(); }
        ```"#,
    )
    .register_into_engine(engine, |held: &mut Held| {
        let what = format!("{}: closing images", held.0.vm.label());
        wait(what, held.0.targets.close())
    });
    method(
        "keep",
        &["targets", "()"],
        r#"
        Says that the files are to stay.

        ```rhai
        with v.targets("qmpsh-work", []) as targets { targets.keep(); }
        ```"#,
    )
    .register_into_engine(engine, |held: &mut Held| held.0.targets.keep());
    method(
        "sweep",
        &["vm", "prefix: string", "array"],
        r#"
        Ends the exports and jobs and closes the nodes whose names are `prefix`, or begin with it and a dash: what a run that was killed left
        of `targets`. Gives their names. The prefix begins with `qmpsh-`, so that nothing of others is meant.

        ```rhai
        for name in v.sweep("qmpsh-work") { log(`left by a run before: ${name}`) }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, prefix: &str| -> Outcome<Array> {
        let swept = wait(format_args!("{}: sweep", vm.label()), vm.sweep(prefix))?;
        Ok(swept.into_iter().map(Dynamic::from).collect())
    });
}

/// Targets in a script.
#[derive(Clone)]
struct Held(Arc<Guarded>);

struct Guarded {
    vm: Vm,
    targets: Targets,
}

impl Guard for Guarded {
    fn describe(&self) -> String {
        format!("the images and jobs on {}", self.vm.label())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        let what = format!("{}: taking images and jobs away", self.vm.label());
        current()?
            .block_on_cleanup(what, self.targets.release())?
            .map_err(|error| failed(&error))
    }
}

fn make(vm: &Vm, prefix: &str, plan: Array) -> Outcome<Held> {
    let plan: Vec<TargetPlan> =
        serde_json::from_value(json("plan", &plan.into())?).map_err(|wrong| {
            error::usage(format!(
                "targets: the plan is a list of #{{ file, size, backing, over, compression }}: {wrong}"
            ))
        })?;
    let current = current()?;
    let what = format!("{}: making images", vm.label());
    // Cutting it off midway would leave nodes and files behind.
    let targets = current
        .block_on_cleanup(what, vm.targets(prefix, &plan))?
        .map_err(|error| failed(&error))?;
    let guarded = Arc::new(Guarded {
        vm: vm.clone(),
        targets,
    });
    current.run().keep(guarded.clone());
    Ok(Held(guarded))
}
