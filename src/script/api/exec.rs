//! `v.agent.exec` and `v.agent.shell`: programs in the guest.

use rhai::{Array, Dynamic, Engine, Map};

use super::agent::{ask, words};
use super::options;
use super::{Outcome, method};
use crate::vm::GuestAgent;
use crate::vm::agent::{Exec, ExecOutcome};
use crate::vm::error::ExecEnd;

pub(super) fn register(engine: &mut Engine) {
    method(
        "exec",
        &["agent", "program: string", "arguments: array", "options: map", "map"],
        r#"
        Runs a program in the guest and waits for its end (`guest-exec`, QEMU 2.5). Gives `#{ exitcode, signal, stdout,
        stderr, stdout_blob, stderr_blob, truncated }`: the streams as text (bytes that are no UTF-8 replaced) and as bytes,
        up to 16 MiB each; `exitcode` is `()` when a signal ended it.

        Options: `input` (text or blob for its standard input), `env` (a map that becomes its whole environment),
        `timeout` (else it may take as long as it needs), `check` (true: an exit code other than 0 is an error). After a
        timeout or an interrupt the program goes on in the guest: the agent has no command to end it.

        ```rhai
        let result = v.agent.exec("wc", ["-c"], #{ input: "hello", timeout: "10s" });
        print(result.stdout);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, program: &str, arguments: Array, options: Map| {
        exec(agent, program, arguments, &options)
    });
    method(
        "exec",
        &["agent", "program: string", "arguments: array", "map"],
        r#"
        The same without options.

        ```rhai
        print(v.agent.exec("uname", ["-r"]).stdout);
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, program: &str, arguments: Array| {
            exec(agent, program, arguments, &Map::new())
        },
    );
    method(
        "exec",
        &["agent", "program: string", "map"],
        r#"
        The same without arguments.

        ```rhai
        print(v.agent.exec("uptime").stdout);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, program: &str| {
        exec(agent, program, Array::new(), &Map::new())
    });
    method(
        "shell",
        &["agent", "line: string", "options: map", "map"],
        r#"
        Runs a line in the guest's shell (`/bin/sh -c`, on Windows `cmd.exe /c`), with the options and the result of `exec`
        (`guest-exec`).

        ```rhai
        v.agent.shell("sync && ls /data", #{ check: true });
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, line: &str, options: Map| shell(agent, line, &options));
    method(
        "shell",
        &["agent", "line: string", "map"],
        r#"
        The same without options.

        ```rhai
        print(v.agent.shell("df -h | tail -1").stdout);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, line: &str| {
        shell(agent, line, &Map::new())
    });
}

fn exec(agent: &GuestAgent, program: &str, arguments: Array, options: &Map) -> Outcome<Map> {
    let exec = Exec {
        program: program.to_owned(),
        arguments: words("arguments", arguments)?,
        ..with_options("exec", options)?
    };
    ask(agent, &format!("{program} in the guest"), agent.exec(&exec)).map(outcome)
}

fn shell(agent: &GuestAgent, line: &str, options: &Map) -> Outcome<Map> {
    let exec = with_options("shell", options)?;
    ask(
        agent,
        &format!("`{line}` in the guest"),
        agent.shell(line, &exec),
    )
    .map(outcome)
}

pub(super) fn with_options(what: &str, options: &Map) -> Outcome<Exec> {
    let variable = |(name, value): (String, String)| format!("{name}={value}");
    options::read(what, options, |given| {
        Ok(Exec {
            input: given.bytes("input")?,
            env: given
                .named("env")?
                .map(|env| env.into_iter().map(variable).collect()),
            timeout: given.length("timeout")?,
            check: given.flag("check")?,
            ..Exec::default()
        })
    })
}

fn outcome(outcome: ExecOutcome) -> Map {
    let text = |bytes: &[u8]| Dynamic::from(String::from_utf8_lossy(bytes).into_owned());
    let (exitcode, signal) = match outcome.end {
        ExecEnd::Code(code) => (code.into(), Dynamic::UNIT),
        ExecEnd::Signal(signal) => (Dynamic::UNIT, signal.into()),
        ExecEnd::Unknown => (Dynamic::UNIT, Dynamic::UNIT),
    };
    Map::from([
        ("exitcode".into(), exitcode),
        ("signal".into(), signal),
        ("stdout".into(), text(&outcome.stdout)),
        ("stderr".into(), text(&outcome.stderr)),
        (
            "truncated".into(),
            (outcome.stdout_truncated || outcome.stderr_truncated).into(),
        ),
        ("stdout_blob".into(), Dynamic::from_blob(outcome.stdout)),
        ("stderr_blob".into(), Dynamic::from_blob(outcome.stderr)),
    ])
}
