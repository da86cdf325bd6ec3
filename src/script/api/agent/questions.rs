//! What a guest tells of itself, each by a command without arguments.

use rhai::Engine;

use super::{ask, method};
use crate::script::convert::from_json;
use crate::vm::GuestAgent;

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

pub(super) fn register(engine: &mut Engine) {
    question!(
        engine,
        info,
        "guest-info",
        "The agent's version and commands (`guest-info`, QEMU 0.15): `#{ version, supported_commands: [#{ name, enabled, success-response }] }`."
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
}
