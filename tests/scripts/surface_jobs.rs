//! `v.job(id)`: jobs as values.

use harness::{FakePeer, Qemu, Signal};
use serde_json::json;

use super::{assert_error, caught, eval, machine, qmpsh};

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

/// Begins a mirror `m` of disk `b` to a node that takes anything; slowly when told so.
const MIRROR: &str = "v.qmp.blockdev_add(#{ driver: \"null-co\", \"node-name\": \"sink\", size: 8388608 });
    fn mirror(v, speed) { v.qmp.blockdev_mirror(#{ \"job-id\": \"m\", device: \"b\", target: \"sink\", sync: \"full\",
        speed: speed, \"auto-dismiss\": false, \"auto-finalize\": true }); v.job(\"m\") }";

#[test]
fn a_job_is_waited_for_and_forgotten_when_it_ends() {
    let qemu = machine();
    let file = qemu.folder().join("new.raw");
    let script = format!(
        "v.qmp.blockdev_create(#{{ \"job-id\": \"c\", options: #{{ driver: \"file\", filename: \"{}\", size: 4096 }} }});
         let job = v.job(\"c\"); [job.id, job.to_string(), job.wait(), job.status]",
        file.display()
    );
    assert_eq!(
        eval(&monitor(&qemu), &script),
        json!(["c", "c", "concluded", null])
    );
    assert!(file.exists());
}

#[test]
fn how_far_a_long_job_is_is_a_bar_at_a_terminal_and_lines_in_a_log() {
    let qemu = machine();
    let script = format!("let v = vm(args[0]); {MIRROR} mirror(v, 1).wait()");
    let running = qmpsh(["eval", &script]).arg(qemu.qmp()).spawn();
    // It stands still after its first piece, and is told all the same.
    running.wait_for_stderr(&format!("{}: job m: ", monitor(&qemu)));
    running.signal(Signal::INT);
    let outcome = running.wait().expect_code(130);
    let lines: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("job m: "))
        .collect();
    assert!(
        lines.len() == 1 && lines[0].ends_with(" of 8 MiB)"),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains(['\r', '\u{1b}']), "{outcome:#?}");
    let script = "vm(args[0]).job(\"m\").wait()";
    let terminal = qmpsh(["eval", script]).arg(qemu.qmp()).on_terminal();
    terminal.wait_for("/8.00 MiB");
    terminal.types("\x03");
    assert_eq!(terminal.wait(), Some(130));
}

#[test]
fn a_failed_job_throws_qemus_words() {
    let qemu = machine();
    let error = caught(
        &monitor(&qemu),
        "v.qmp.blockdev_create(#{ \"job-id\": \"c\", options: #{ driver: \"file\", filename: \"/no/such/place\", size: 0 } });
         v.job(\"c\").wait()",
    );
    assert_error(
        &error,
        &json!({
            "kind": "qmp", "message": "job `c` failed: Could not create '/no/such/place'",
            "desc": "Could not create '/no/such/place': No such file or directory", "vm": monitor(&qemu),
        }),
    );
    assert_eq!(eval(&monitor(&qemu), "v.job(\"c\").status"), json!(null));
}

#[test]
fn a_mirror_is_ready_then_completed() {
    let qemu = machine();
    let script = format!(
        "{MIRROR} let job = mirror(v, ()); let ready = job.wait(#{{ timeout: \"30s\" }}); let at = job.status;
         job.complete(); [ready, at.status, at.current == at.total, job.wait(), v.disks().map(|disk| disk.node)]"
    );
    assert_eq!(
        eval(&monitor(&qemu), &script),
        json!(["ready", "ready", true, "concluded", ["a", "sink"]])
    );
}

#[test]
fn a_job_can_be_paused_resumed_and_cancelled() {
    let qemu = machine();
    let script = format!(
        "{MIRROR} let job = mirror(v, 1048576);
         job.pause(); let paused = v.watch(\"JOB_STATUS_CHANGE\");
         if job.status.status != \"paused\" {{ paused.wait(\"30s\", |e| e.data.status == \"paused\") }}
         let late = (|| {{ try {{ job.wait(#{{ timeout: \"10ms\" }}) }} catch (e) {{ return [e.kind, e.message] }} }}).call();
         job.resume();
         job.cancel();
         let end = try_wait(job);
         fn try_wait(job) {{ try {{ job.wait() }} catch (e) {{ return e.kind }} }}
         [late, end, job.status, v.disks().map(|disk| disk.node)]"
    );
    let value = eval(&monitor(&qemu), &script);
    assert_eq!(value[0][0], "timeout", "{value}");
    assert!(
        value[0][1]
            .as_str()
            .unwrap()
            .ends_with("job `m` was still paused after 10 ms"),
        "{value}"
    );
    assert_eq!(
        (&value[1], &value[2], &value[3]),
        (&json!("qmp"), &json!(null), &json!(["a", "b"]))
    );
}

#[test]
fn a_job_that_is_not_there_is_told_so() {
    let qemu = machine();
    let target = monitor(&qemu);
    assert_eq!(eval(&target, "v.job(\"x\").status"), json!(null));
    assert_error(
        &caught(&target, "v.job(\"x\").wait()"),
        &json!({ "kind": "qmp", "message": "there is no job `x`" }),
    );
    for step in ["complete", "cancel", "dismiss", "pause", "resume"] {
        let error = caught(&target, &format!("v.job(\"x\").{step}()"));
        assert_error(
            &error,
            &json!({ "kind": "qmp", "command": format!("job-{step}"), "desc": "Job not found" }),
        );
    }
    let error = caught(&target, "v.job(\"x\").wait(#{ timeuot: 1 })");
    assert_error(
        &error,
        &json!({ "kind": "usage", "message": "there is no option `timeuot`" }),
    );
}

#[test]
fn a_monitor_that_is_silent_while_a_guest_is_saved_is_waited_for() {
    let peer = FakePeer::builder()
        .greet()
        .expect("query-jobs")
        .expect("query-jobs")
        .reply(json!([{ "id": "s", "status": "concluded" }]))
        .expect("job-dismiss")
        .reply(json!({}))
        .start();
    let wait = "vm(args[0]).job(\"s\").wait(#{ timeout: \"1h\" })";
    let socket = peer.socket();
    let outcome = qmpsh(["--timeout", "300ms", "eval", wait, socket.to_str().unwrap()])
        .run()
        .expect_code(0);
    assert_eq!(outcome.stdout, "concluded\n");
    peer.finish();
}
