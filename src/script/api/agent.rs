//! `v.agent`: the guest agent's commands that are one question and one answer.

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
    questions(engine);
    time(engine);
    processors_and_memory(engine);
    accounts(engine);
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
        Returns if the agent answers (`guest-ping`), else throws.

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
        Brings the conversation with the agent into step (`guest-sync-delimited`); it is done by itself where needed.

        ```rhai
        v.agent.sync();
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| ask(agent, "guest-sync-delimited", agent.sync()));
    method(
        "supports",
        &["agent", "command: string", "bool"],
        r#"
        Whether this agent has the command and its configuration allows it (`guest-info`).

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

/// Registers a question without arguments: the script's name, the command, what it gives, and how to ask it.
macro_rules! question {
    ($engine:expr, $name:ident, $command:literal, $about:literal) => {
        method(
            stringify!($name),
            &["agent", "value"],
            concat!(
                $about,
                "\n\n```rhai\nprint(v.agent.",
                stringify!($name),
                "());\n```"
            ),
        )
        .register_into_engine($engine, |agent: &mut GuestAgent| {
            ask(agent, $command, agent.$name()).map(from_json)
        });
    };
}

fn questions(engine: &mut Engine) {
    question!(
        engine,
        info,
        "guest-info",
        "The agent's version and commands (`guest-info`): `#{ version, supported_commands: [#{ name, enabled, success-response }] }`."
    );
    question!(
        engine,
        osinfo,
        "guest-get-osinfo",
        "The guest's operating system (`guest-get-osinfo`, QEMU 2.10): `#{ id, name, \"pretty-name\", \"kernel-release\", ... }`."
    );
    question!(
        engine,
        users,
        "guest-get-users",
        "Who is logged in (`guest-get-users`, QEMU 2.10): `#{ user, \"login-time\" }` each, the time in seconds since 1970."
    );
    question!(
        engine,
        timezone,
        "guest-get-timezone",
        "The guest's time zone (`guest-get-timezone`, QEMU 2.10): `#{ zone, offset }`, the offset in seconds."
    );
    question!(
        engine,
        interfaces,
        "guest-network-get-interfaces",
        "The guest's network interfaces (`guest-network-get-interfaces`, QEMU 1.1), with `ip-addresses` each."
    );
    question!(
        engine,
        routes,
        "guest-network-get-route",
        "The guest's routes (`guest-network-get-route`, QEMU 9.1)."
    );
    question!(
        engine,
        fsinfo,
        "guest-get-fsinfo",
        "The mounted file systems (`guest-get-fsinfo`, QEMU 2.2): `#{ name, mountpoint, type, disk, ... }`, sizes in bytes."
    );
    question!(
        engine,
        disks,
        "guest-get-disks",
        "The guest's disks and partitions (`guest-get-disks`, QEMU 5.2)."
    );
    question!(
        engine,
        diskstats,
        "guest-get-diskstats",
        "What the guest's disks have read and written (`guest-get-diskstats`, QEMU 7.1)."
    );
    question!(
        engine,
        cpustats,
        "guest-get-cpustats",
        "What the guest's processors have spent their time on (`guest-get-cpustats`, QEMU 7.1), in milliseconds."
    );
    question!(
        engine,
        load,
        "guest-get-load",
        "The guest's load averages (`guest-get-load`, QEMU 10.0)."
    );
    question!(
        engine,
        devices,
        "guest-get-devices",
        "The guest's devices and their drivers (`guest-get-devices`, QEMU 5.2; Windows only)."
    );
    question!(
        engine,
        vcpus,
        "guest-get-vcpus",
        "The guest's processors (`guest-get-vcpus`, QEMU 1.5): `#{ \"logical-id\", online, \"can-offline\" }` each."
    );
    question!(
        engine,
        memory_blocks,
        "guest-get-memory-blocks",
        "The guest's memory blocks (`guest-get-memory-blocks`, QEMU 2.3)."
    );
    question!(
        engine,
        memory_block_info,
        "guest-get-memory-block-info",
        "The size of the guest's memory blocks (`guest-get-memory-block-info`, QEMU 2.3): `#{ size }` in bytes."
    );
    method(
        "hostname",
        &["agent", "string"],
        r"
        The guest's host name (`guest-get-host-name`, QEMU 2.10).

        ```rhai
        print(v.agent.hostname());
        ```",
    )
    .register_into_engine(engine, |agent: &mut GuestAgent| {
        ask(agent, "guest-get-host-name", agent.hostname())
    });
    method(
        "fstrim",
        &["agent", "map"],
        r"
        Gives blocks that the guest's file systems do not use back to the host (`guest-fstrim`); `#{ paths }` says how
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
        Sets the guest's time from its hardware clock, as after a pause (`guest-set-time`; not on Windows).

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

fn accounts(engine: &mut Engine) {
    method(
        "set_user_password",
        &["agent", "user: string", "password: string", "()"],
        r#"
        Sets a user's password (`guest-set-user-password`, QEMU 2.3).

        ```rhai
        v.agent.set_user_password("root", "correct horse");
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, user: &str, password: &str| {
            ask(
                agent,
                "guest-set-user-password",
                agent.set_user_password(user, password, false),
            )
        },
    );
    method(
        "set_user_password",
        &["agent", "user: string", "password: string", "crypted: bool", "()"],
        r#"
        The same with a password that is hashed already, as in `/etc/shadow`, when `crypted` is true.

        ```rhai
        v.agent.set_user_password("root", "$6$salt$hash", true);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str, password: &str, crypted: bool| {
        ask(agent, "guest-set-user-password", agent.set_user_password(user, password, crypted))
    });
    method(
        "ssh_keys",
        &["agent", "user: string", "array"],
        r#"
        A user's authorized public keys (`guest-ssh-get-authorized-keys`, QEMU 5.2).

        ```rhai
        print(v.agent.ssh_keys("root"));
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str| {
        ask(agent, "guest-ssh-get-authorized-keys", agent.ssh_keys(user)).map(from_json)
    });
    method(
        "add_ssh_keys",
        &["agent", "user: string", "keys: array", "()"],
        r#"
        Adds public keys to a user's (`guest-ssh-add-authorized-keys`, QEMU 5.2).

        ```rhai
        v.agent.add_ssh_keys("root", ["ssh-ed25519 AAAAC3... me"]);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str, keys: Array| {
        let keys = words("keys", keys)?;
        ask(
            agent,
            "guest-ssh-add-authorized-keys",
            agent.add_ssh_keys(user, &keys, false),
        )
    });
    method(
        "add_ssh_keys",
        &["agent", "user: string", "keys: array", "reset: bool", "()"],
        r#"
        The same; with `reset` the keys take the place of those that were there.

        ```rhai
        v.agent.add_ssh_keys("root", ["ssh-ed25519 AAAAC3... me"], true);
        ```"#,
    )
    .register_into_engine(
        engine,
        |agent: &mut GuestAgent, user: &str, keys: Array, reset: bool| {
            let keys = words("keys", keys)?;
            ask(
                agent,
                "guest-ssh-add-authorized-keys",
                agent.add_ssh_keys(user, &keys, reset),
            )
        },
    );
    method(
        "remove_ssh_keys",
        &["agent", "user: string", "keys: array", "()"],
        r#"
        Removes public keys from a user's (`guest-ssh-remove-authorized-keys`, QEMU 5.2); one that is not there is no error.

        ```rhai
        v.agent.remove_ssh_keys("root", ["ssh-ed25519 AAAAC3... me"]);
        ```"#,
    )
    .register_into_engine(engine, |agent: &mut GuestAgent, user: &str, keys: Array| {
        let keys = words("keys", keys)?;
        ask(agent, "guest-ssh-remove-authorized-keys", agent.remove_ssh_keys(user, &keys))
    });
}

fn power(engine: &mut Engine) {
    method(
        "shutdown",
        &["agent", "mode: string", "()"],
        r#"
        Asks the guest to `powerdown`, `halt` or `reboot` (`guest-shutdown`). Returns when the agent took it; that the
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
