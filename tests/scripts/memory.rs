//! `memory-add` and `memory-remove`: what the guest has of it, and that nothing is left of what failed.

use harness::{Guest, Qemu, RawQmp};
use serde_json::{Value, json};

use super::device::run;
use super::{document, eval};

/// A guest that has room for two modules of memory.
fn guest() -> Guest {
    Guest::builder()
        .arg("-m")
        .arg("192,slots=2,maxmem=1G")
        .boot()
}

/// The memory that the guest's kernel has, in MiB.
fn total(guest: &Guest) -> u64 {
    let line = guest.shell_ok("sed -n 's/^MemTotal: *\\(.*\\) kB/\\1/p' /proc/meminfo");
    line.trim().parse::<u64>().unwrap() / 1024
}

/// Sets what the guest's kernel does with new memory.
fn policy(guest: &Guest, policy: &str) {
    guest.shell_ok(&format!(
        "echo {policy} >/sys/devices/system/memory/auto_online_blocks"
    ));
}

/// What must stay as it is: the back ends, and what is plugged in.
fn state(target: &str) -> Value {
    eval(
        target,
        "#{ objects: v.qmp(\"qom-list\", #{ path: \"/objects\" }).map(|one| one.name), \
            modules: v.qmp(\"query-memory-devices\").map(|one| one.data.id) }",
    )
}

#[test]
fn memory_is_plugged_in_used_by_the_guest_and_unplugged() {
    let guest = guest();
    let target = guest.target();
    let before = (state(&target), total(&guest));
    let used = |done: &Value, bytes: u64| {
        assert_eq!(
            (&done["id"], &done["size"], &done["online"]),
            (&json!("dimm0"), &json!(bytes), &json!(bytes))
        );
        // What the kernel needs to keep account of it is not in its total.
        let now = total(&guest);
        assert!(
            now > before.1 + (bytes >> 20) * 9 / 10,
            "{now} MiB, before {}",
            before.1
        );
    };
    // This kernel keeps nothing of its own there, so that it can always let go of it.
    policy(&guest, "online_movable");
    let done = document(&run(&["memory-add", &target, "256M"], 0));
    assert_eq!(
        done["result"],
        "256 MiB are plugged in as dimm0; the guest uses 256 MiB of it"
    );
    used(&done, 256 << 20);

    // A guest that does not take what QEMU gives is told of.
    let done = document(&run(
        &[
            "memory-add",
            &target,
            "64M",
            "--id",
            "small",
            "--path",
            "/tmp",
            "--share",
        ],
        0,
    ));
    assert_eq!(done["online"], 0);
    assert_eq!(
        done["result"],
        "64 MiB are plugged in as small; the guest has not taken it up: it takes memory in blocks of 128 MiB"
    );
    let backend = eval(
        &target,
        "v.qmp(\"qom-get\", #{ path: \"/objects/small-mem\", property: \"share\" })",
    );
    assert_eq!(backend, true);

    let done = document(&run(&["memory-remove", &target, "dimm0"], 0));
    assert_eq!(done["result"], "256 MiB were unplugged");
    run(&["memory-remove", &target, "small"], 0);
    assert_eq!((state(&target), total(&guest)), before);
    let outcome = run(&["memory-remove", &target, "dimm0"], 1);
    assert!(
        outcome
            .stderr
            .contains("no memory is plugged in as dimm0; none is"),
        "{outcome:#?}"
    );

    // One that takes nothing online by itself is told to.
    policy(&guest, "offline");
    used(
        &document(&run(&["memory-add", &target, "128M"], 0)),
        128 << 20,
    );
}

#[test]
fn what_cannot_be_plugged_in_leaves_no_back_end() {
    let guest = guest();
    let target = guest.target();
    run(&["memory-add", &target, "128M", "--id", "first"], 0);
    let before = state(&target);
    // Since QEMU 7.1.
    let tells_room = eval(
        &target,
        "v.qmp(\"qom-list\", #{ path: \"/machine\" }).some(|one| one.name == \"memory\")",
    ) == true;
    for (words, code, message) in [
        (
            &["4G"][..],
            4,
            if tells_room {
                "1 of 2 slots are taken, and 128 MiB of the 832 MiB that maxmem leaves"
            } else {
                "plugged in, there are first (128 MiB)"
            },
        ),
        (&["1"], 4, "multiple of"),
        (&["1M"], 4, "give a whole multiple of that"),
        (&["128M", "--node", "7"], 4, "numa"),
        (&["128M", "--path", "/no/such"], 4, "/no/such"),
        (
            &["128M", "--id", "first"],
            1,
            "something is called first already",
        ),
    ] {
        let outcome = run(&[&["memory-add", target.as_str()], words].concat(), code);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
        assert!(
            !outcome.stderr.contains("and then"),
            "{words:?}: {outcome:#?}"
        );
        // What room there is, is told to whom it was too little.
        let is_about_room = words[0] == "4G";
        assert_eq!(
            outcome.stderr.contains("maxmem=M"),
            is_about_room,
            "{words:?}: {outcome:#?}"
        );
        assert_eq!(state(&target), before, "{words:?}");
    }
    run(&["memory-add", &target, "128M"], 0);
    let outcome = run(&["memory-add", &target, "128M"], 4);
    for told in ["no free slots", "-m SIZE,slots=N,maxmem=M"] {
        assert!(outcome.stderr.contains(told), "{told}: {outcome:#?}");
    }
}

#[test]
fn a_module_behind_one_of_an_odd_size_is_said_to_begin_within_a_block() {
    let guest = guest();
    let target = guest.target();
    let result = |size: &str| {
        let done = document(&run(&["memory-add", &target, size], 0));
        done["result"].as_str().unwrap().to_owned()
    };
    let odd = result("100M");
    assert!(odd.ends_with("blocks of 128 MiB"), "{odd}");
    let behind = result("128M");
    assert!(
        behind.ends_with(
            "blocks of 128 MiB, and this module begins within one, behind another of an odd size"
        ),
        "{behind}"
    );
}

#[test]
fn a_guest_that_needs_the_memory_keeps_it() {
    let guest = guest();
    let target = guest.target();
    // Memory that the kernel keeps its own things in cannot be given back: it takes new things from there first.
    policy(&guest, "online_kernel");
    run(&["memory-add", &target, "128M"], 0);
    guest.shell_ok("mkdir /tmp/many; for i in $(seq 5000); do : >/tmp/many/$i; done");
    let with = total(&guest);
    let outcome = run(&["memory-remove", &target, "dimm0"], 1);
    assert!(
        outcome
            .stderr
            .contains("the guest refused to let go of dimm0: it is in use there"),
        "{outcome:#?}"
    );
    assert_eq!(total(&guest), with);
    assert_eq!(state(&target)["modules"], json!(["dimm0"]));
}

#[test]
fn a_machine_without_room_or_without_a_guest_is_told_of() {
    let start = |memory: &str| {
        Qemu::bare()
            .args("-machine q35 -accel tcg -S -m")
            .arg(memory)
            .start()
    };
    let full = start("32");
    let target = full.qmp().to_str().unwrap().to_owned();
    let before = state(&target);
    let outcome = run(&["memory-add", &target, "128M"], 4);
    assert!(
        outcome.stderr.contains("-m SIZE,slots=N,maxmem=M"),
        "{outcome:#?}"
    );
    assert_eq!(state(&target), before);

    let empty = start("32,slots=1,maxmem=1G");
    let target = empty.qmp().to_str().unwrap().to_owned();
    let outcome = run(&["memory-add", &target, "128M", "--wait", "50ms"], 0);
    assert!(
        outcome
            .stderr
            .contains("what the guest does with it is not known"),
        "{outcome:#?}"
    );
    assert_eq!(document(&outcome)["online"], Value::Null);
    let outcome = run(&["memory-remove", &target, "dimm0", "--wait", "100ms"], 1);
    for told in ["did not let go of dimm0 in time", "remove it again then"] {
        assert!(outcome.stderr.contains(told), "{told}: {outcome:#?}");
    }
    assert_eq!(state(&target)["modules"], json!(["dimm0"]));

    // What was let go of after the wait: its device has gone, and its back end has not.
    RawQmp::connect(empty.qmp()).call(
        "object-add",
        &json!({ "qom-type": "memory-backend-ram", "id": "late-mem", "size": 1 << 20 }),
    );
    let done = document(&run(&["memory-remove", &target, "late"], 0));
    assert_eq!(
        done["result"],
        "late was unplugged before, and its memory is given back now"
    );
}
