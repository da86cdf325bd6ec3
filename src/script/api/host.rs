//! `host`: files and the environment of this host, each only as far as the run's permit goes; its programs are in
//! `program.rs`. Paths are used as the permit resolved them, so that what was checked is what is touched.

pub(super) mod lock;
pub(super) mod program;
mod replace;

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Array, Blob, Dynamic, Engine, EvalAltResult};
use rustix::fs::{Mode, OFlags};

use super::{function, observed};
use crate::report::{Kind, Report};
use crate::script::permit::{Access, is_missing};
use crate::script::run::current;
use crate::script::{bridge, error};
use crate::vm::mode::Would;
use crate::wire::secret::{HIDDEN, is_secret};

type Outcome<T = Dynamic> = Result<T, Box<EvalAltResult>>;

/// The most that is read from standard input, in bytes.
const MOST_INPUT: u64 = 1 << 20;

/// What scripts know as `host`.
#[derive(Clone)]
pub(super) struct Host;

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Host>("host");
    files(engine);
    folders(engine);
    function(
        "env",
        &["host", "name: string", "value"],
        r#"
        A variable of the environment, or `()` if it is not set. Needs `env` in the header.

        ```rhai
        try { host.env("EDITOR") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, name: &str| env(name));
    function(
        "read_stdin",
        &["host", "string"],
        r"
        What was given on standard input, to its end, as text of at most 1 MiB: a way in for secrets, which a command line
        would show to all users. Throws at a terminal, where they would be seen too.

        ```rhai
        let secret = || host.read_stdin();
        ```",
    )
    .register_into_engine(engine, |_: &mut Host| read_stdin());
    program::register(engine);
    replace::register(engine);
    lock::register(engine);
}

fn files(engine: &mut Engine) {
    function(
        "read_text",
        &["host", "path: string", "string"],
        r#"
        A whole file as text, which must be UTF-8. Needs `read` in the header.

        ```rhai
        try { host.read_text("/etc/hostname") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| read_text(path));
    function(
        "read_blob",
        &["host", "path: string", "blob"],
        r#"
        A whole file as bytes. Needs `read` in the header.

        ```rhai
        try { host.read_blob("/etc/hostname").len() } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| read(path));
    function(
        "write_text",
        &["host", "path: string", "text: string", "()"],
        r#"
        Makes text the whole content of a file. Needs `write` in the header.

        ```rhai
        try { host.write_text("/tmp/report", "done\n") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str, text: &str| {
        write(path, text.as_bytes())
    });
    function(
        "write_blob",
        &["host", "path: string", "bytes: blob", "()"],
        r#"
        Makes bytes the whole content of a file. Needs `write` in the header.

        ```rhai
        try { host.write_blob("/tmp/zeros", blob(16)) } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str, bytes: Blob| {
        write(path, &bytes)
    });
}

fn folders(engine: &mut Engine) {
    function(
        "exists",
        &["host", "path: string", "bool"],
        r#"
        Whether there is such a file or folder. Needs `read` or `write` in the header.

        ```rhai
        try { host.exists("/var/lib/vm") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| exists(path));
    function(
        "list",
        &["host", "path: string", "array"],
        r#"
        The names in a folder, sorted. Needs `read` in the header.

        ```rhai
        try { for name in host.list("/var/lib/vm") { print(name) } } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| list(path));
    function(
        "mkdir",
        &["host", "path: string", "()"],
        r#"
        Makes a folder, and those above it; one that exists is left as it is. Needs `write` in the header.

        ```rhai
        try { host.mkdir("/var/lib/vm/overlays") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| {
        let real = allowed(Access::Write, path)?;
        if left_out("make the folder", &real)? {
            return Ok(());
        }
        done(path, "made", fs::create_dir_all(real))
    });
    function(
        "remove",
        &["host", "path: string", "()"],
        r#"
        Removes a file or an empty folder. Needs `write` in the header; refused with `--read-only`, which saves what is
        found and loses nothing.

        ```rhai
        try { host.remove("/tmp/report") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| {
        let real = allowed(Access::Write, path)?;
        refuse_loss(path, "removed")?;
        if left_out("remove", &real)? {
            return Ok(());
        }
        let removed = if real.is_dir() {
            fs::remove_dir(&real)
        } else {
            fs::remove_file(&real)
        };
        done(path, "removed", removed)
    });
}

/// Refuses in a read-only run, which loses nothing.
pub(super) fn refuse_loss(path: &str, what: &str) -> Outcome<()> {
    if !current()?.run().fleet().settings().mode.is_read_only() {
        return Ok(());
    }
    let report = Report::new(
        Kind::Denied,
        format!("`{path}` is not {what}: this run is read-only"),
    );
    Err(error::thrown(
        &report.with_hint("run it without `--read-only`"),
    ))
}

/// The real path, if the run may touch it so.
pub(super) fn allowed(access: Access, path: &str) -> Outcome<PathBuf> {
    current()?
        .run()
        .permit()
        .path(access, path)
        .map_err(|report| error::thrown(&report))
}

/// A result of the file system as the script sees it.
pub(super) fn done<T>(path: &str, what: &str, result: io::Result<T>) -> Outcome<T> {
    told(path, what, result).map_err(failed)
}

/// The same, its failure in words.
pub(super) fn told<T>(path: &str, what: &str, result: io::Result<T>) -> Result<T, String> {
    result.map_err(|failure| format!("`{path}` cannot be {what}: {failure}"))
}

/// Whether a change of a file is left out: a dry run tells it, and a replay changes nothing.
pub(super) fn left_out(doing: &str, path: &Path) -> Outcome<bool> {
    let current = current()?;
    let settings = current.run().fleet().settings();
    Ok(settings.recording.is_replay() || settings.mode.tells(&Would::File { doing, path }))
}

/// The error of something on this host.
pub(super) fn failed(message: String) -> Box<EvalAltResult> {
    error::thrown(&Report::new(Kind::Host, message))
}

/// Opens what must be a plain file: a device or a pipe could block for ever, or never end. The permit resolved all
/// links, so one that is there now has just been put there.
fn open(path: &Path, how: OFlags) -> io::Result<File> {
    let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no plain file"))
    }
}

fn read(path: &str) -> Outcome<Blob> {
    let real = allowed(Access::Read, path)?;
    let text = observed(&format!("host: read {path}"), || {
        let mut bytes = Blob::new();
        let opened = open(&real, OFlags::RDONLY);
        let ended = opened.and_then(|mut file| file.read_to_end(&mut bytes));
        told(path, "read", ended).map(|_| STANDARD.encode(bytes))
    })?;
    STANDARD
        .decode(text)
        .map_err(|_| failed(format!("`{path}` is no base64 in the recording")))
}

fn read_text(path: &str) -> Outcome<String> {
    String::from_utf8(read(path)?).map_err(|_| {
        let report = Report::new(Kind::Host, format!("`{path}` is not UTF-8 text"));
        error::thrown(&report.with_hint("read it as bytes with `host.read_blob`"))
    })
}

fn read_stdin() -> Outcome<String> {
    if io::stdin().is_terminal() {
        let report = Report::new(Kind::Host, "standard input is a terminal");
        return Err(error::thrown(
            &report.with_hint("give it by a pipe or from a file, as in `< FILE`"),
        ));
    }
    let work = bridge::on_thread("stdin", || {
        let mut text = String::new();
        let read = io::stdin().take(MOST_INPUT + 1).read_to_string(&mut text);
        read.map(|_| text)
    });
    let text = current()?
        .block_on("standard input", work)?
        .and_then(|read| read)
        .map_err(|failure| failed(format!("standard input cannot be read: {failure}")))?;
    if text.len() as u64 > MOST_INPUT {
        return Err(failed("standard input has more than 1 MiB".to_owned()));
    }
    Ok(text)
}

fn write(path: &str, bytes: &[u8]) -> Outcome<()> {
    let real = allowed(Access::Write, path)?;
    if left_out("write", &real)? {
        return Ok(());
    }
    // Truncated once it is known to be a plain file.
    let opened = open(&real, OFlags::WRONLY | OFlags::CREATE);
    let written = opened.and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(bytes)
    });
    done(path, "written", written)
}

/// The real path of what is looked at and not opened, which either permission is good for.
fn looked_at(path: &str) -> Outcome<PathBuf> {
    let current = current()?;
    let seen = current.run().permit().look(path);
    seen.map_err(|report| error::thrown(&report))
}

fn exists(path: &str) -> Outcome<bool> {
    let real = looked_at(path)?;
    observed(&format!("host: exists {path}"), || {
        let seen = real.try_exists();
        let there = seen.or_else(|error| is_missing(&error).then_some(false).ok_or(error));
        told(path, "looked at", there)
    })
}

fn list(path: &str) -> Outcome<Array> {
    let real = allowed(Access::Read, path)?;
    let mut names = observed(&format!("host: list {path}"), || {
        let names = fs::read_dir(real).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<_>>>()
        });
        told(path, "listed", names)
    })?;
    names.sort();
    Ok(names.into_iter().map(Dynamic::from).collect())
}

fn env(name: &str) -> Outcome {
    current()?
        .run()
        .permit()
        .variable(name)
        .map_err(|report| error::thrown(&report))?;
    let look = || std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let value = if is_secret(name) {
        // A recording keeps no secret, and a replay needs none: `***` stands for it on both sides.
        let settings = current()?.run().fleet().settings().clone();
        if settings.recording.is_replay() {
            Some(HIDDEN.to_owned())
        } else {
            look()
        }
    } else {
        observed(&format!("host: env {name}"), || Ok(look()))?
    };
    Ok(value.map_or(Dynamic::UNIT, Dynamic::from))
}
