//! `v.commit(...)`: images of a disk's chain merged into the one below them, closed and removed.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};
use serde_json::json as value;

use super::output::log;
use super::{Outcome, data, failed, json, method, property, wait, wait_with_bar};
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::progress::Bar;
use crate::script::run::current;
use crate::vm::Vm;
use crate::vm::commit::{Commit, CommitPlan, Image};

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Held>("commit");
    register_guard::<Held>(engine, |held| held.0.clone());
    left(engine);
    method(
        "commit",
        &["vm", "plan: map", "commit"],
        r#"
        Begins to merge images of a disk's chain into one below them (QMP `block-commit`, QEMU 3.1): `node` is the one at the
        top of the disk, `top` the highest that is merged (`node` itself for what the guest writes to), `base` what they are
        merged into. `speed` is the most bytes a second; with `keep: true` the merged files stay.

        Refused, before anything changes, when another disk, export, program or image of this host uses what would change, or
        when the files could not be removed from here. The value is a guard: until the commit has ended, its release cancels
        it, and the disk has the chain that it had.

        ```rhai
        with v.overlays([#{ node: "disk0", file: "/srv/disk0.tonight.qcow2" }]) as overlays {
            v.transaction(overlays.actions);
            overlays.keep();
        }
        let top = v.disks()[0].node;
        with v.commit(#{ node: top, top: top, base: "disk0" }) as commit {
            commit.wait();
            commit.remove();
        }
        v.disks()[0].node == "disk0"
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, plan: Map| begin(vm, plan));
    property(
        "commit",
        "merged",
        "array",
        r"
        The images that are merged, from the top down, each `#{ node, file }`.

        ```rhai
        with v.commit(plan) as commit { print(commit.merged[0].file); }
        ```",
    )
    .register_into_engine(engine, |held: &mut Held| {
        let merged = held.0.commit.merged();
        merged.iter().map(image).collect::<Outcome<Array>>()
    });
    property(
        "commit",
        "base",
        "map",
        r"
        The image that they are merged into, `#{ node, file }`.

        ```rhai
        with v.commit(plan) as commit { print(commit.base.file); }
        ```",
    )
    .register_into_engine(engine, |held: &mut Held| image(held.0.commit.base()));
    property(
        "commit",
        "bitmaps",
        "array",
        r"
        The names of the persistent bitmaps of the merged images: they end with them.

        ```rhai
        with v.commit(plan) as commit { print(commit.bitmaps); }
        ```",
    )
    .register_into_engine(engine, |held: &mut Held| -> Array {
        let bitmaps = held.0.commit.bitmaps().iter();
        bitmaps.map(|name| Dynamic::from(name.clone())).collect()
    });
    method(
        "wait",
        &["commit", "()"],
        r"
        Waits until all is merged and the guest writes to what is left; sees that the disk's chain is shorter, and closes the
        merged nodes. Throws QEMU's words when the job failed. Shows a bar on a terminal.

        ```rhai
        with v.commit(plan) as commit { commit.wait(); commit.remove(); }
        ```",
    )
    .register_into_engine(engine, |held: &mut Held| {
        let label = held.0.vm.label();
        let bar = Bar::new(label);
        let work = held.0.commit.wait(|progress| {
            bar.at(progress.current, Some(progress.total));
        });
        wait_with_bar(format!("{label}: block-commit"), work)
    });
    method(
        "remove",
        &["commit", "array"],
        r"
        Removes the files of the merged images after `wait`, and gives `#{ file, removed, why }` for each. A file stays, and
        `why` says for whom, when a process has it open, a QEMU has it locked, an image in one of the chain's folders has it as its
        backing file, or another file has its name by now.

        ```rhai
        with v.commit(plan) as commit {
            commit.wait();
            for one in commit.remove().filter(|one| !one.removed) { log(`${one.file} stays: ${one.why}`); }
        }
        ```",
    )
    .register_into_engine(engine, |held: &mut Held| {
        let removals = held.0.commit.remove().map_err(|error| failed(&error))?;
        removals.iter().map(data).collect::<Outcome<Array>>()
    });
}

/// What earlier commits left.
fn left(engine: &mut Engine) {
    method(
        "sweep_commits",
        &["vm", "array"],
        r"
        Ends what commits left whose qmpsh was killed, as the marks beside the images tell, `IMAGE.qmpsh-merging`: one that merges still is
        left alone. Gives `#{ disk, job, merged, base, over, files }` for each. With `over`, all was merged: the nodes of the
        merged images are closed, and `files` tells what became of their files, as `remove` does. Without, the job was ended,
        and the disk has the chain that it had. `commit` does so too, before it begins. A dry
        run gives those whose job is in QEMU with `dry: true`, and goes on as if the job had ended.

        ```rhai
        for one in v.sweep_commits() { log(`left by a run before: ${one.job}`) }
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| -> Outcome<Array> {
        // Cut off midway, what was merged would be half cleared away.
        let what = format!("{}: sweep_commits", vm.label());
        let left = current()?
            .block_on_cleanup(what, vm.sweep_commits())?
            .map_err(|error| failed(&error))?;
        left.iter().map(data).collect()
    });
    method(
        "merging",
        &["vm", "array"],
        r"
        The images of the VM's disks that hold a part of what a commit merges into them, or was merging when it was cut off:
        `#{ node, file }` each. Such an image is no state of its own. Seen are those that lie on this host.

        ```rhai
        for image in v.merging() { print(image.file) }
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| -> Outcome<Array> {
        let merging = wait(format_args!("{}: merging", vm.label()), vm.merging())?;
        merging.iter().map(data).collect()
    });
}

fn image(image: &Image) -> Outcome {
    data(&value!({ "node": image.node, "file": image.file }))
}

/// A commit in a script.
#[derive(Clone)]
struct Held(Arc<Guarded>);

struct Guarded {
    vm: Vm,
    commit: Commit,
}

impl Guard for Guarded {
    fn describe(&self) -> String {
        format!("the commit on {}", self.vm.label())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        let what = format!("{}: ending the commit", self.vm.label());
        let current = current()?;
        current
            .block_on_cleanup(what, self.commit.release())?
            .map_err(|error| failed(&error))?;
        if let Some(base) = self.commit.torn() {
            log(
                &current,
                &format!(
                    "{}: the commit did not end: nothing is lost as long as the overlay stays on top of {}, which is no state of its own until snapshot-commit is run again",
                    self.vm.label(),
                    base.file
                ),
            )?;
        }
        Ok(())
    }
}

fn begin(vm: &Vm, plan: Map) -> Outcome<Held> {
    let plan: CommitPlan =
        serde_json::from_value(json("plan", &plan.into())?).map_err(|wrong| {
            error::usage(format!(
                "commit: the plan is #{{ node, top, base, speed, keep }}: {wrong}"
            ))
        })?;
    let current = current()?;
    let what = format!("{}: beginning a commit", vm.label());
    // Cut off midway, a job would go on that nobody knows.
    let commit = current
        .block_on_cleanup(what, vm.commit(&plan))?
        .map_err(|error| failed(&error))?;
    if let Some(why) = commit.unmarked() {
        log(
            &current,
            &format!(
                "{}: {} gets no mark while others are merged into it ({why}): should this be cut off, it is no state of its own, and nothing will tell of it but this message",
                vm.label(),
                commit.base().file
            ),
        )?;
    }
    let guarded = Arc::new(Guarded {
        vm: vm.clone(),
        commit,
    });
    current.run().keep(guarded.clone());
    Ok(Held(guarded))
}
