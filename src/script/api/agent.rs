//! `v.agent`: the guest agent's commands that are one question and one answer.

mod accounts;
mod questions;

use rhai::{Array, Dynamic, Engine, Map};
use serde_json::Value;

use super::{Outcome, arguments, json, method, wait};
use crate::script::AGENT_CALL;
use crate::script::convert::from_json;
use crate::script::error;
use crate::vm::{Arguments, Error, GuestAgent};

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<GuestAgent>("agent");
    engine.register_fn("to_string", |agent: &mut GuestAgent| {
        format!("the agent of {}", agent.vm().label())
    });
    conversation(engine);
    questions::register(engine);
    accounts::register(engine);
    trimming(engine);
    time(engine);
    processors_and_memory(engine);
    power(engine);
}

/// Waits for an answer of the agent's.
pub(super) fn ask<T>(
    agent: &GuestAgent,
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Outcome<T> {
    wait(format_args!("{}: {what}", agent.vm().label()), work)
}

fn conversation(engine: &mut Engine) {
    method(
        AGENT_CALL,
        &["agent", "command: string", "value"],
        r#"
        Runs any agent command and gives its reply. Waits up to 30 s, and up to 5 s for the agent to answer at all. It is
        written `v.agent.call(...)`; an agent in a variable is `a.command(...)`, because Rhai keeps `call` for closures.

        ```rhai
        print(v.agent.call("guest-get-osinfo"));
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, command: &str| call(agent, command, Arguments::new()));
    method(
        AGENT_CALL,
        &["agent", "command: string", "arguments: map", "value"],
        r#"
        The same with arguments, named as the agent names them.

        ```rhai
        v.agent.call("guest-fstrim", #{ minimum: 1048576 });
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, command: &str, map: Map| {
        let arguments = arguments(command, &map)?;
        call(agent, command, arguments)
    });
    method(
        "ping",
        &["agent", "()"],
        r"
        Returns if the agent answers (`guest-ping`, QEMU 0.15), else throws.

        ```rhai
        v.agent.ping();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| {
        ask(agent, "guest-ping", agent.ping())
    });
    method(
        "sync",
        &["agent", "()"],
        r"
        Brings the conversation with the agent into step (`guest-sync-delimited`, QEMU 1.1); it is done by itself where needed.

        ```rhai
        v.agent.sync();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-sync-delimited", agent.sync()));
    method(
        "supports",
        &["agent", "command: string", "bool"],
        r#"
        Whether this agent has the command and its configuration allows it (`guest-info`, QEMU 0.15).

        ```rhai
        if v.agent.supports("guest-get-load") { print(v.agent.load()) }
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, command: &str| {
        ask(agent, "guest-info", agent.supports(command))
    });
}

fn call(agent: &GuestAgent, command: &str, arguments: Arguments) -> Outcome {
    ask(agent, command, agent.call(command, arguments)).map(from_json)
}

fn trimming(engine: &mut Engine) {
    method(
        "fstrim",
        &["agent", "map"],
        r"
        Gives blocks that the guest's file systems do not use back to the host (`guest-fstrim`, QEMU 1.2); `#{ paths }` says how
        many bytes of each. Waits up to an hour.

        ```rhai
        for fs in v.agent.fstrim().paths { print(fs.path) }
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| {
        ask(agent, "guest-fstrim", agent.fstrim(None)).map(from_json)
    });
    method(
        "fstrim",
        &["agent", "minimum: int", "map"],
        r"
        The same for free ranges of at least that many bytes.

        ```rhai
        v.agent.fstrim(1048576);
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, minimum: i64| {
        ask(agent, "guest-fstrim", agent.fstrim(Some(minimum))).map(from_json)
    });
}

fn time(engine: &mut Engine) {
    method(
        "time",
        &["agent", "int"],
        r"
        The guest's time, in nanoseconds since 1970 (`guest-get-time`, QEMU 1.5).

        ```rhai
        print(v.agent.time() / 1000000000);
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| {
        ask(agent, "guest-get-time", agent.time())
    });
    method(
        "set_time",
        &["agent", "nanoseconds: int", "()"],
        r"
        Sets the guest's time, in nanoseconds since 1970 (`guest-set-time`, QEMU 1.5).

        ```rhai
        v.agent.set_time(v.agent.time());
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, time: i64| {
        ask(agent, "guest-set-time", agent.set_time(Some(time)))
    });
    method(
        "set_time",
        &["agent", "()"],
        r"
        Sets the guest's time from its hardware clock, as after a pause (`guest-set-time`, QEMU 1.5; not on Windows).

        ```rhai
        v.agent.set_time();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-set-time", agent.set_time(None)));
}

fn processors_and_memory(engine: &mut Engine) {
    method(
        "set_vcpus",
        &["agent", "vcpus: array", "int"],
        r#"
        Sets processors on- and offline (`guest-set-vcpus`, QEMU 1.5), each `#{ "logical-id", online }`; gives how many of the
        list were set before the first that could not be.

        ```rhai
        v.agent.set_vcpus([#{ "logical-id": 1, online: false }]);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, vcpus: Array| {
        let vcpus = json("vcpus", &vcpus.into())?;
        ask(agent, "guest-set-vcpus", agent.set_vcpus(vcpus))
    });
    method(
        "set_memory_blocks",
        &["agent", "blocks: array", "array"],
        r#"
        Sets memory blocks on- and offline (`guest-set-memory-blocks`, QEMU 2.3), each `#{ "phys-index", online }`; gives the
        result for each.

        ```rhai
        v.agent.set_memory_blocks([#{ "phys-index": 1, online: true }]);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, blocks: Array| {
        let blocks = json("blocks", &blocks.into())?;
        ask(agent, "guest-set-memory-blocks", agent.set_memory_blocks(blocks)).map(from_json)
    });
}

fn power(engine: &mut Engine) {
    method(
        "shutdown",
        &["agent", "mode: string", "()"],
        r#"
        Asks the guest to `powerdown`, `halt` or `reboot` (`guest-shutdown`, QEMU 0.15). Returns when the agent took it; that the
        guest goes down shows in the event `SHUTDOWN` or `RESET`.

        ```rhai
        let down = v.watch("SHUTDOWN");
        v.agent.shutdown("powerdown");
        down.wait("2m");
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, mode: &str| {
        ask(agent, "guest-shutdown", agent.shutdown(mode))
    });
    method(
        "suspend_disk",
        &["agent", "()"],
        r"
        Suspends the guest to its disk (`guest-suspend-disk`, QEMU 1.1): it ends, and resumes when it is started again.

        ```rhai
        v.agent.suspend_disk();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-suspend-disk", agent.suspend_disk()));
    method(
        "suspend_ram",
        &["agent", "()"],
        r"
        Suspends the guest to its memory (`guest-suspend-ram`, QEMU 1.1); QMP `system_wakeup` wakes it.

        ```rhai
        v.agent.suspend_ram();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-suspend-ram", agent.suspend_ram()));
    method(
        "suspend_hybrid",
        &["agent", "()"],
        r"
        Suspends the guest to its memory and its disk (`guest-suspend-hybrid`, QEMU 1.1).

        ```rhai
        v.agent.suspend_hybrid();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| {
        ask(agent, "guest-suspend-hybrid", agent.suspend_hybrid())
    });
}

/// A script's array as a list of texts.
pub(super) fn words(name: &str, array: Array) -> Outcome<Vec<String>> {
    let text = |(index, word): (usize, Dynamic)| match json(name, &word)? {
        Value::String(text) => Ok(text),
        other => Err(error::usage(format!(
            "{name}[{index}] is {other}, and must be text"
        ))),
    };
    array.into_iter().enumerate().map(text).collect()
}
