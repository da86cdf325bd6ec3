//! Passwords do not reach what `-v` shows.

use harness::{FakePeer, Qemu};
use serde_json::json;

use super::{agent_at, qmpsh};

const SECRET: &str = "correct-horse-battery";
/// The same in base64.
const ENCODED: &str = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5";

#[track_caller]
fn hides(target: impl AsRef<std::ffi::OsStr>, script: &str, shown: &str) {
    let script = script.replace("SECRET", SECRET);
    let outcome = qmpsh()
        .args(["-v", "--timeout", "10s", "eval", &script, "--"])
        .arg(target)
        .run();
    assert!(
        outcome.stderr.contains(shown),
        "no `{shown}` in {outcome:#?}"
    );
    for secret in [SECRET, ENCODED] {
        // The script's own line, which the user wrote, may be in an error.
        let told = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with(['-', '<']));
        for line in told {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn a_users_new_password_is_hidden() {
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-set-user-password")
        .reply(json!({}))
        .start();
    let script = "vm(args[0]).agent.set_user_password(\"root\", \"SECRET\")";
    hides(agent_at(&agent.socket()), script, "\"password\":\"***\"");
    let requests = agent.finish();
    assert_eq!(requests[1]["arguments"]["password"], ENCODED);
}

#[test]
fn a_monitors_secrets_are_hidden() {
    let qemu = Qemu::bare().start();
    for (script, shown) in [
        (
            "qmp(\"set_password\", #{ protocol: \"vnc\", password: \"SECRET\" })",
            "set_password",
        ),
        (
            "qmp(\"object-add\", #{ \"qom-type\": \"secret\", id: \"s0\", data: \"SECRET\" })",
            "\"data\":\"***\"",
        ),
        ("hmp(\"set_password vnc SECRET\")", "set_password ***"),
        ("hmp(\"change vnc password SECRET\")", "change ***"),
        (
            "qmp(\"blockdev-add\", #{ driver: \"ssh\", password: \"SECRET\" })",
            "\"password\":\"***\"",
        ),
    ] {
        hides(
            qemu.qmp(),
            &format!("try {{ vm(args[0]).{script} }} catch {{ }}"),
            shown,
        );
    }
}

#[test]
fn what_a_program_in_the_guest_is_handed_is_hidden() {
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-exec")
        .reply(json!({ "pid": 1 }))
        .expect("guest-exec-status")
        .reply(json!({ "exited": true, "exitcode": 0 }))
        .start();
    let script = "vm(args[0]).agent.exec(\"chpasswd\", [], #{ input: \"SECRET\", env: #{ TOKEN: \"SECRET\" } })";
    hides(agent_at(&agent.socket()), script, "TOKEN=***");
    agent.finish();
}
