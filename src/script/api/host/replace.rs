//! Files of this host that are there whole or not at all: what a later run, or one after a crash, is to rely on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rhai::{Dynamic, Engine};
use rustix::fs::{Mode, OFlags};

use super::{Host, allowed, done, left_out, looked_at, refuse_loss, told};
use crate::script::api::{Outcome, function, observed};
use crate::script::permit::Access;
use crate::vm::{images, replaced};

pub(super) fn register(engine: &mut Engine) {
    function(
        "absolute",
        &["host", "path: string", "string"],
        r#"
        The absolute path, all links in it resolved, as any program of this host may be told it. Needs `read` or `write` in
        the header.

        ```rhai
        try { host.absolute("/var/run") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| -> Outcome<String> {
        let real = looked_at(path)?;
        observed(&format!("host: absolute {path}"), || {
            real.into_os_string()
                .into_string()
                .map_err(|_| format!("the name of `{path}` is not UTF-8"))
        })
    });
    function(
        "is_same",
        &["host", "path: string", "other: string", "bool"],
        r#"
        Whether two paths lead to one file, by links of whatever kind. Needs `read` or `write` in the header for both.

        ```rhai
        try { host.is_same("/etc/os-release", "/usr/lib/os-release") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str, other: &str| is_same(path, other));
    function(
        "size",
        &["host", "path: string", "value"],
        r#"
        The length of a file in bytes, or `()` if there is none. Needs `read` or `write` in the header.

        ```rhai
        try { host.size("/etc/hostname") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| size(path));
    function(
        "free",
        &["host", "path: string", "int"],
        r#"
        The bytes that are left on the file system that a file or folder is on. Needs `read` or `write` in the header.

        ```rhai
        try { host.free("/var/lib") > 0 } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| -> Outcome<i64> {
        let real = looked_at(path)?;
        let free = observed(&format!("host: free {path}"), || {
            told(path, "looked at", images::free(&real))
        })?;
        Ok(i64::try_from(free).unwrap_or(i64::MAX))
    });
    function(
        "replace_text",
        &["host", "path: string", "text: string", "()"],
        r#"
        Makes text the whole content of a file, in one step: whatever happens meanwhile, a crash of the host too, there is
        the old file or the new one. It is on the disk when this returns. Needs `write` in the header for its folder.

        ```rhai
        try { host.replace_text("/tmp/state.json", "{}") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str, text: &str| {
        replace(path, text)
    });
    function(
        "rename",
        &["host", "from: string", "to: string", "()"],
        r#"
        Gives a file another name, in place of a file that has it. Needs `write` in the header for both; refused with
        `--read-only`.

        ```rhai
        try { host.rename("/tmp/report.new", "/tmp/report") } catch (e) { log(e.message) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, from: &str, to: &str| {
        rename(from, to)
    });
}

fn is_same(path: &str, other: &str) -> Outcome<bool> {
    let (one, two) = (looked_at(path)?, looked_at(other)?);
    observed(&format!("host: is_same {path} {other}"), || {
        let id = |path: &str, real: &Path| {
            let data = fs::metadata(real).map(|data| (data.dev(), data.ino()));
            told(path, "looked at", data)
        };
        Ok(id(path, &one)? == id(other, &two)?)
    })
}

fn size(path: &str) -> Outcome {
    let real = looked_at(path)?;
    let size = observed(&format!("host: size {path}"), || {
        let length = match fs::metadata(real) {
            Ok(data) => Ok(Some(data.len())),
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        };
        told(path, "looked at", length)
    })?;
    Ok(size
        .and_then(|size| i64::try_from(size).ok())
        .map_or(Dynamic::UNIT, Dynamic::from))
}

fn replace(path: &str, text: &str) -> Outcome<()> {
    let real = allowed(Access::Write, path)?;
    // What is written is beside it, which a permit for the file alone does not cover.
    let beside = beside(&real);
    allowed(Access::Write, &beside.to_string_lossy())?;
    if left_out("write", &real)? {
        return Ok(());
    }
    let written = replaced::check(&real)
        .and_then(|()| write(&beside, text))
        .and_then(|()| fs::rename(&beside, &real))
        .and_then(|()| sync_folder(&real));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done(path, "written", written)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    path.with_file_name(name)
}

/// Writes a file that nobody else has: one that is left from a run that was killed goes first.
fn write(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(failure) if failure.kind() != io::ErrorKind::NotFound => return Err(failure),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?);
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Has the names in a file's folder, and the folder's own, survive a crash of the host.
fn sync_folder(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1).take(2) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn rename(from: &str, to: &str) -> Outcome<()> {
    let (old, new) = (allowed(Access::Write, from)?, allowed(Access::Write, to)?);
    refuse_loss(to, "replaced")?;
    if left_out("replace", &new)? {
        return Ok(());
    }
    let renamed = replaced::check(&new)
        .and_then(|()| fs::rename(old, &new))
        .and_then(|()| sync_folder(&new));
    done(to, "replaced", renamed)
}
