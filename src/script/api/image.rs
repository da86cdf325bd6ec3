//! `host.image_chain` and its kin: image files of VMs that are shut off.

use std::collections::BTreeSet;
use std::path::Path;

use rhai::{Array, Dynamic, Engine};

use super::host::{Host, allowed, left_out, refuse_loss, told};
use super::{Outcome, data, function, observed};
use crate::script::permit::Access;
use crate::vm::image::chain::{chain, put_in_place};
use crate::vm::image::users::users;

pub(super) fn register(engine: &mut Engine) {
    function(
        "image_chain",
        &["host", "image: string", "array"],
        r#"
        An image and those below it, from the top down, each `#{ file, format, encrypted, merging }`, as the headers of qcow2 and qed
        images tell; `format` is `()` where the image above does not say it. `merging` is true of an image that holds a part of what a
        commit was merging into it, and is no state of its own (`IMAGE.qmpsh-merging` lies beside it). Throws when one is not there.
        Needs `read` in the header for the image.

        ```rhai
        try { host.image_chain("/srv/root.qcow2") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, image: &str| -> Outcome<Array> {
        let real = allowed(Access::Read, image)?;
        let layers = observed(&format!("host: image_chain {image}"), || {
            told(image, "read with all that it stands on", chain(&real))
        })?;
        layers.iter().map(data).collect()
    });
    function(
        "image_users",
        &["host", "image: string", "array"],
        r#"
        Who uses an image now, in words: the processes of this host that have it open (those of all users where root asks), a QEMU
        elsewhere that has it locked, and the images in the same folder that have it as their backing file, links to images among
        them. Needs `read` in the header for its folder, and the right to write to the image.

        ```rhai
        try { host.image_users("/srv/root.qcow2").len() == 0 } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, image: &str| -> Outcome<Array> {
        let real = allowed(Access::Read, image)?;
        let folder = real.parent().unwrap_or(Path::new("/")).to_owned();
        allowed(Access::Read, &folder.to_string_lossy())?;
        let users = observed(&format!("host: image_users {image}"), || {
            let users = users(&real, &BTreeSet::from([folder]));
            let words = users.map(|users| users.iter().map(ToString::to_string).collect());
            told::<Vec<String>>(image, "looked at", words)
        })?;
        Ok(users.into_iter().map(Dynamic::from).collect())
    });
    function(
        "replace_image",
        &["host", "image: string", "by: string", "aside: string", "()"],
        r#"
        Gives the file `by` the name, the owner and the rights of an image, which is called `aside` from then on. Whatever happens
        meanwhile, one of the two has the name. Throws, with nothing changed, where there is an `aside` already, and where a QEMU
        has the image open. Needs `write` in the header for all three; refused with `--read-only`.

        ```rhai
        try { host.replace_image("/srv/root.qcow2", "/srv/new.qcow2", "/srv/root.old.qcow2") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, image: &str, by: &str, aside: &str| {
        replace(image, by, aside)
    });
}

fn replace(image: &str, by: &str, aside: &str) -> Outcome<()> {
    let real = allowed(Access::Write, image)?;
    let (new, old) = (allowed(Access::Write, by)?, allowed(Access::Write, aside)?);
    refuse_loss(image, "replaced")?;
    if left_out("replace", &real)? {
        return Ok(());
    }
    super::host::done(image, "replaced", put_in_place(&new, &real, &old))
}
