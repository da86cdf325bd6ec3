//! `v.watch(...)`: events that a script waits for.

use harness::{FakePeer, Qemu};
use serde_json::json;

use super::{assert_error, caught, eval, machine, qmpsh};

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

#[test]
fn an_event_is_there_for_who_watched_before_its_cause() {
    let qemu = Qemu::bare().start();
    assert_eq!(
        eval(
            &monitor(&qemu),
            "let w = v.watch(\"STOP\"); v.qmp(\"stop\"); sleep(\"50ms\");
             let e = w.wait(\"5s\"); [e.event, e.data, e.timestamp.seconds > 1700000000, e.timestamp.microseconds >= 0]"
        ),
        json!(["STOP", {}, true, true])
    );
}

#[test]
fn of_several_events_the_first_that_fits_is_waited_for() {
    let qemu = machine();
    assert_eq!(
        eval(
            &monitor(&qemu),
            "let w = v.watch([\"JOB_STATUS_CHANGE\", \"STOP\"]);
             v.qmp(\"blockdev-create\", #{ \"job-id\": \"j\", options: #{ driver: \"file\", filename: \"/dev/null/x\", size: 0 } });
             let seen = [];
             let e = w.wait(5, |e| { e.data.status == \"concluded\" });
             v.job(\"j\").dismiss();
             let later = w.wait(5.0, |e| v.status == \"prelaunch\" && e.data.id == \"j\");
             [e.data.id, later.data.status]"
        ),
        json!(["j", "null"])
    );
}

#[test]
fn a_drain_gives_what_has_come_and_leaves_nothing() {
    let qemu = Qemu::bare().start();
    assert_eq!(
        eval(
            &monitor(&qemu),
            "let all = v.watch(); let resumed = v.watch(\"RESUME\");
             v.qmp(\"stop\"); v.qmp(\"cont\"); v.qmp(\"stop\");
             let names = |events| events.map(|e| e.event);
             [names.call(all.drain()), names.call(resumed.drain()), all.drain().len()]"
        ),
        json!([["STOP", "RESUME", "STOP"], ["RESUME"], 0])
    );
}

#[test]
fn events_are_watched_by_patterns_too() {
    let qemu = Qemu::bare().start();
    assert_eq!(
        eval(
            &monitor(&qemu),
            "let w = v.watch([\"STO?\", \"[rx]*\"]); v.qmp(\"stop\"); v.qmp(\"cont\"); w.drain().map(|e| e.event)"
        ),
        json!(["STOP", "RESUME"])
    );
}

#[test]
fn an_event_that_this_qemu_has_not_is_refused_at_once() {
    let qemu = Qemu::bare().start();
    for watch in ["v.watch(\"STPO\")", "v.watch([\"RESUME\", \"STPO\"])"] {
        assert_error(
            &caught(&monitor(&qemu), watch),
            &json!({
                "kind": "usage", "vm": monitor(&qemu),
                "message": "this QEMU has no event `STPO`", "hint": "did you mean `STOP`?",
            }),
        );
    }
    // What other versions have may stand among others.
    let several = "v.watch([\"STOP\", \"GUEST_PVSHUTDOWN\", \"RDMA_GID_STATUS_CHANGED\"]); 1";
    assert_eq!(eval(&monitor(&qemu), several), json!(1));
}

#[test]
fn an_event_that_does_not_come_is_a_timeout_that_tells_the_time_given() {
    let qemu = Qemu::bare().start();
    for (watch, message) in [
        (
            "v.watch(\"STOP\").wait(\"20ms\")",
            "no event `STOP` came within 20 ms",
        ),
        ("v.watch().wait(0.02)", "no event came within 20 ms"),
        (
            "let w = v.watch(); v.qmp(\"stop\"); w.wait(\"30ms\", |e| false)",
            "no event came within 30 ms",
        ),
    ] {
        assert_error(
            &caught(&monitor(&qemu), watch),
            &json!({ "kind": "timeout", "message": message }),
        );
    }
    for wrong in [
        "v.watch(5)",
        "v.watch(\"STOP\").wait(\"soon\")",
        "v.watch([1])",
        "v.watch(\"[A\")",
    ] {
        assert_error(&caught(&monitor(&qemu), wrong), &json!({ "kind": "usage" }));
    }
    let outcome = qmpsh([
        "eval",
        "vm(args[0]).watch(\"STOP\").wait(\"10ms\")",
        &monitor(&qemu),
    ])
    .run();
    outcome.expect_code(5);
}

#[test]
fn a_condition_that_fails_or_is_none_ends_the_wait() {
    let qemu = Qemu::bare().start();
    let with = |condition: &str| {
        format!("let w = v.watch(); v.qmp(\"stop\"); v.qmp(\"cont\"); w.wait(\"5s\", {condition})")
    };
    let error = caught(&monitor(&qemu), &with("|e| fail(\"no\")"));
    assert_error(&error, &json!({ "kind": "script", "message": "no" }));
    let error = caught(&monitor(&qemu), &with("|e| 5"));
    assert_error(
        &error,
        &json!({ "kind": "usage", "message": "not true or false" }),
    );
}

#[test]
fn the_end_of_the_vm_ends_the_wait() {
    let qemu = Qemu::bare().start();
    let error = caught(
        &monitor(&qemu),
        "let w = v.watch([\"SHUTDOWN\", \"STOP\"]); v.qmp(\"quit\"); let e = w.wait(\"5s\"); if e.event != \"SHUTDOWN\" { throw e } w.wait(\"1m\")",
    );
    assert_error(&error, &json!({ "kind": "gone", "vm": monitor(&qemu) }));
}

#[test]
fn an_event_that_comes_while_the_names_are_checked_is_not_missed() {
    let event = json!({ "event": "X_NEW", "timestamp": { "seconds": 1, "microseconds": 2 } });
    let peer = FakePeer::builder()
        .greet()
        .expect("query-qmp-schema")
        .send_message(&event)
        .reply(json!([
            { "name": "X_NEW", "meta-type": "event", "arg-type": "0" },
            { "name": "0", "meta-type": "object", "members": [] },
        ]))
        .wait_for_hang_up()
        .start();
    let target = peer.socket().to_str().unwrap().to_owned();
    let seen = eval(&target, "v.watch(\"X_NEW\").wait(\"5s\").event");
    assert_eq!(seen, json!("X_NEW"));
    peer.finish();
}
