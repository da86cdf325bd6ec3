//! `v.agent.file_read` and its kin: files of the guest's, whole, streamed, and as handles.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Blob, Dynamic, Engine, EvalAltResult, ImmutableString, Map};

use super::agent::ask;
use super::output::log;
use super::{Outcome, failed, method, property, wait, wait_with_bar};
use crate::report::Report;
use crate::script::error;
use crate::script::guard::{Guard, register_guard};
use crate::script::permit::Access;
use crate::script::progress::Bar;
use crate::script::run::current;
use crate::vm::GuestAgent;
use crate::vm::agent::FileHandle;

pub(super) fn register(engine: &mut Engine) {
    whole(engine);
    streamed(engine);
    handles(engine);
}

fn whole(engine: &mut Engine) {
    method(
        "file_read",
        &["agent", "path: string", "string"],
        r#"
        A whole file of the guest's as text, up to 256 MiB (`guest-file-open`). Throws when it is not UTF-8:
        `file_read_blob` reads any.

        ```rhai
        print(v.agent.file_read("/etc/hostname"));
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, path: &str| {
        ask(agent, &format!("reading {path}"), agent.file_read(path))
    });
    method(
        "file_read_blob",
        &["agent", "path: string", "blob"],
        r#"
        A whole file of the guest's as bytes, up to 256 MiB (`guest-file-open`).

        ```rhai
        print(v.agent.file_read_blob("/etc/hostname").len());
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, path: &str| -> Outcome<Blob> {
            ask(
                agent,
                &format!("reading {path}"),
                agent.file_read_blob(path),
            )
        },
    );
    method(
        "file_write",
        &["agent", "path: string", "content", "int"],
        r#"
        Writes a whole file of the guest's, text or bytes, in place of what it held (`guest-file-open`); gives the bytes
        written. Agents make a new file with a mode that lets every user of the guest write to it (0666, less their umask).

        ```rhai
        v.agent.file_write("/data/motd", "maintenance at 02:00\n");
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, path: &str, content: Dynamic| {
        let bytes = bytes(content, "file_write")?;
        ask(agent, &format!("writing {path}"), agent.file_write(path, &bytes)).map(size)
    });
    method(
        "file_append",
        &["agent", "path: string", "content", "int"],
        r#"
        Adds text or bytes to the end of a file of the guest's (`guest-file-open`); gives the bytes written.

        ```rhai
        v.agent.file_append("/data/log", "frozen for a backup\n");
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, path: &str, content: Dynamic| {
            let bytes = bytes(content, "file_append")?;
            ask(
                agent,
                &format!("writing {path}"),
                agent.file_append(path, &bytes),
            )
            .map(size)
        },
    );
}

fn streamed(engine: &mut Engine) {
    method(
        "download",
        &["agent", "guest_path: string", "host_path: string", "int"],
        r#"
        Streams a file of the guest's, of any size, to a file on this host, which the header must allow (`write`), by
        `guest-file-open`; gives the bytes. It appears under its name only when it is whole. Throws for what is no file
        (a folder, a pipe, a device that gives nothing or has no end), for a file that has no room here, and for one that goes on 256 MiB
        beyond the size that it had. That one gave fewer bytes than it
        had is told on standard error.

        ```rhai
        v.agent.download("/var/log/syslog", "/tmp/web01-syslog");
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, guest: &str, host: &str| -> Outcome<i64> {
        let host = permitted(Access::Write, host)?;
        let bar = Bar::new(&format!("{}: {guest}", agent.vm().label()));
        let mut told = None;
        let work = agent.download(guest, &host, |done| {
            told = done.total;
            bar.at(done.bytes, done.total);
        });
        let label = agent.vm().label();
        let bytes = wait_with_bar(format!("{label}: downloading {guest}"), work)?;
        if let Some(told) = told.filter(|told| bytes < *told) {
            let note = format!("{label}: `{guest}` gave {bytes} bytes, and had {told} when it was opened");
            log(&current()?, &note)?;
        }
        Ok(size(bytes))
    });
    method(
        "upload",
        &["agent", "host_path: string", "guest_path: string", "int"],
        r#"
        Streams a file of this host's, which the header must allow (`read`), to the guest, in place of what was there, by
        `guest-file-open`; gives the bytes. When it fails midway, the guest is left with the first part. Agents make a new file
        with a mode that lets every user of the guest write to it (0666, less their umask); `std/file` has `put`, which does not.

        ```rhai
        v.agent.upload("/srv/agent.conf", "/data/agent.conf");
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, host: &str, guest: &str| {
        let host = permitted(Access::Read, host)?;
        let bar = Bar::new(&format!("{}: {guest}", agent.vm().label()));
        let work = agent.upload(Path::new(&host), guest, |done| bar.at(done.bytes, done.total));
        wait_with_bar(format!("{}: uploading {guest}", agent.vm().label()), work).map(size)
    });
}

/// An open file in a script; closed by `close`, by the end of its `with`, or with the run.
#[derive(Clone)]
struct Open(Arc<Held>);

struct Held {
    path: String,
    id: i64,
    file: Mutex<Option<Arc<FileHandle>>>,
}

impl Held {
    fn file(&self) -> Outcome<Arc<FileHandle>> {
        let slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        slot.clone()
            .ok_or_else(|| error::usage(format!("`{}` was closed", self.path)))
    }

    fn close(&self) -> Outcome<()> {
        let file = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Somebody who reads at this moment keeps it open until they are done.
        match file.and_then(Arc::into_inner) {
            Some(file) => current()?
                .block_on_cleanup(format!("closing {}", self.path), file.close())?
                .map_err(|error| failed(&error)),
            None => Ok(()),
        }
    }
}

impl Guard for Held {
    fn describe(&self) -> String {
        format!("the open file {}", self.path)
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        self.close()
    }
}

fn handles(engine: &mut Engine) {
    engine.register_type_with_name::<Open>("file");
    register_guard::<Open>(engine, |open| open.0.clone());
    method(
        "file_open",
        &["agent", "path: string", "mode: string", "file"],
        r#"
        Opens a file of the guest's (`guest-file-open`, QEMU 0.15); the mode is one of C's `fopen`: r, w, a, with b and +. The value
        is a guard: `with` closes it, and so does the end of the run.

        ```rhai
        with v.agent.file_open("/data/log", "r") as f {
            f.seek(-100, "end");
            print(f.read(100).as_string());
        }
        ```"#,
    )
    .register_into_engine(engine, open);
    property(
        "file",
        "handle",
        "int",
        r#"
        The agent's number for the open file, for what `agent.call` is to do with it.

        ```rhai
        v.agent.call("guest-file-flush", #{ handle: f.handle });
        ```"#,
    )
    .register_into_engine(engine, |open: &mut Open| open.0.id);
    method(
        "read",
        &["file", "count: int", "blob"],
        r"
        Up to so many bytes from here (`guest-file-read`, QEMU 0.15, 48 MiB at most); none at the end of the file.

        ```rhai
        let piece = f.read(4096);
        ```",
    )
    .register_into_engine(engine, |open: &mut Open, count: i64| -> Outcome<Blob> {
        let file = open.0.file()?;
        let count = usize::try_from(count).map_err(|_| error::usage(format!("read: {count} is no number of bytes")))?;
        wait(format_args!("reading {}", open.0.path), file.read(count)).map(|piece| piece.bytes)
    });
    method(
        "write",
        &["file", "content", "int"],
        r#"
        Writes text or bytes here (`guest-file-write`, QEMU 0.15); gives the bytes written.

        ```rhai
        f.write("a line\n");
        ```"#,
    )
    .register_into_engine(engine, |open: &mut Open, content: Dynamic| {
        let (file, bytes) = (open.0.file()?, bytes(content, "write")?);
        wait(
            format_args!("writing {}", open.0.path),
            file.write_all(&bytes),
        )
        .map(size)
    });
    method(
        "seek",
        &["file", "offset: int", "whence: string", "int"],
        r#"
        Moves to an offset in bytes from `set` (the beginning), `cur` (here) or `end` (`guest-file-seek`, QEMU 0.15); gives the position.

        ```rhai
        f.seek(0, "set");
        ```"#,
    )
    .register_into_engine(engine, |open: &mut Open, offset: i64, whence: &str| {
        let file = open.0.file()?;
        wait(format_args!("seeking in {}", open.0.path), file.seek(offset, whence)).map(size)
    });
    method(
        "flush",
        &["file", "()"],
        r"
        Hands what was written to the guest's kernel (`guest-file-flush`, QEMU 0.15).

        ```rhai
        f.flush();
        ```",
    )
    .register_into_engine(engine, |open: &mut Open| {
        let file = open.0.file()?;
        wait(format_args!("flushing {}", open.0.path), file.flush())
    });
    method(
        "close",
        &["file", "()"],
        r"
        Closes the file (`guest-file-close`, QEMU 0.15), and tells an error of the last write. A second time it does nothing.

        ```rhai
        f.close();
        ```",
    )
    .register_into_engine(engine, |open: &mut Open| open.0.close());
}

fn open(agent: &mut GuestAgent, path: &str, mode: &str) -> Outcome<Open> {
    let file = ask(
        agent,
        &format!("opening {path}"),
        agent.file_open(path, mode),
    )?;
    let held = Arc::new(Held {
        path: path.to_owned(),
        id: file.id(),
        file: Mutex::new(Some(Arc::new(file))),
    });
    current()?.run().keep(held.clone());
    Ok(Open(held))
}

/// Text or bytes of a script's as bytes; a blob, which may be large, is taken and not copied.
pub(super) fn bytes(content: Dynamic, what: &str) -> Outcome<Vec<u8>> {
    if let Some(text) = content.read_lock::<ImmutableString>() {
        return Ok(text.as_bytes().to_vec());
    }
    let kind = if content.is::<Map>() {
        "map"
    } else {
        content.type_name()
    };
    content.into_blob().map_err(|_| {
        error::usage(format!(
            "{what}: the content is text or a blob, not a value of type {kind}; `json(x)` makes text of it"
        ))
    })
}

/// A number of bytes as a script's number.
fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The file on this host, if the script may touch it.
fn permitted(access: Access, path: &str) -> Outcome<std::path::PathBuf> {
    let current = current()?;
    let permit = current.run().permit();
    permit
        .path(access, path)
        .map_err(|report: Report| error::thrown(&report))
}
