//! `host`: files, programs and the environment of this host, each only as far as the run's permit goes. Paths are used as
//! the permit resolved them, so that what was checked is what is touched.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use rhai::{Array, Blob, Dynamic, Engine, EvalAltResult, ImmutableString, Map};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::function;
use crate::report::{Kind, Report};
use crate::script::permit::Access;
use crate::script::run::current;
use crate::script::{bridge, error};

type Outcome<T = Dynamic> = Result<T, Box<EvalAltResult>>;

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
    programs(engine);
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
        done(path, "made", fs::create_dir_all(real))
    });
    function(
        "remove",
        &["host", "path: string", "()"],
        r#"
        Removes a file or an empty folder. Needs `write` in the header.

        ```rhai
        try { host.remove("/tmp/report") } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, path: &str| {
        let real = allowed(Access::Write, path)?;
        let removed = if real.is_dir() {
            fs::remove_dir(&real)
        } else {
            fs::remove_file(&real)
        };
        done(path, "removed", removed)
    });
}

fn programs(engine: &mut Engine) {
    function(
        "run",
        &["host", "program: string", "arguments: array", "map"],
        r#"
        Runs a program to its end, without a shell and with no input, and gives `#{ exitcode, signal, stdout, stderr,
        stdout_blob, stderr_blob }`. Needs `run` in the header. Interrupted, the program gets SIGTERM.

        ```rhai
        try { host.run("qemu-img", ["--version"]).stdout } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Host, program: &str, arguments: Array| {
        run(program, &arguments, Options::default())
    });
    function(
        "run",
        &["host", "program: string", "arguments: array", "options: map", "map"],
        r#"
        Runs a program, with `input` (text or bytes) and more variables in `env`. With `check: true` an exit code
        other than 0 is an error.

        ```rhai
        try { host.run("sort", [], #{ input: "b\na\n", check: true }).stdout } catch (e) { log(e.hint) }
        ```"#,
    )
    .register_into_engine(
        engine,
        |_: &mut Host, program: &str, arguments: Array, options: Map| {
            run(program, &arguments, Options::from_map(options)?)
        },
    );
}

/// The real path, if the run may touch it so.
fn allowed(access: Access, path: &str) -> Outcome<PathBuf> {
    current()?
        .run()
        .permit()
        .path(access, path)
        .map_err(|report| error::thrown(&report))
}

/// A result of the file system as the script sees it.
fn done<T>(path: &str, what: &str, result: io::Result<T>) -> Outcome<T> {
    result.map_err(|failure| failed(format!("`{path}` cannot be {what}: {failure}")))
}

fn failed(message: String) -> Box<EvalAltResult> {
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
    let mut bytes = Blob::new();
    let opened = open(&real, OFlags::RDONLY);
    let ended = opened.and_then(|mut file| file.read_to_end(&mut bytes));
    done(path, "read", ended)?;
    Ok(bytes)
}

fn read_text(path: &str) -> Outcome<String> {
    String::from_utf8(read(path)?).map_err(|_| {
        let report = Report::new(Kind::Host, format!("`{path}` is not UTF-8 text"));
        error::thrown(&report.with_hint("read it as bytes with `host.read_blob`"))
    })
}

fn write(path: &str, bytes: &[u8]) -> Outcome<()> {
    let real = allowed(Access::Write, path)?;
    // Truncated once it is known to be a plain file.
    let opened = open(&real, OFlags::WRONLY | OFlags::CREATE);
    let written = opened.and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(bytes)
    });
    done(path, "written", written)
}

fn exists(path: &str) -> Outcome<bool> {
    let real = allowed(Access::Write, path).or_else(|_| allowed(Access::Read, path))?;
    done(path, "looked at", real.try_exists())
}

fn list(path: &str) -> Outcome<Array> {
    let real = allowed(Access::Read, path)?;
    let names = fs::read_dir(real).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
    });
    let mut names = done(path, "listed", names)?;
    names.sort();
    Ok(names.into_iter().map(Dynamic::from).collect())
}

fn env(name: &str) -> Outcome {
    current()?
        .run()
        .permit()
        .variable(name)
        .map_err(|report| error::thrown(&report))?;
    Ok(std::env::var_os(name).map_or(Dynamic::UNIT, |value| {
        value.to_string_lossy().into_owned().into()
    }))
}

/// How a program is run.
#[derive(Default)]
struct Options {
    input: Option<Vec<u8>>,
    env: BTreeMap<String, String>,
    check: bool,
}

impl Options {
    fn from_map(map: Map) -> Outcome<Self> {
        let mut options = Self::default();
        for (key, value) in map {
            match key.as_str() {
                "input" => options.input = Some(input(&value)?),
                "check" => {
                    options.check = value.as_bool().map_err(|_| {
                        error::usage(format!("run: `check` is true or false, not {value}"))
                    })?;
                }
                "env" => {
                    let map = value.read_lock::<Map>();
                    let map = map.ok_or_else(|| error::usage("run: `env` is a map"))?;
                    options.env = map
                        .iter()
                        .map(|(key, value)| (key.to_string(), value.to_string()))
                        .collect();
                }
                other => {
                    let message =
                        format!("run: there is no option `{other}`: use `input`, `env`, `check`");
                    return Err(error::usage(message));
                }
            }
        }
        Ok(options)
    }
}

fn input(value: &Dynamic) -> Outcome<Vec<u8>> {
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(text.as_bytes().to_vec());
    }
    value
        .read_lock::<Blob>()
        .map(|bytes| bytes.clone())
        .ok_or_else(|| error::usage("run: `input` is text or bytes"))
}

fn run(program: &str, arguments: &Array, options: Options) -> Outcome {
    let current = current()?;
    current
        .run()
        .permit()
        .program(program)
        .map_err(|report| error::thrown(&report))?;
    let cannot = |failure: io::Error| failed(format!("`{program}` cannot be run: {failure}"));
    let mut child = Command::new(program)
        .args(arguments.iter().map(ToString::to_string))
        .envs(options.env)
        .stdin(if options.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let mut running = Running::new(&child).map_err(cannot)?;
    let work = bridge::on_thread("program", move || {
        wait(child_with(&mut child, options.input), child)
    });
    let output = current
        .block_on(format_args!("the program `{program}`"), work)?
        .and_then(|ended| ended)
        .map_err(cannot)?;
    running.ended = true;
    if options.check && !output.status.success() {
        return Err(unsuccessful(program, &output));
    }
    Ok(outcome(&output))
}

/// Feeds the input on a thread of its own: a program may write before it has read it all.
fn child_with(child: &mut Child, input: Option<Vec<u8>>) -> Option<thread::JoinHandle<()>> {
    let mut stdin = child.stdin.take()?;
    let input = input?;
    // A program need not read all its input.
    thread::Builder::new()
        .name("input".into())
        .spawn(move || drop(stdin.write_all(&input)))
        .ok()
}

fn wait(feeder: Option<thread::JoinHandle<()>>, child: Child) -> io::Result<Output> {
    let output = child.wait_with_output();
    if let Some(feeder) = feeder {
        let _ = feeder.join();
    }
    output
}

/// A program that must not outlive the wait for it.
struct Running {
    process: OwnedFd,
    ended: bool,
}

impl Running {
    fn new(child: &Child) -> io::Result<Self> {
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
        Ok(Self {
            process,
            ended: false,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // It may just have ended by itself.
            let _ = pidfd_send_signal(&self.process, Signal::TERM);
        }
    }
}

fn outcome(output: &Output) -> Dynamic {
    let mut map = Map::new();
    map.insert(
        "exitcode".into(),
        output
            .status
            .code()
            .map_or(Dynamic::UNIT, |code| i64::from(code).into()),
    );
    map.insert(
        "signal".into(),
        output
            .status
            .signal()
            .map_or(Dynamic::UNIT, |signal| i64::from(signal).into()),
    );
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        map.insert(
            name.into(),
            String::from_utf8_lossy(bytes).into_owned().into(),
        );
        map.insert(
            format!("{name}_blob").into(),
            Dynamic::from_blob(bytes.clone()),
        );
    }
    map.into()
}

fn unsuccessful(program: &str, output: &Output) -> Box<EvalAltResult> {
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim_end().lines().next_back().unwrap_or_default();
    let ending = output.status;
    failed(if last.is_empty() {
        format!("`{program}` failed ({ending})")
    } else {
        format!("`{program}` failed ({ending}): {last}")
    })
}
