//! What an agent may say wrong, late, to somebody else, or not at all. The agent is the guest's, and not trusted.

use harness::{FakePeer, FakePeerBuilder, Folder, HostAgent, Outcome};
use serde_json::{Value, json};

use super::{agent_at, ask, ask_within, fails, is_modest, prints, qmpsh};

const PING: &str = "vm(args[0]).agent.ping()";
const OS: &str = "vm(args[0]).agent.osinfo().id";
const GIB: u64 = 1 << 30;

fn in_step() -> FakePeerBuilder {
    FakePeer::builder().synchronise()
}

fn asked_for_os() -> FakePeerBuilder {
    in_step().expect("guest-get-osinfo")
}

/// What becomes of `script` with an agent that goes on from so.
fn outcome(timeout: &str, agent: FakePeerBuilder, script: &str) -> Outcome {
    let agent = agent.wait_for_hang_up().start();
    let outcome = ask_within(timeout, agent_at(&agent.socket()), script);
    agent.finish();
    outcome
}

/// The reply to a `guest-sync-delimited`.
fn sync_reply(request: &Value) -> Vec<u8> {
    let reply = json!({ "return": request["arguments"]["id"] });
    [b"\xff", format!("{reply}\n").as_bytes()].concat()
}

#[test]
fn a_silent_agent_is_given_up_when_its_time_is_over() {
    let outcome = outcome("200ms", FakePeer::builder(), PING);
    fails(
        &outcome,
        3,
        &[
            "the guest agent at",
            "did not answer within 200 ms",
            "stopped or busy",
        ],
    );
}

#[test]
fn an_agent_that_answers_anothers_sync_is_waited_for_until_it_answers_ours() {
    let agent = FakePeer::builder()
        .expect("guest-sync-delimited")
        .send(b"{\"return\": {}}\n\xff{\"return\": 1}\n")
        .send(b"\xff{\"return\": 4711}\n\xff\xff{\"error\": {\"class\": \"GenericError\", \"desc\": \"x\"}}\n")
        .answer(sync_reply)
        .expect("guest-get-osinfo")
        .reply(json!({ "id": "debian" }));
    prints(&outcome("10s", agent, OS), "debian\n");
}

#[test]
fn an_agent_that_only_ever_answers_anothers_sync_did_not_answer() {
    let agent = FakePeer::builder()
        .expect("guest-sync-delimited")
        .send(b"\xff{\"return\": 4711}\n".repeat(1000));
    fails(
        &outcome("200ms", agent, OS),
        3,
        &["did not answer within 200 ms"],
    );
}

#[test]
fn an_answer_that_comes_after_its_deadline_is_no_answer_to_the_next_call() {
    let agent = in_step()
        .expect("guest-get-osinfo")
        // The client has given up, and asks for a new beginning.
        .expect("guest-sync-delimited")
        .send("{\"return\": {\"id\": \"late\"}}\n")
        .answer(sync_reply)
        .expect("guest-get-osinfo")
        .reply(json!({ "id": "debian" }));
    let script = "let v = vm(args[0]); try { v.agent.osinfo() } catch (e) { print(e.kind) } v.agent.osinfo().id";
    prints(&outcome("1s", agent, script), "timeout\ndebian\n");
}

#[test]
fn a_call_that_gets_no_answer_is_a_timeout() {
    let outcome = outcome("700ms", asked_for_os(), OS);
    fails(
        &outcome,
        5,
        &[
            "no reply to `guest-get-osinfo`",
            "within 700 ms",
            "may still be carried out",
        ],
    );
}

#[test]
fn garbage_of_an_agents_ends_the_call() {
    for (sent, words) in [
        (&b"garbage\n"[..], "found `garbage"),
        (b"{\"return\": inf}\n", "not valid JSON near"),
        (b"{\"return\": \"\xff\"}\n", "not valid JSON near"),
    ] {
        let outcome = outcome("10s", asked_for_os().send(sent), OS);
        fails(&outcome, 3, &["sent what is no message", words]);
    }
}

#[test]
fn a_gibibyte_of_an_agents_is_refused_in_bounded_memory() {
    let text = vec![b'x'; 1 << 20];
    let agent = asked_for_os()
        .send("{\"return\": \"")
        .stream(text.clone(), GIB);
    let ended = outcome("20s", agent, OS);
    fails(&ended, 3, &["sent more than is taken", "16777216 bytes"]);
    is_modest(&ended);

    for small in ["0,", "[],", "{},", "\"\","] {
        let small = small.repeat((1 << 20) / small.len());
        let agent = asked_for_os().send("{\"return\": [").stream(small, GIB);
        let ended = outcome("20s", agent, OS);
        fails(&ended, 3, &["sent more than is taken", "of memory"]);
        is_modest(&ended);
    }

    // A program's output may be larger than all else, and is bounded too.
    let agent = in_step()
        .expect("guest-exec")
        .reply(json!({ "pid": 1 }))
        .expect("guest-exec-status")
        .send("{\"return\": {\"exited\": true, \"out-data\": \"")
        .stream(text, GIB);
    let ended = outcome("20s", agent, "vm(args[0]).agent.exec(\"x\").stdout.len()");
    fails(&ended, 3, &["sent more than is taken"]);
    is_modest(&ended);
}

#[test]
fn an_agent_that_talks_without_end_before_it_is_in_step_is_given_up() {
    let noise = "{\"return\": {}}\n".repeat(4096);
    let agent = FakePeer::builder().stream(noise, 100 * GIB).start();
    let outcome = ask_within("300ms", agent_at(&agent.socket()), OS);
    fails(&outcome, 3, &["did not answer within 300 ms"]);
    is_modest(&outcome);
    agent.finish();
}

#[test]
fn replies_of_a_shape_that_no_agent_sends_are_told() {
    for (script, command, reply, words) in [
        ("hostname()", "guest-get-host-name", json!({}), "holds no"),
        ("time()", "guest-get-time", json!("noon"), "holds no number"),
        (
            "file_open(\"/x\", \"r\")",
            "guest-file-open",
            json!({}),
            "holds no number",
        ),
        (
            "exec(\"x\")",
            "guest-exec",
            json!({ "pid": "1" }),
            "holds no number",
        ),
        ("fsstatus()", "guest-fsfreeze-status", json!(7), "holds no"),
    ] {
        let agent = in_step().expect(command).reply(reply);
        let outcome = outcome("10s", agent, &format!("vm(args[0]).agent.{script}"));
        fails(&outcome, 4, &[&format!("the reply to `{command}` {words}")]);
    }
}

#[test]
fn data_that_is_no_base64_or_not_as_much_as_is_said_is_refused() {
    for (reply, words) in [
        (
            json!({ "count": 3, "buf-b64": "!!!!", "eof": true }),
            "base64 data",
        ),
        (
            json!({ "count": 300, "buf-b64": "YWJj", "eof": true }),
            "count that fits its data",
        ),
        (
            json!({ "count": -1, "buf-b64": "YWJj", "eof": true }),
            "count that fits its data",
        ),
        (
            json!({ "count": "3", "buf-b64": 7 }),
            "count that fits its data",
        ),
    ] {
        let agent = in_step()
            .expect("guest-file-open")
            .reply(json!(1))
            .expect("guest-file-read")
            .reply(reply)
            .answer(|_| Vec::new());
        let outcome = outcome("1s", agent, "vm(args[0]).agent.file_read(\"/x\")");
        fails(&outcome, 4, &["guest-file-read", words]);
    }
}

#[test]
fn an_unknown_command_and_a_blocked_one_are_told_apart() {
    let agent = HostAgent::builder().block("guest-get-timezone").start();
    let target = agent_at(&agent.socket());
    let outcome = ask(&target, "vm(args[0]).agent.call(\"guest-no-such\")");
    fails(
        &outcome,
        4,
        &[
            "`guest-no-such` was refused",
            "guest-no-such has not been found",
            "not in this version",
        ],
    );
    let outcome = ask(&target, "vm(args[0]).agent.timezone()");
    fails(
        &outcome,
        4,
        &[
            "`guest-get-timezone` is blocked by the agent's configuration",
            "block-rpcs",
        ],
    );
}

#[test]
fn a_guest_that_is_frozen_says_so() {
    let agent = HostAgent::builder().frozen().start();
    let target = agent_at(&agent.socket());
    let outcome = ask(&target, "vm(args[0]).agent.osinfo()");
    fails(
        &outcome,
        4,
        &["is not possible while the guest is frozen", "qmpsh thaw"],
    );
    let outcome = ask(&target, "vm(args[0]).agent.fsfreeze()");
    fails(&outcome, 4, &["already frozen by something else"]);
}

#[test]
fn an_agent_that_hangs_up_in_mid_call_leaves_a_change_open() {
    let agent = in_step().expect("guest-set-time").start();
    let target = agent_at(&agent.socket());
    let outcome = ask_within("10s", target, "vm(args[0]).agent.set_time(1)");
    fails(
        &outcome,
        3,
        &["ended during `guest-set-time`", "is not known"],
    );
    agent.finish();
}

#[test]
fn a_monitor_named_as_the_agent_is_guessed() {
    let peer = FakePeer::builder()
        .send("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n")
        .wait_for_hang_up()
        .start();
    let outcome = ask_within("200ms", agent_at(&peer.socket()), PING);
    fails(&outcome, 3, &["did not answer"]);
    peer.finish();
}

#[test]
fn an_agent_command_needs_an_agent() {
    let qemu = harness::Qemu::bare().start();
    let outcome = ask(qemu.qmp(), PING);
    fails(
        &outcome,
        3,
        &[
            "no guest agent socket is known",
            "virtserialport",
            "agent=SOCKET",
        ],
    );
    let outcome = ask("agent=/none", "vm(args[0]).status");
    fails(&outcome, 1, &["only the agent's socket was given"]);
}

#[test]
fn a_thaw_of_what_cannot_be_reached_says_so() {
    let agent = FakePeer::builder().wait_for_hang_up().start();
    let outcome = super::qmpsh()
        .args(["--timeout", "200ms", "thaw", &agent_at(&agent.socket())])
        .run();
    fails(&outcome, 3, &["did not answer"]);
    agent.finish();
    let agent = HostAgent::builder().frozen().start();
    let outcome = super::qmpsh()
        .args(["thaw", &agent_at(&agent.socket())])
        .run();
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(agent.raw().freeze_status(), "thawed");
}

#[test]
fn an_answer_about_a_program_that_says_nothing_ends_the_wait_for_it() {
    for answer in [json!([]), json!({}), json!({ "exited": 1 }), Value::Null] {
        let agent = in_step()
            .expect("guest-exec")
            .reply(json!({ "pid": 1 }))
            .expect("guest-exec-status")
            .reply(answer);
        let outcome = outcome(
            "10s",
            agent,
            "vm(args[0]).agent.exec(\"true\", [], #{ timeout: \"1h\" })",
        );
        fails(
            &outcome,
            4,
            &["the reply to `guest-exec-status` holds no `exited`"],
        );
    }
}

#[test]
fn an_agent_that_took_more_than_it_was_sent_is_not_believed() {
    let agent = in_step()
        .expect("guest-file-open")
        .reply(json!(7))
        .expect("guest-file-write")
        .reply(json!({ "count": 11, "eof": false }))
        .expect("guest-file-close")
        .reply(json!({}));
    let outcome = outcome(
        "10s",
        agent,
        "vm(args[0]).agent.file_write(\"/a\", \"hello\\n\")",
    );
    fails(
        &outcome,
        4,
        &["the reply to `guest-file-write` holds no count of bytes that it was sent"],
    );
}

#[test]
fn a_file_that_gives_fewer_bytes_than_it_had_is_told() {
    let folder = Folder::new();
    for (bytes, text) in [(5, "aGVsbG8="), (0, "")] {
        let agent = in_step()
            .expect("guest-file-open")
            .reply(json!(7))
            .expect("guest-file-seek")
            .reply(json!({ "position": 100, "eof": false }))
            .expect("guest-file-seek")
            .reply(json!({ "position": 0, "eof": false }))
            .expect("guest-file-read")
            .reply(json!({ "count": bytes, "buf-b64": text, "eof": true }))
            .expect("guest-file-close")
            .reply(json!({}));
        let file = folder.join("got");
        let agent = agent.wait_for_hang_up().start();
        let script = "vm(args[0]).agent.download(\"/a\", args[1])";
        let outcome = qmpsh()
            .args(["eval", "--allow-write", folder.path().to_str().unwrap()])
            .args([script, "--", &agent_at(&agent.socket())])
            .arg(file)
            .run()
            .expect_code(0);
        agent.finish();
        let note = format!("`/a` gave {bytes} bytes, and had 100 when it was opened");
        assert!(outcome.stderr.contains(&note), "{outcome:#?}");
    }
}
