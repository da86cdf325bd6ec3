//! `--read-only`: what reads works, what changes is refused before it is sent, whichever way it is asked for.

use harness::{FakePeer, Guest, Qemu};
use serde_json::json;

use super::{eval, qmpsh};

const READ_ONLY: &[&str] = &["--read-only"];

#[test]
fn whatever_changes_a_vm_is_refused_by_name_and_the_vm_hears_nothing_of_it() {
    let peer = FakePeer::builder().greet().start();
    let target = peer.socket().to_str().unwrap().to_owned();
    for (script, command) in [
        ("v.qmp(\"eject\", #{ id: \"cd0\" })", "eject"),
        ("v.qmp(\"x-of-the-future\")", "x-of-the-future"),
        ("v.hmp(\"stop\")", "human-monitor-command"),
        ("v.hmp(\"xp /1xw 0xfee00000\")", "human-monitor-command"),
        ("v.hmp(\"x /1i $pc\")", "human-monitor-command"),
        ("v.transaction([])", "transaction"),
        ("v.job(\"a\").cancel()", "job-cancel"),
        ("v.job(\"a\").complete()", "job-complete"),
        ("v.job(\"a\").dismiss()", "job-dismiss"),
    ] {
        let outcome = eval(READ_ONLY, &target, script).expect_code(6);
        let told = format!("error: {target}: `{command}` would change something");
        assert!(outcome.stderr.starts_with(&told), "{script}: {outcome:#?}");
        assert!(
            outcome.stderr.contains("without `--read-only`"),
            "{outcome:#?}"
        );
    }
    drop(peer);
}

#[test]
fn reads_work_and_a_refusal_can_be_caught() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp();
    let target = target.to_str().unwrap();
    let script = "let kind = \"\"; try { v.qmp.stop() } catch (e) { kind = e.kind } [v.status, kind, v.hmp(\"info name\")]";
    let outcome = eval(READ_ONLY, target, script).expect_code(0);
    let value: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&value[0], &value[1]),
        (&json!("running"), &json!("denied"))
    );
    qmpsh(["--read-only", "qmp", target, "query-status"])
        .run()
        .expect_code(0);
    let stop = qmpsh(["qmp", target, "stop", "--read-only"])
        .run()
        .expect_code(6);
    assert!(stop.stderr.contains("`stop`"), "{stop:#?}");
    let status = eval(&[], target, "v.status").expect_code(0);
    assert_eq!(status.stdout.trim(), "running");
}

#[test]
fn a_guest_is_looked_at_and_not_changed() {
    let guest = Guest::boot();
    guest.shell_ok("echo content > /data/file");
    let target = guest.target();
    for (script, command) in [
        ("v.agent.exec(\"touch\", [\"/data/made\"])", "guest-exec"),
        ("v.agent.shell(\"touch /data/made\")", "guest-exec"),
        (
            "v.agent.file_write(\"/data/made\", \"x\")",
            "guest-file-open",
        ),
        (
            "v.agent.file_append(\"/data/file\", \"x\")",
            "guest-file-open",
        ),
        ("v.agent.file_read(\"/dev/vda\")", "guest-file-open"),
        (
            "v.agent.call(\"guest-exec-status\", #{ pid: 1 })",
            "guest-exec-status",
        ),
        ("v.agent.fsfreeze()", "guest-fsfreeze-freeze"),
        ("v.agent.fsthaw()", "guest-fsfreeze-thaw"),
        ("v.agent.shutdown(\"powerdown\")", "guest-shutdown"),
        ("v.agent.set_time()", "guest-set-time"),
        (
            "v.overlays([#{ node: \"disk0\", file: \"/nowhere/o\" }])",
            "blockdev-add",
        ),
    ] {
        let outcome = eval(READ_ONLY, &target, script).expect_code(6);
        assert!(
            outcome
                .stderr
                .contains(&format!("`{command}` would change")),
            "{script}: {outcome:#?}"
        );
    }
    let thaw = qmpsh(["--read-only", "thaw", &target]).run().expect_code(6);
    assert!(thaw.stderr.contains("`guest-fsfreeze-thaw`"), "{thaw:#?}");
    qmpsh(["--read-only", "thaw", "--stale"])
        .run()
        .expect_code(6);
    let read = eval(READ_ONLY, &target, "v.agent.file_read(\"/data/file\")").expect_code(0);
    assert_eq!(read.stdout, "content\n\n");
    qmpsh(["run", "guest-report", &target, "--read-only"])
        .run()
        .expect_code(0);
    assert!(!guest.is_frozen());
    assert_eq!(
        guest
            .shell_ok("ls /data/made 2>/dev/null || echo none")
            .trim(),
        "none"
    );
}

#[test]
fn a_raw_freeze_which_nothing_would_thaw_is_refused_in_any_mode() {
    let guest = Guest::shared();
    let target = guest.target();
    for script in [
        "v.agent.call(\"guest-fsfreeze-freeze\")",
        "v.agent.call(\"guest-fsfreeze-freeze-list\", #{ mountpoints: [\"/data\"] })",
    ] {
        let outcome = eval(&[], &target, script);
        assert!(
            outcome
                .stderr
                .contains("with v.agent.fsfreeze() as f { ... }"),
            "{outcome:#?}"
        );
        assert!(!guest.is_frozen());
    }
    let outcome = qmpsh(["agent", &target, "fsfreeze-freeze"])
        .run()
        .expect_code(2);
    assert!(
        outcome
            .stderr
            .contains("with v.agent.fsfreeze() as f { ... }"),
        "{outcome:#?}"
    );
    assert!(!guest.is_frozen());
}
