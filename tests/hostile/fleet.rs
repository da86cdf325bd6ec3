//! Several VMs, several calls, several connections: one that is silent stalls nobody, and nothing is sent twice.

use harness::{FakePeer, Qemu};
use serde_json::json;

use super::{ask, ask_within, fails, is_modest, prints, qmpsh};

#[test]
fn one_silent_vm_leaves_the_others_their_results() {
    let (one, other) = (Qemu::bare().start(), Qemu::bare().start());
    let silent = FakePeer::builder().wait_for_hang_up().start();
    let script = "for r in parallel(args, |x| vm(x).status) { print(if \"error\" in r { `${r.error.kind}: ${r.error.vm == r.item}` } else { r.ok }) }";
    let outcome = qmpsh()
        .args(["--timeout", "2s", "eval", script, "--"])
        .args([one.qmp(), silent.socket(), other.qmp()])
        .run();
    prints(&outcome, "running\ngone: true\nrunning\n");
    silent.finish();
}

#[test]
fn the_same_vm_by_the_same_name_is_one_connection() {
    let qemu = Qemu::bare().start();
    let script = "let a = vm(args[0]); let b = vm(args[0]); a.status; b.status;
        parallel([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], #{ jobs: 12 }, |x| vm(args[0]).status).filter(|r| r.ok == \"running\").len()";
    prints(&ask(qemu.qmp(), script), "12\n");
}

#[test]
fn after_a_lost_connection_a_query_is_asked_again() {
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .reply(json!({ "status": "running" }))
        .accept()
        .greet()
        .expect("query-status")
        .hang_up()
        .accept()
        .greet()
        .expect("query-status")
        .reply(json!({ "status": "paused" }))
        .start();
    // The second query finds the connection lost, and is lost itself once more.
    let script = "let v = vm(args[0]); print(v.status);
        let again = (); try { again = v.status } catch (e) { print(e.kind); again = v.status } print(again)";
    let outcome = ask_within("10s", peer.socket(), script);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stdout.ends_with("paused\n"), "{outcome:#?}");
    assert_eq!(peer.finish().len(), 6);
}

#[test]
fn after_a_lost_connection_a_change_is_not_sent_again() {
    let peer = FakePeer::builder()
        .greet()
        .expect("stop")
        .hang_up()
        .accept()
        .greet()
        .expect("query-status")
        .reply(json!({ "status": "paused" }))
        .start();
    let script = "let v = vm(args[0]); try { v.qmp(\"stop\") } catch (e) { print(e.kind); print(e.hint) } print(v.status)";
    let outcome = ask_within("10s", peer.socket(), script);
    prints(
        &outcome,
        "gone\nwhether it was carried out is not known: look before you do it again\npaused\n",
    );
    let names: Vec<_> = peer
        .finish()
        .iter()
        .map(|request| request["execute"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "qmp_capabilities",
            "stop",
            "qmp_capabilities",
            "query-status"
        ]
    );
}

#[test]
fn a_flood_of_events_is_bounded_and_what_was_dropped_is_told() {
    let event = |number: u32| json!({ "event": "RTC_CHANGE", "data": { "number": number }, "timestamp": { "seconds": 1, "microseconds": 2 } });
    let flood: Vec<u8> = (0..100_000)
        .flat_map(|number| format!("{}\r\n", event(number)).into_bytes())
        .collect();
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .send(flood)
        .reply(json!({ "status": "running" }))
        .expect("query-version")
        .reply(json!({}))
        .start();
    let script = "let w = vm(args[0]).watch(\"RTC_CHANGE\"); vm(args[0]).status;
        let events = w.drain(); print(events.len()); print(events[0].data.number)";
    let outcome = ask_within("20s", peer.socket(), script);
    prints(&outcome, "1024\n98976\n");
    assert!(
        outcome.stderr.contains("98976 events were dropped"),
        "{outcome:#?}"
    );
    is_modest(&outcome);
    peer.finish();
}

#[test]
fn a_wait_that_missed_events_tells_so() {
    let event = json!({ "event": "RTC_CHANGE", "data": {}, "timestamp": { "seconds": 1, "microseconds": 2 } });
    let flood = format!("{event}\r\n").repeat(2000);
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .send(flood)
        .reply(json!({ "status": "running" }))
        .wait_for_hang_up()
        .start();
    let script = "let w = vm(args[0]).watch(\"RTC_CHANGE\"); vm(args[0]).status; print(w.wait(\"10s\").event)";
    let outcome = ask_within("20s", peer.socket(), script);
    prints(&outcome, "RTC_CHANGE\n");
    assert!(
        outcome.stderr.contains("976 events were dropped"),
        "{outcome:#?}"
    );
    peer.finish();
}

#[test]
fn large_events_are_bounded_by_their_size_too() {
    let event = json!({ "event": "FAT", "data": "x".repeat(1 << 20), "timestamp": { "seconds": 1, "microseconds": 2 } });
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .stream(format!("{event}\r\n"), 200 << 20)
        .reply(json!({ "status": "running" }))
        .wait_for_hang_up()
        .start();
    let script = "let w = vm(args[0]).watch(); vm(args[0]).status; w.wait(\"1s\").event";
    let outcome = ask_within("20s", peer.socket(), script);
    prints(&outcome, "FAT\n");
    is_modest(&outcome);
    peer.finish();
}

#[test]
fn a_wait_for_an_event_that_never_comes_ends_in_time_or_with_the_vm() {
    let peer = FakePeer::builder().greet().wait_for_hang_up().start();
    let outcome = ask(
        peer.socket(),
        "vm(args[0]).watch([\"STOP\", \"RESUME\"]).wait(\"100ms\")",
    );
    fails(
        &outcome,
        5,
        &["no event `STOP` and `RESUME` came within 100 ms"],
    );
    peer.finish();
    let peer = FakePeer::builder().greet().expect("query-version").start();
    let script = "let w = vm(args[0]).watch(\"STOP\"); try { vm(args[0]).qmp(\"query-version\") } catch { } w.wait(\"1h\")";
    let outcome = ask_within("1s", peer.socket(), script);
    fails(&outcome, 3, &["the connection to", "ended"]);
    peer.finish();
}

#[test]
fn calls_to_one_silent_vm_give_up_together() {
    let silent = FakePeer::builder().wait_for_hang_up().start();
    let script = "let all = []; for i in 0..40 { all.push(i) }
        parallel(all, #{ jobs: 40 }, |i| vm(args[0]).status).filter(|r| r.error.kind == \"gone\").len()";
    // One after the other they would need longer than the bound of the run.
    prints(&ask_within("1s", silent.socket(), script), "40\n");
    drop(silent);
}
