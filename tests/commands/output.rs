//! What a reply looks like on standard output, and how the process ends.

use harness::{Qemu, Qmpsh};
use serde_json::json;

use super::{QMPSH, qmp, qmpsh, reply};

#[test]
fn a_reply_is_one_line_of_json_in_a_pipe_and_text_is_bare() {
    let qemu = Qemu::bare().start();
    let outcome = qmp(&qemu.qmp(), &["query-status"]).expect_code(0);
    assert_eq!(outcome.stdout.lines().count(), 1);
    assert_eq!(reply(outcome)["status"], "running");
    let hmp = ["human-monitor-command", "command-line=info version"];
    let outcome = qmp(&qemu.qmp(), &hmp).expect_code(0);
    assert!(
        outcome
            .stdout
            .starts_with(|first: char| first.is_ascii_digit()),
        "{outcome:#?}"
    );
    assert!(
        !outcome.stdout.contains('\r') && !outcome.stdout.ends_with("\n\n"),
        "{outcome:#?}"
    );
    let text = reply(qmp(&qemu.qmp(), &[&hmp[..], &["--json"]].concat()));
    assert!(text.as_str().unwrap().ends_with("\r\n"), "{text}");
    let lines = qmp(
        &qemu.qmp(),
        &["human-monitor-command", "command-line=help info"],
    );
    assert!(lines.expect_code(0).stdout.lines().count() > 20);
}

#[test]
fn an_empty_reply_prints_nothing_unless_json_is_wanted() {
    let qemu = Qemu::bare().start();
    let outcome = qmp(&qemu.qmp(), &["stop"]).expect_code(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    assert_eq!(reply(qmp(&qemu.qmp(), &["cont", "--json"])), json!({}));
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let qemu = Qemu::bare().start();
    let refused = qmp(&qemu.qmp(), &["device_del", "id=nothing"]).expect_code(4);
    assert!(
        refused.stderr.contains("Device 'nothing' not found")
            && refused.stderr.contains("class: DeviceNotFound"),
        "{refused:#?}"
    );
    assert_eq!(refused.stdout, "");
    qmp(&qemu.folder().join("nowhere"), &["query-status"]).expect_code(3);
    qmpsh().args(["qmp", "web01", "stop"]).run().expect_code(3);
    qmpsh().args(["qmp", "web01"]).run().expect_code(2);
    let usage = qmpsh().args(["qmp", "--help"]).run().expect_code(0);
    assert!(
        usage.stdout.contains("KEY=VALUE") && usage.stdout.contains("--args"),
        "{usage:#?}"
    );
    // A QEMU that says nothing.
    let mut qemu = qemu;
    qemu.process().signal(harness::Signal::STOP);
    let socket = qemu.qmp();
    let words = [
        "qmp",
        socket.to_str().unwrap(),
        "query-status",
        "--timeout",
        "100ms",
    ];
    qmpsh().args(words).run().expect_code(3);
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let qemu = Qemu::bare().start();
    let line = format!(
        "{} qmp {} query-qmp-schema | head -c 1; echo ${{PIPESTATUS[0]}} >&2",
        QMPSH,
        qemu.qmp().display()
    );
    let outcome = Qmpsh::new("/bin/bash").args(["-c", &line]).run();
    assert_eq!(outcome.stderr, "141\n", "{outcome:#?}");
}
