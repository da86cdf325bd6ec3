//! `v.disks()` and `v.overlays(...)`: the VM's disks, and empty images to put on top of them.

use std::sync::Arc;

use rhai::{Array, Engine, EvalAltResult};

use super::{Outcome, data, failed, json, method, property, wait};
use crate::script::convert::from_json;
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::run::current;
use crate::vm::Vm;
use crate::vm::overlay::{OverlayPlan, Overlays};

pub(super) fn register(engine: &mut Engine) {
    method(
        "disks",
        &["vm", "array"],
        r"
        The VM's drives as an operator thinks of them (QMP `query-block`, QEMU 0.14), each `#{ device, qdev, node, file, path,
        format, virtual_size, actual_size, backing_depth, writable, removable, locked, tray_open, bitmaps }`. Sizes are
        bytes; `file` is QEMU's name for the image, `path` its absolute path, as QEMU sees it, where that can be told. What a
        drive does not have is `()`: an empty one has no `node`.

        ```rhai
        for disk in v.disks() { print(`${disk.node}: ${disk.file}`) }
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        let disks = wait(format_args!("{}: query-block", vm.label()), vm.disks())?;
        disks.iter().map(data).collect::<Outcome<Array>>()
    });
    method(
        "images",
        &["vm", "array"],
        r"
        The files that the VM's images are in, those below others too, as this host sees them, each `#{ node, file, path, real,
        writable, locked, others, free, file_system }`. `file` is QEMU's name for it, `path` where it lies here, `real` where the
        links on the way there lead; `locked`: whether QEMU has locked it against other QEMUs; `others`: the other
        processes that have it open, each `#{ pid, program }`; `free`: the bytes that are left where it lies; `file_system`: a
        number that is the same for files of one file system. What cannot be seen from here is `()`.

        ```rhai
        for image in v.images() { print(`${image.path}: ${image.free} bytes are left`) }
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        let images = wait(format_args!("{}: the images", vm.label()), vm.images())?;
        images.iter().map(data).collect::<Outcome<Array>>()
    });
    method(
        "image_holders",
        &["vm", "file: string", "array"],
        r#"
        The processes of this host that have an image open now, by the path that QEMU has for it, or one that it stands on: each
        `#{ path, pid, program, own }`. `own`: whether it is this VM's QEMU. Those of other users only root sees; where QEMU is not
        seen to be on this host, there are none.

        ```rhai
        for one in v.image_holders("/srv/root.qcow2") { print(`${one.path} is open in ${one.program} (pid ${one.pid})`) }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, file: &str| {
        let what = format_args!("{}: who has {file} open", vm.label());
        let holders = wait(what, vm.image_holders(file))?;
        holders.iter().map(data).collect::<Outcome<Array>>()
    });
    engine.register_type_with_name::<Held>("overlays");
    register_guard::<Held>(engine, |held| held.0.clone());
    method(
        "overlays",
        &["vm", "plan: array", "overlays"],
        r#"
        Makes and opens an overlay for each `#{ node, file }`: an empty qcow2 image at the absolute path `file`, with the
        disk that has `node` at its top as its backing file (QMP `blockdev-create`, QEMU 3.0, and `blockdev-add`). All are
        made or none; an existing file is refused. The value is a guard: unless `keep()` was called, its release takes the
        overlays away, nodes and files, after committing one that was attached back into its disk.

        `list` has `#{ node, overlay, file }` for each, `actions` what attaches them all in one `transaction`.

        ```rhai
        with v.overlays([#{ node: "disk0", file: "/srv/disk0.tonight.qcow2" }]) as overlays {
            v.transaction(overlays.actions);
            overlays.keep();
        }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, plan: Array| make(vm, plan));
    property(
        "overlays",
        "list",
        "array",
        r#"
        The overlays, each `#{ node, overlay, file }`: the disk's node, the overlay's, its image.

        ```rhai
        with v.overlays([#{ node: "disk0", file: "/srv/disk0.tonight.qcow2" }]) as overlays {
            for one in overlays.list { print(`${one.node} below ${one.overlay}`) }
        }
        ```"#,
    )
    .register_into_engine(engine, |held: &mut Held| {
        held.0
            .overlays
            .plan()
            .iter()
            .map(data)
            .collect::<Outcome<Array>>()
    });
    property(
        "overlays",
        "actions",
        "array",
        r#"
        The actions that attach all overlays, for one `transaction` (`blockdev-snapshot`, QEMU 2.5).

        ```rhai
        with v.overlays([#{ node: "disk0", file: "/srv/disk0.tonight.qcow2" }]) as overlays {
            for action in overlays.actions { print(json(action)) }
        }
        ```"#,
    )
    .register_into_engine(engine, |held: &mut Held| -> Array {
        held.0
            .overlays
            .actions()
            .into_iter()
            .map(from_json)
            .collect()
    });
    method(
        "keep",
        &["overlays", "()"],
        r"
        Says that the overlays are to stay: from now on their release does nothing.

        ```rhai
        overlays.keep();
        ```",
    )
    .register_into_engine(engine, |held: &mut Held| held.0.overlays.keep());
}

/// Overlays in a script.
#[derive(Clone)]
struct Held(Arc<Guarded>);

struct Guarded {
    vm: Vm,
    overlays: Overlays,
}

impl Guard for Guarded {
    fn describe(&self) -> String {
        format!("the overlays of {}", self.vm.label())
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        let what = format!("{}: taking the overlays away", self.vm.label());
        current()?
            .block_on_cleanup(what, self.overlays.release())?
            .map_err(|error| failed(&error))
    }
}

fn make(vm: &Vm, plan: Array) -> Outcome<Held> {
    let plan: Vec<OverlayPlan> =
        serde_json::from_value(json("plan", &plan.into())?).map_err(|wrong| {
            error::usage(format!(
                "overlays: the plan is a list of #{{ node, file }}: {wrong}"
            ))
        })?;
    let current = current()?;
    let what = format!("{}: making overlays", vm.label());
    // Cutting it off midway would leave nodes and files behind.
    let overlays = current
        .block_on_cleanup(what, vm.overlays(&plan))?
        .map_err(|error| failed(&error))?;
    let guarded = Arc::new(Guarded {
        vm: vm.clone(),
        overlays,
    });
    current.run().keep(guarded.clone());
    Ok(Held(guarded))
}
