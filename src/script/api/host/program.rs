//! `host.run`: programs on this host, only those that the run's permit names, with no shell in between. A program does not
//! outlive the wait for it.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use serde::{Deserialize, Serialize};

use super::{Host, failed};
use crate::report::{Kind, Report};
use crate::script::api::{function, options};
use crate::script::run::{Current, current};
use crate::script::{bridge, error};
use crate::vm::mode::Would;
use crate::wire::secret::hidden_words;

type Outcome<T = Dynamic> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
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
        run(program, &arguments, How::default())
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
            run(program, &arguments, How::from_map(&options)?)
        },
    );
}

/// How a program is run.
#[derive(Default)]
pub(in crate::script::api) struct How {
    input: Option<Vec<u8>>,
    env: Vec<(String, String)>,
    check: bool,
}

impl How {
    pub(in crate::script::api) fn from_map(map: &Map) -> Outcome<Self> {
        let how = options::read("run", map, |given| {
            Ok(Self {
                input: given.bytes("input")?,
                env: given.named("env")?.unwrap_or_default(),
                check: given.flag("check")?,
            })
        })?;
        // They decide which program it is that runs, which the permit has decided already.
        let deciding = |name: &str| name == "PATH" || name.starts_with("LD_");
        if let Some((name, _)) = how.env.iter().find(|(name, _)| deciding(name)) {
            return Err(error::usage(format!("run: `env` must not set `{name}`")));
        }
        Ok(how)
    }
}

fn run(program: &str, arguments: &Array, how: How) -> Outcome {
    let current = current()?;
    current
        .run()
        .permit()
        .program(program)
        .map_err(|report| error::thrown(&report))?;
    let words: Vec<String> = std::iter::once(program.to_owned())
        .chain(arguments.iter().map(ToString::to_string))
        .collect();
    let words = hidden_words(&words);
    let settings = current.run().fleet().settings();
    if settings.mode.is_read_only() {
        return Err(refused(program));
    }
    if settings.mode.tells(&Would::Run { words: &words }) {
        return Ok(outcome(&Ended::default()));
    }
    let of = format!("host: run {}", words.join(" "));
    let recalled = settings
        .recording
        .recall(&of)
        .map_err(|difference| error::thrown(&Report::from(&difference)))?;
    let ended = match recalled {
        Some(ended) => ended,
        None => run_to_its_end(&current, program, arguments, how.input, how.env)?,
    };
    settings.recording.note(&of, &ended);
    if how.check && (ended.signal.is_some() || ended.code != Some(0)) {
        return Err(unsuccessful(program, &ended));
    }
    Ok(outcome(&ended))
}

/// How a program ended, and what it wrote.
#[derive(Serialize, Deserialize)]
struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
    /// How people are told.
    status: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Default for Ended {
    fn default() -> Self {
        ExitStatus::default().into()
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        Self {
            code: status.code(),
            signal: status.signal(),
            status: status.to_string(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }
}

fn refused(program: &str) -> Box<EvalAltResult> {
    let message =
        format!("`{program}` is not run: a program may change anything, and this run is read-only");
    error::thrown(&Report::new(Kind::Denied, message).with_hint("run it without `--read-only`"))
}

fn run_to_its_end(
    current: &Current,
    program: &str,
    arguments: &Array,
    input: Option<Vec<u8>>,
    env: Vec<(String, String)>,
) -> Outcome<Ended> {
    let cannot = |failure: io::Error| failed(format!("`{program}` cannot be run: {failure}"));
    let mut child = Command::new(program)
        .args(arguments.iter().map(ToString::to_string))
        .envs(env)
        .stdin(if input.is_some() {
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
        wait(child_with(&mut child, input), child)
    });
    let output = current
        .block_on(format_args!("the program `{program}`"), work)?
        .and_then(|ended| ended)
        .map_err(cannot)?;
    running.ended = true;
    Ok(Ended {
        stdout: output.stdout,
        stderr: output.stderr,
        ..output.status.into()
    })
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

fn outcome(output: &Ended) -> Dynamic {
    let mut map = Map::new();
    map.insert(
        "exitcode".into(),
        output
            .code
            .map_or(Dynamic::UNIT, |code| i64::from(code).into()),
    );
    map.insert(
        "signal".into(),
        output
            .signal
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

fn unsuccessful(program: &str, output: &Ended) -> Box<EvalAltResult> {
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim_end().lines().next_back().unwrap_or_default();
    let ending = &output.status;
    failed(if last.is_empty() {
        format!("`{program}` failed ({ending})")
    } else {
        format!("`{program}` failed ({ending}): {last}")
    })
}
