//! `v.screenshot(...)`: a picture of what a guest shows.

use std::path::{Path, PathBuf};

use rhai::{Dynamic, Engine, Map};

use super::host::allowed;
use super::{Outcome, data, method, options, wait};
use crate::script::error;
use crate::script::permit::Access;
use crate::vm::Vm;
use crate::vm::screen::{Shot, unfinished};

pub(super) fn register(engine: &mut Engine) {
    method(
        "screenshot",
        &["vm", "file: string", "options: map", "map"],
        r#"
        Saves what the guest shows as a PNG file (QMP `screendump`), and gives its size, `#{ width, height }` in pixels. The
        file is there whole or not at all, and one that is there already stays, unless `replace` is true. `device` is the id
        of a display (QEMU 2.12), `head` one of the screens of that device.

        QEMU itself writes into a file beside, called as this one with `.unfinished` behind. Needs `write` in the header for
        both names. A dry run gives `()`.

        ```rhai
        try { v.screenshot("/srv/web01.png", #{ replace: true }).width } catch (err) { log(err.message) }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, file: &str, map: Map| {
        screenshot(vm, file, &map)
    });
}

/// What is to be shown, and in which file.
pub(super) fn shot(file: PathBuf, map: &Map) -> Outcome<Shot> {
    options::read("screenshot", map, |given| {
        Ok(Shot {
            file,
            replace: given.flag("replace")?,
            device: given.text("device")?,
            head: given.number("head", 0..=i64::MAX)?,
        })
    })
}

fn screenshot(vm: &Vm, file: &str, map: &Map) -> Outcome {
    let file = allowed(Access::Write, file)?;
    allowed(
        Access::Write,
        &unfinished(Path::new(&file)).to_string_lossy(),
    )?;
    if file.to_str().is_none() {
        return Err(error::usage("screenshot: the file's name is not UTF-8"));
    }
    let shot = shot(file, map)?;
    // QEMU's own words for it name no option of ours.
    if shot.head.is_some() && shot.device.is_none() {
        return Err(error::usage(
            "screenshot: `head` is one of the screens of a device, so `device` must be given too",
        ));
    }
    let taken = wait(
        format_args!("{}: screendump", vm.label()),
        vm.screenshot(&shot),
    )?;
    match taken {
        Some(size) => data(&size),
        None => Ok(Dynamic::UNIT),
    }
}
