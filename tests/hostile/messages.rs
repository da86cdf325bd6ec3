//! What a monitor may send that is no message, is too much of one, or comes when nobody asked.

use std::sync::mpsc::channel;

use harness::{FakePeer, FakePeerBuilder, Outcome, Qemu, Signal};
use serde_json::json;

use super::{ask, ask_within, fails, is_modest, prints};

const STATUS: &str = "vm(args[0]).status";
const GIB: u64 = 1 << 30;

fn asked() -> FakePeerBuilder {
    FakePeer::builder().greet().expect("query-status")
}

/// What becomes of a `query-status` that a peer goes on from so.
fn status_of(peer: FakePeerBuilder) -> Outcome {
    let peer = peer.wait_for_hang_up().start();
    let outcome = ask_within("10s", peer.socket(), STATUS);
    peer.finish();
    outcome
}

#[test]
fn garbage_is_quoted_and_ends_the_call() {
    for (sent, words) in [
        (&b"garbage\r\n"[..], "found `garbage\\r\\n`"),
        (b"[1, 2]\r\n", "expected a JSON object, found `[1, 2]"),
        (b"{\"return\": inf}\r\n", "not valid JSON near"),
        (b"{\"return\": \xff\xfe}\r\n", "not valid JSON near"),
        (b"{\"return\": \"\xc3\x28\"}\r\n", "not valid JSON near"),
        (b"\x00\x00\x00\x00", "found `\\x00\\x00\\x00\\x00`"),
        (b"}}}}", "found `}}}}`"),
        (b"\xff{\"return\": {}}\r\n", "found `\\xff{"),
        (b"{\"return\" {}}\r\n", "not valid JSON near"),
    ] {
        let outcome = status_of(asked().send(sent));
        fails(&outcome, 3, &["sent what is no message", words]);
    }
}

#[test]
fn json_that_nests_without_end_is_refused_whole() {
    for (opening, closing) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!(
            "{{\"return\":{}1{}}}\r\n",
            opening.repeat(200_000),
            closing.repeat(200_000)
        );
        let outcome = status_of(asked().send(deep));
        fails(&outcome, 3, &["nested deeper than 127 levels"]);
        is_modest(&outcome);
    }
    let outcome = status_of(asked().send("{\"return\":").stream("[", 1 << 20));
    fails(&outcome, 3, &["nested deeper than 127 levels"]);
}

#[test]
fn a_reply_of_a_gibibyte_is_refused_in_bounded_memory() {
    let chunk = vec![b'x'; 1 << 20];
    let outcome = status_of(asked().send("{\"return\": \"").stream(chunk, GIB));
    fails(&outcome, 3, &["sent more than is taken", "16777216 bytes"]);
    is_modest(&outcome);
}

#[test]
fn a_reply_of_ever_more_small_values_is_refused_in_bounded_memory() {
    for small in ["0,", "[],", "{},", "\"\",", "[[[[]]]],", "{\"a\":0},"] {
        let chunk = small.repeat((1 << 20) / small.len());
        let outcome = status_of(asked().send("{\"return\": [").stream(chunk, GIB));
        fails(&outcome, 3, &["sent more than is taken", "of memory"]);
        is_modest(&outcome);
    }
}

#[test]
fn the_largest_reply_that_is_taken_stays_in_bounds() {
    let text = "x".repeat((16 << 20) - 200);
    let peer = asked()
        .reply(json!({ "status": text }))
        .wait_for_hang_up()
        .start();
    let outcome = ask_within("20s", peer.socket(), "print(vm(args[0]).status.len())");
    peer.finish();
    prints(&outcome, &format!("{}\n", (16 << 20) - 200));
    is_modest(&outcome);
}

#[test]
fn a_greeting_without_end_is_refused_in_bounded_memory() {
    let peer = FakePeer::builder()
        .send("{\"QMP\": \"")
        .stream(vec![b'x'; 1 << 20], GIB)
        .start();
    let outcome = ask_within("10s", peer.socket(), STATUS);
    fails(&outcome, 3, &["sent more than is taken"]);
    is_modest(&outcome);
    peer.finish();
}

#[test]
fn noise_between_messages_that_never_ends_does_not_outlast_the_deadline() {
    let event = "{\"event\": \"NOISE\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 2}}\r\n";
    for noise in [
        " \r\n\t",
        event,
        "{\"return\": {}, \"id\": \"another's\"}\r\n",
    ] {
        let chunk = noise.repeat((1 << 16) / noise.len());
        let peer = asked().stream(chunk, 100 * GIB).start();
        let outcome = ask_within("700ms", peer.socket(), STATUS);
        fails(
            &outcome,
            5,
            &["no reply to `query-status`", "within 700 ms", "--timeout"],
        );
        is_modest(&outcome);
        peer.finish();
    }
}

#[test]
fn noise_before_the_greeting_does_not_outlast_the_deadline() {
    let noise = "{\"return\": {}}\r\n".repeat(4096);
    let peer = FakePeer::builder().stream(noise, 100 * GIB).start();
    let outcome = ask_within("300ms", peer.socket(), STATUS);
    fails(&outcome, 3, &["no greeting within 300 ms"]);
    is_modest(&outcome);
    peer.finish();
}

#[test]
fn a_reply_that_stops_in_the_middle_is_a_timeout() {
    let peer = asked()
        .send("{\"return\": {\"status\": \"runn")
        .wait_for_hang_up()
        .start();
    let outcome = ask_within("1s", peer.socket(), STATUS);
    fails(&outcome, 5, &["no reply to `query-status`", "within 1 s"]);
    peer.finish();
}

#[test]
fn a_monitor_that_goes_in_the_middle_of_its_reply_to_a_change_leaves_it_open() {
    let peer = FakePeer::builder()
        .greet()
        .expect("stop")
        .send("{\"return\": {")
        .start();
    let outcome = ask_within("10s", peer.socket(), "vm(args[0]).qmp(\"stop\")");
    let words = ["in the middle of a message", "`stop`", "is not known"];
    fails(&outcome, 3, &words);
    peer.finish();
}

#[test]
fn several_messages_in_one_read_and_one_over_many_lines_are_read() {
    let outcome = status_of(asked().answer(|request| {
        let reply = json!({ "return": { "status": "running" }, "id": request["id"] });
        let event = json!({ "event": "STOP", "timestamp": { "seconds": 1, "microseconds": 2 } });
        format!("{event}{event}\r\n\r\n{{\"return\":{{}},\"id\":\"late\"}}{reply:#}{event}")
            .into_bytes()
    }));
    prints(&outcome, "running\n");
}

#[test]
fn a_reply_that_comes_byte_by_byte_is_read() {
    let mut peer = FakePeer::builder().greet().expect("query-status");
    let (sender, receiver) = channel();
    peer = peer.answer(move |request| {
        let reply = json!({ "return": { "status": "running" }, "id": request["id"] });
        sender.send(reply.to_string()).unwrap();
        Vec::new()
    });
    // What is answered is known only then, so the rest of the peer is made of what it was asked.
    peer = peer.answer(move |_| receiver.recv().unwrap().into_bytes());
    prints(&status_of(peer), "running\n");
}

#[test]
fn a_pretty_monitor_is_read() {
    let qemu = Qemu::bare().pretty().start();
    prints(&ask(qemu.qmp(), STATUS), "running\n");
    let outcome = ask(
        qemu.qmp(),
        "vm(args[0]).qmp(\"query-qmp-schema\").len() > 100",
    );
    prints(&outcome, "true\n");
}

#[test]
fn an_unknown_command_is_refused_in_qemus_words() {
    let qemu = Qemu::bare().start();
    let outcome = ask(qemu.qmp(), "vm(args[0]).qmp(\"no-such\", #{ a: 1 })");
    let words = [
        "this QEMU has no command `no-such`",
        "The command no-such has not been found",
        qemu.qmp().to_str().unwrap().to_owned().leak(),
        "class: CommandNotFound",
        "not in this version",
    ];
    fails(&outcome, 4, &words);
    let outcome = ask(qemu.qmp(), "vm(args[0]).qmp.query_statsu()");
    fails(&outcome, 4, &["no command `query_statsu`", "did you mean"]);
}

#[test]
fn a_refused_command_is_told_in_qemus_words() {
    let qemu = Qemu::bare().start();
    for (script, words) in [
        (
            "vm(args[0]).qmp(\"blockdev-del\", #{ \"node-name\": \"none\" })",
            "none",
        ),
        (
            "vm(args[0]).qmp(\"qom-get\", #{ path: 7, property: \"x\" })",
            "path",
        ),
        (
            "vm(args[0]).qmp(\"query-status\", #{ extra: true })",
            "extra",
        ),
        (
            "vm(args[0]).transaction([#{ type: \"no-such\" }])",
            "no-such",
        ),
    ] {
        fails(&ask(qemu.qmp(), script), 4, &["was refused: ", words]);
    }
}

#[test]
fn errors_of_a_shape_that_no_qemu_sends_are_told_all_the_same() {
    let error = |error| {
        asked().answer(move |request| {
            format!("{}\r\n", json!({ "error": error, "id": request["id"] })).into_bytes()
        })
    };
    for (sent, words) in [
        (
            json!({ "class": "GenericError", "desc": "" }),
            "was refused",
        ),
        (
            json!({ "class": "\u{1b}[31m", "desc": "a\nerror: forged\u{1b}[2J" }),
            "a\\nerror: forged\\x1b[2J",
        ),
        (json!({ "class": "NeverHeardOf", "desc": "new" }), "new"),
        (
            json!({ "class": "GenericError", "desc": "x".repeat(100_000) }),
            "xxxx",
        ),
    ] {
        fails(&status_of(error(sent)), 4, &[words]);
    }
}

#[test]
fn replies_of_a_shape_that_no_qemu_sends_are_told() {
    for reply in [json!(null), json!(7), json!([]), json!({ "status": 7 })] {
        let outcome = status_of(asked().reply(reply));
        fails(
            &outcome,
            4,
            &["the reply to `query-status` holds no status"],
        );
    }
}

#[test]
fn a_vm_that_is_killed_in_mid_call_is_gone() {
    let mut qemu = Qemu::bare().start();
    let running = super::asking(
        "20s",
        qemu.qmp(),
        "let v = vm(args[0]); v.status; log(\"up\"); loop { v.qmp(\"stop\") }",
    )
    .spawn();
    running.wait_for_stderr("up");
    qemu.process().signal(Signal::STOP);
    qemu.process().kill();
    let outcome = running.wait();
    fails(&outcome, 3, &["`stop`", qemu.qmp().to_str().unwrap()]);
}

#[test]
fn a_vm_that_was_told_to_quit_is_gone_for_the_next_call() {
    let qemu = Qemu::bare().start();
    let script = "let v = vm(args[0]); v.qmp(\"quit\"); loop { v.status }";
    let outcome = ask(qemu.qmp(), script);
    fails(&outcome, 3, &[qemu.qmp().to_str().unwrap()]);
}

#[test]
fn a_greeting_of_another_shape_is_put_up_with() {
    for greeting in [
        json!({ "QMP": {} }),
        json!({ "QMP": { "version": null, "capabilities": null } }),
        json!({ "QMP": { "version": { "qemu": { "major": -1, "minor": "x" } }, "capabilities": [7, "oob", "new"] } }),
        json!({ "QMP": { "version": {}, "capabilities": [] }, "new": 1 }),
    ] {
        let peer = FakePeer::builder()
            .send_message(&greeting)
            .expect("qmp_capabilities")
            .reply(json!({}))
            .expect("query-status")
            .reply(json!({ "status": "running" }));
        prints(&status_of(peer), "running\n");
    }
    for greeting in [json!({ "QMP": null }), json!({ "QMP": 7 }), json!({})] {
        let outcome = status_of(FakePeer::builder().send_message(&greeting));
        fails(&outcome, 3, &["does not speak QMP"]);
    }
}

#[test]
fn replies_with_ids_that_were_never_given_are_dropped() {
    let outcome = status_of(asked().answer(|request| {
        let of = |id| {
            format!(
                "{}\r\n",
                json!({ "return": { "status": "forged" }, "id": id })
            )
        };
        let mut sent: String = [json!(null), json!(7), json!([]), json!({}), json!("")]
            .into_iter()
            .map(of)
            .collect();
        sent += "{\"return\": {\"status\": \"forged\"}}\r\n";
        let id = request["id"].clone();
        let right = json!({ "return": { "status": "running" }, "id": id });
        // The second one of the right id comes too late to be heard.
        format!("{sent}{right}\r\n{}", of(id)).into_bytes()
    }));
    prints(&outcome, "running\n");
}

#[test]
fn a_refusal_without_end_is_cut() {
    let desc = "x".repeat(1 << 20);
    let peer = asked().reply_error("GenericError", &desc);
    let outcome = status_of(peer);
    fails(&outcome, 4, &["xxxx..."]);
    assert!(
        outcome.stderr.len() < 16 << 10,
        "{} bytes",
        outcome.stderr.len()
    );
}
