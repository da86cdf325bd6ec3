//! `--dry-run`: the real script, its queries live, each change told as it would be sent, and nothing changed.

use harness::{Guest, Qemu};
use serde_json::{Value, json};

use super::{eval, qmpsh, would_send};

const DRY_RUN: &[&str] = &["--dry-run"];

/// What a message does: its command, and of a job or a node what it is about.
fn steps(sent: &[(String, Value)]) -> Vec<String> {
    let step = |(channel, message): &(String, Value)| {
        let arguments = &message["arguments"];
        let about = arguments["options"]["driver"]
            .as_str()
            .or(arguments["driver"].as_str());
        let command = message["execute"].as_str().unwrap();
        match about {
            Some(about) => format!("{channel} {command} {about}"),
            None => format!("{channel} {command}"),
        }
    };
    sent.iter().map(step).collect()
}

#[test]
fn a_snapshot_is_told_in_its_order_and_not_taken() {
    let guest = Guest::boot();
    let target = guest.target();
    let before = guest
        .raw_qmp()
        .call("query-named-block-nodes", &json!({ "flat": true }));
    let outcome = qmpsh(["run", "freeze-snapshot-thaw", &target, "--dry-run"])
        .run()
        .expect_code(0);
    assert!(outcome.stderr.starts_with("dry run: "), "{outcome:#?}");
    let sent = would_send(&outcome);
    let of_disk = [
        "qmp blockdev-create file",
        "qmp job-dismiss",
        "qmp blockdev-add file",
        "qmp blockdev-create qcow2",
        "qmp job-dismiss",
        "qmp blockdev-add qcow2",
    ];
    let disks = (sent.len() - 3) / of_disk.len();
    let mut expected: Vec<&str> = of_disk.repeat(disks);
    expected.extend([
        "agent guest-fsfreeze-freeze",
        "qmp transaction",
        "agent guest-fsfreeze-thaw",
    ]);
    assert_eq!(steps(&sent), expected);
    // The nodes that the transaction attaches are those that would be made.
    let made: Vec<&Value> = sent
        .iter()
        .map(|(_, message)| &message["arguments"]["node-name"])
        .collect();
    let attached = &sent[sent.len() - 2].1["arguments"]["actions"];
    for action in attached.as_array().unwrap() {
        assert!(made.contains(&&action["data"]["overlay"]), "{action}");
    }
    let end = format!(
        "dry run: nothing was changed; {} changes would have been made\n",
        sent.len()
    );
    assert!(outcome.stderr.ends_with(&end), "{outcome:#?}");

    assert!(!guest.is_frozen());
    let after = guest
        .raw_qmp()
        .call("query-named-block-nodes", &json!({ "flat": true }));
    assert_eq!(before, after);
    let images = std::fs::read_dir(guest.folder().path()).unwrap();
    let names = images.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.contains("Z.qcow2")));
}

#[test]
fn a_guests_files_and_programs_stay_as_they_are_and_the_script_gets_on() {
    let guest = Guest::shared();
    let script = r#"
        v.agent.file_write("/data/dry", "hello");
        let file = v.agent.file_open("/data/dry2", "w");
        file.write("x"); file.close();
        let ended = v.agent.exec("touch", ["/data/dry3"], #{ check: true, input: "secret" });
        v.agent.shutdown("powerdown");
        [ended.exitcode, ended.stdout, v.agent.hostname().len() > 0]
    "#;
    let outcome = eval(DRY_RUN, &guest.target(), script).expect_code(0);
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(value, json!([0, "", true]));
    let commands = steps(&would_send(&outcome));
    assert_eq!(
        commands,
        [
            "agent guest-file-open",
            "agent guest-file-write",
            "agent guest-file-open",
            "agent guest-file-write",
            "agent guest-exec",
            "agent guest-shutdown"
        ]
    );
    assert!(!outcome.stderr.contains("c2VjcmV0"), "{outcome:#?}");
    assert_eq!(
        guest
            .shell_ok("ls /data/dry* 2>/dev/null || echo none")
            .trim(),
        "none"
    );
}

#[test]
fn a_wait_for_what_a_left_out_change_would_cause_ends_at_once() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp();
    let target = target.to_str().unwrap();
    let script = r#"
        let w = v.watch("STOP");
        v.qmp.stop();
        let event = w.wait("1h");
        let other = v.watch("JOB_STATUS_CHANGE");
        v.qmp("blockdev-mirror", #{ "job-id": "m", device: "a", target: "b", sync: "full" });
        other.wait("1h", |e| e.data.id == "m");
        let first = v.job("m").wait();
        v.job("m").complete();
        [event.event, first, v.job("m").wait(#{ timeout: "1h" }), v.status, v.job("m").status]
    "#;
    let outcome = eval(DRY_RUN, target, script).expect_code(0);
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        value,
        json!(["STOP", "ready", "concluded", "running", null])
    );
    let told = outcome.stderr.matches("taken to have come").count();
    assert_eq!(told, 2, "{outcome:#?}");
}

#[test]
fn with_json_each_change_is_an_object_and_the_result_alone_is_on_standard_output() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp();
    let outcome = eval(
        &["--dry-run", "--json"],
        target.to_str().unwrap(),
        "v.qmp.stop(); 7",
    )
    .expect_code(0);
    assert_eq!(outcome.stdout.trim(), "7");
    let said: Vec<Value> = outcome
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let label = target.to_str().unwrap();
    assert_eq!(
        said,
        [
            json!({ "dry-run": "begins" }),
            json!({ "would": "send", "vm": label, "channel": "qmp", "message": { "execute": "stop" } }),
            json!({ "dry-run": "ended", "changes": 1 }),
        ]
    );
}

#[test]
fn an_error_of_a_query_ends_a_dry_run_as_it_would_the_real_one() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp();
    let script = "v.qmp(\"qom-get\", #{ path: \"/none\", property: \"x\" })";
    eval(DRY_RUN, target.to_str().unwrap(), script).expect_code(4);
    let thaw = qmpsh(["--dry-run", "thaw", "--stale"]).run().expect_code(0);
    assert!(thaw.stdout.contains("no dead run"), "{thaw:#?}");
}
