//! Ctrl-C between the steps that plug something in, while QEMU does one of them: all that was done is undone.

use harness::{Format, Guest, Signal};
use serde_json::Value;

use super::device::{comes_true, image, run};
use super::relay::Relay;
use super::vcpu::{processors, repair_registers};
use super::{document, eval, qmpsh};

/// All that a step can make: devices, nodes, objects, network back ends and processors.
fn state(target: &str) -> Value {
    eval(
        target,
        "#{ devices: v.qmp(\"qom-list\", #{ path: \"/machine/peripheral\" }).map(|one| one.name), \
            objects: v.qmp(\"qom-list\", #{ path: \"/objects\" }).map(|one| one.name), \
            nodes: v.qmp(\"query-named-block-nodes\").map(|one| one[\"node-name\"]), \
            net: v.qmp(\"human-monitor-command\", #{ \"command-line\": \"info network\" }), \
            cpus: v.qmp(\"query-cpus-fast\").len() }",
    )
}

/// Runs the script `words[0]` with the VM and the other words, and tells it to stop while `held`, which it has sent, is
/// on its way to QEMU; QEMU carries it out.
#[track_caller]
fn stop_at(guest: &Guest, held: &'static str, words: &[&str]) {
    let before = state(&guest.target());
    let relay = Relay::holding(&guest.qmp(), held);
    let target = format!(
        "qmp={},agent={}",
        relay.socket().display(),
        guest.agent().display()
    );
    let running = qmpsh(["run", words[0], &target]).args(&words[1..]).spawn();
    relay.wait();
    running.signal(Signal::INT);
    // The second one is answered once the first is known to the script.
    running.signal(Signal::TERM);
    running.wait_for_stderr("still busy");
    relay.release();
    let outcome = running.wait();
    // Which of the two came first is for the kernel.
    assert!(
        matches!(outcome.code, Some(130 | 143)),
        "{words:?} at {held}: {outcome:#?}"
    );
    assert!(
        !outcome.stderr.contains("error"),
        "{words:?} at {held}: {outcome:#?}"
    );
    assert_eq!(state(&guest.target()), before, "{words:?} at {held}");
}

#[test]
fn a_stop_leaves_no_open_image_and_no_back_end() {
    // Its slots are ACPI's in all versions; a PCIe port takes a request to unplug just after a plug for a change of mind.
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .arg("-machine")
        .arg("pc")
        .boot();
    let path = guest.folder().join("one.qcow2");
    image(&path);
    let path = path.to_str().unwrap();
    for held in [
        "\"blockdev-add\"",
        "\"device_add\"",
        "\"block_set_io_throttle\"",
    ] {
        stop_at(&guest, held, &["disk-add", path, "--iops", "500"]);
    }
    for held in ["\"netdev_add\"", "\"device_add\""] {
        stop_at(&guest, held, &["nic-add", "user"]);
    }
    // All names are free again.
    let target = guest.target();
    let done = document(&run(&["disk-add", &target, path], 0));
    assert_eq!(done["id"], "hot0");
    let done = document(&run(&["nic-add", &target, "user"], 0));
    assert_eq!(done["backend"], "hot1-net");
}

#[test]
fn a_stop_leaves_no_memory() {
    let guest = Guest::builder()
        .arg("-m")
        .arg("192,slots=2,maxmem=1G")
        .boot();
    guest.shell_ok("echo online_movable >/sys/devices/system/memory/auto_online_blocks");
    for held in ["\"object-add\"", "\"device_add\""] {
        stop_at(&guest, held, &["memory-add", "128M"]);
    }
    run(&["memory-add", &guest.target(), "128M"], 0);
}

/// A guest for one unplug: QEMU 7.2 under TCG does not outlive a plug that follows it.
fn guest_with_room_for_processors() -> Guest {
    let guest = Guest::builder().arg("-smp").arg("1,maxcpus=3").boot();
    repair_registers(&guest);
    guest
}

#[test]
fn a_stop_leaves_no_processor() {
    let guest = guest_with_room_for_processors();
    // The first one is in by then.
    stop_at(&guest, "\"vcpu2\"", &["vcpu-add", "2", "--wait", "1m"]);
    assert_eq!(processors(&guest), "1");
}

#[test]
fn a_stop_takes_no_request_to_unplug_back() {
    let guest = guest_with_room_for_processors();
    let target = guest.target();
    run(&["vcpu-add", &target, "1"], 0);
    assert_eq!(processors(&guest), "2");
    run(&["pause", &target], 0);
    let relay = Relay::holding(&guest.qmp(), "\"device_del\"");
    let through = relay.socket();
    let running = qmpsh(["run", "vcpu-remove", through.to_str().unwrap(), "1"]).spawn();
    relay.wait();
    relay.release_until_answered();
    running.signal(Signal::INT);
    let outcome = running.wait().expect_code(130);
    assert!(!outcome.stderr.contains("error"), "{outcome:#?}");
    // The guest follows it once it can.
    run(&["resume", &target], 0);
    comes_true(&guest, "[ $(grep -c ^processor /proc/cpuinfo) = 1 ]");
    let outcome = run(&["vcpu-remove", &target, "1"], 1);
    assert!(
        outcome.stderr.contains("none was plugged in"),
        "{outcome:#?}"
    );
}
