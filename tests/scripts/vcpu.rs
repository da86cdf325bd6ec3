//! `vcpu-add` and `vcpu-remove`: what the guest has of it, and what is told where it goes wrong.

use harness::{FakePeer, Guest, Qemu};
use serde_json::{Value, json};

use super::device::{comes_true, run};
use super::{document, eval, qmpsh};

/// Has QEMU 5.2 under TCG tell of processors in the way that its guest looks: the registers stay as old guests know them, whatever
/// the firmware's tables ask for.
pub(super) fn repair_registers(guest: &Guest) {
    if Qemu::version() < (7, 2) {
        let write = json!({ "command-line": "o/b 0xcd8 0" });
        guest.raw_qmp().call("human-monitor-command", &write);
    }
}

pub(super) fn processors(guest: &Guest) -> String {
    guest.shell_ok("grep -c ^processor /proc/cpuinfo")
}

#[test]
fn processors_are_plugged_in_used_by_the_guest_and_unplugged() {
    let guest = Guest::builder().arg("-smp").arg("1,maxcpus=4").boot();
    repair_registers(&guest);
    let target = guest.target();
    let outcome = run(&["vcpu-add", &target, "4"], 1);
    assert!(
        outcome
            .stderr
            .contains("it has 1 processor, and room for 3"),
        "{outcome:#?}"
    );
    let done = document(&run(&["vcpu-add", &target, "2"], 0));
    assert_eq!(
        (&done["ids"], &done["online"], &done["total"]),
        (&json!(["vcpu1", "vcpu2"]), &json!(2), &json!(3))
    );
    assert_eq!(
        done["result"],
        "2 plugged in (vcpu1, vcpu2), 3 in all; the guest uses them"
    );
    assert_eq!(processors(&guest), "3");

    for (words, message) in [
        (
            &["vcpu-add", target.as_str(), "2"][..],
            "it has 3 processors, and room for 1 more, not 2: QEMU has more when it is started with -smp N,maxcpus=M",
        ),
        (
            &["vcpu-remove", &target, "3"],
            "cannot unplug 3: plugged in were vcpu2, vcpu1",
        ),
        (
            &["vcpu-remove", &target, "vcpu3"],
            "no processor was plugged in as vcpu3",
        ),
    ] {
        let outcome = run(words, 1);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
    }

    // A guest that stands still does not let go, and does once it goes on.
    run(&["pause", &target], 0);
    let outcome = run(&["vcpu-remove", &target, "2", "--wait", "100ms"], 1);
    assert!(
        outcome
            .stderr
            .contains("the guest did not let go of vcpu2 in time; it may still do so"),
        "{outcome:#?}"
    );
    run(&["resume", &target], 0);
    comes_true(&guest, "[ $(grep -c ^processor /proc/cpuinfo) = 2 ]");
    // One that the guest does not use goes all the same.
    run(&["guest-vcpus", "--online", "1", &target], 0);
    assert_eq!(processors(&guest), "1");
    let done = document(&run(&["vcpu-remove", &target, "1"], 0));
    assert_eq!(
        (&done["ids"], &done["result"]),
        (&json!(["vcpu1"]), &json!("1 unplugged (vcpu1), 1 left"))
    );
    let outcome = run(&["vcpu-remove", &target, "1"], 1);
    assert!(
        outcome
            .stderr
            .contains("cannot unplug 1: none was plugged in since the VM's start"),
        "{outcome:#?}"
    );
}

#[test]
fn without_a_guest_processors_are_plugged_in_and_stay() {
    let qemu = Qemu::bare()
        .args("-machine q35 -accel tcg -m 32 -S -smp 1,maxcpus=3")
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let done = document(&run(&["vcpu-add", &target, "2", "--wait", "50ms"], 0));
    assert_eq!(
        (&done["result"], &done["online"]),
        (
            &json!("2 plugged in (vcpu1, vcpu2), 3 in all"),
            &Value::Null
        )
    );
    // QEMU refuses where it knows that nobody listens; else nobody lets go.
    let outcome = qmpsh(["run", "vcpu-remove", &target, "2", "--wait", "100ms"]).run();
    assert!(
        matches!(outcome.code, Some(1 | 4)) && outcome.stderr.contains("error: "),
        "{outcome:#?}"
    );
    assert_eq!(eval(&target, "v.qmp(\"query-cpus-fast\").len()"), 3);
}

#[test]
fn one_that_cannot_be_plugged_in_takes_those_before_it_along() {
    let free = |core: i64| {
        json!({ "type": "some-cpu", "vcpus-count": 1,
            "props": { "socket-id": 0, "core-id": core, "thread-id": 0 } })
    };
    let mut first = free(0);
    first["qom-path"] = json!("/machine/unattached/device[0]");
    let peer = FakePeer::builder()
        .greet()
        .expect("query-hotpluggable-cpus")
        // Not in their order.
        .reply(json!([free(2), free(1), first]))
        .expect("qom-list")
        .reply(json!([]))
        .expect("device_add")
        .reply(json!({}))
        .expect("device_add")
        .reply_error("GenericError", "no more threads")
        .expect("qom-list")
        .reply(json!([{ "name": "vcpu1", "type": "child<some-cpu>" }]))
        .expect("device_del")
        .send_message(
            &json!({ "event": "DEVICE_DELETED", "timestamp": { "seconds": 1, "microseconds": 2 },
            "data": { "device": "vcpu1", "path": "/machine/peripheral/vcpu1" } }),
        )
        .reply(json!({}))
        .start();
    let target = format!("qmp={},agent=/no/such", peer.socket().display());
    let outcome = run(&["vcpu-add", &target, "2"], 4);
    assert!(
        outcome.stderr.contains("no more threads") && !outcome.stderr.contains("and then"),
        "{outcome:#?}"
    );
    let requests = peer.finish();
    let cores: Vec<&Value> = requests
        .iter()
        .filter(|request| request["execute"] == "device_add")
        .map(|request| &request["arguments"]["core-id"])
        .collect();
    assert_eq!(cores, [1, 2]);
    let last = requests.last().unwrap();
    assert_eq!(last["arguments"], json!({ "id": "vcpu1" }));
}
