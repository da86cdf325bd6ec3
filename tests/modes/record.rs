//! `--record`: what a recording holds, who can read it, and what becomes of it when things go wrong.

use std::os::unix::fs::{PermissionsExt, symlink};

use harness::{FakePeer, Folder, Guest, Qemu, Signal};
use serde_json::json;

use super::{eval, lines, qmpsh, recording, text};

#[test]
fn a_recording_tells_what_it_is_of_and_each_message_with_its_vm_and_way() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let (target, file) = (qemu.qmp(), recording(&folder));
    let target = text(&target);
    eval(&["--record", text(&file)], target, "v.qmp.stop(); v.status").expect_code(0);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let all = lines(&file);
    assert_eq!(all[0]["format"], "qmpsh-recording");
    assert_eq!(
        (&all[0]["version"], &all[0]["script"]),
        (&json!(1), &json!("<eval>"))
    );
    assert_eq!(all[0]["arguments"], json!(["***"]));
    assert_eq!(all[1]["link"], "connected");
    assert!(all[2]["received"]["QMP"].is_object());
    let sent: Vec<&str> = all
        .iter()
        .filter_map(|line| line["sent"]["execute"].as_str())
        .collect();
    assert_eq!(
        sent,
        ["qmp_capabilities", "query-commands", "stop", "query-status"]
    );
    for line in &all[1..all.len() - 1] {
        assert_eq!(
            (&line["vm"], &line["channel"]),
            (&json!(target), &json!("qmp"))
        );
        let time = line["time"].as_str().unwrap();
        assert_eq!(
            (time.len(), &time[19..20], &time[26..]),
            (27, ".", "Z"),
            "{time}"
        );
    }
    assert_eq!(all.last().unwrap()["end"], json!({ "exit": 0 }));
}

#[test]
fn secrets_are_in_no_recording() {
    let folder = Folder::new();
    let file = recording(&folder);
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-set-user-password")
        .reply(json!({}))
        .start();
    let target = format!("agent={}", agent.socket().display());
    let script = "v.agent.set_user_password(\"root\", host.env(\"DB_PASSWORD\"))";
    let script = format!("let v = vm(args[0]); {script}");
    let words = [
        "eval",
        "--allow-env",
        "DB_PASSWORD",
        script.as_str(),
        "--",
        &target,
        "--password=hunter2",
    ];
    qmpsh(["--record", text(&file)])
        .args(words)
        .env("DB_PASSWORD", "hunter2")
        .run()
        .expect_code(0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
        "{text}"
    );
    assert!(text.contains("\"password\":\"***\""), "{text}");
}

#[test]
fn words_without_names_are_only_counted_in_a_recording() {
    let folder = Folder::new();
    let script = folder.join("bare.rhai");
    std::fs::write(&script, "args.len()").unwrap();
    for words in [["eval", "args.len()"], ["run", text(&script)]] {
        let file = folder.join(words[0]);
        let words = [words[0], words[1], "web01", "hunter2"];
        qmpsh(["--record", text(&file)])
            .args(words)
            .run()
            .expect_code(0);
        assert_eq!(lines(&file)[0]["arguments"], json!(["***", "***"]));
        qmpsh(["--replay", text(&file)])
            .args(words)
            .run()
            .expect_code(0);
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let folder = Folder::new();
    let (file, link) = (recording(&folder), folder.join("link"));
    std::fs::write(&file, "evidence").unwrap();
    symlink(folder.join("elsewhere"), &link).unwrap();
    for there in [&file, &link] {
        let outcome = qmpsh(["--record", text(there), "eval", "1"])
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains("is there already"), "{outcome:#?}");
        assert_eq!(outcome.stdout, "");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "evidence");
    assert!(!folder.join("elsewhere").exists());
    qmpsh([
        "--record",
        text(&file),
        "--replay",
        text(&file),
        "eval",
        "1",
    ])
    .run()
    .expect_code(2);
}

#[test]
fn what_is_no_place_for_a_recording_is_wrong_usage() {
    let folder = Folder::new();
    std::fs::write(folder.join("file"), "").unwrap();
    for (place, told) in [
        ("-".to_owned(), "`-` is no name for one"),
        (
            text(&folder.join("none/run.jsonl")).to_owned(),
            "there is no folder",
        ),
        (
            text(&folder.join("file/run.jsonl")).to_owned(),
            "cannot be made",
        ),
        (
            text(&folder.join("x".repeat(300).as_str())).to_owned(),
            "cannot be made",
        ),
    ] {
        let outcome = qmpsh(["--record", &place, "eval", "print(1)"])
            .current_dir(folder.path())
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains(told), "{told}: {outcome:#?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_run_that_is_killed_leaves_a_recording_of_whole_lines_that_plays_up_to_there() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let (target, file) = (qemu.qmp(), recording(&folder));
    let script = "let v = vm(args[0]); v.status; log(\"asked\"); sleep(\"1h\")";
    let running = qmpsh(["--record", text(&file), "eval", script, "--", text(&target)]).spawn();
    running.wait_for_stderr("asked");
    running.signal(Signal::KILL);
    running.wait();
    let all = lines(&file);
    assert_eq!(
        all.last().unwrap()["received"]["return"]["status"],
        "running"
    );
    let replay = ["--replay", text(&file)];
    // All that was recorded is played, and then it is told that this was not all.
    let status = eval(&replay, text(&target), "v.status").expect_code(2);
    assert_eq!(status.stdout.trim(), "running");
    let told = format!("the recording ends early, at line {}", all.len());
    assert!(status.stderr.contains(&told), "{status:#?}");
    let beyond = eval(&replay, text(&target), "v.status; v.name").expect_code(2);
    assert!(beyond.stderr.contains("ends early, at line"), "{beyond:#?}");
}

#[test]
fn a_recording_that_cannot_be_written_ends_and_the_run_is_no_success() {
    let folder = Folder::new();
    // A disk that is full after the first line: the writes of this process end at that size.
    let file = recording(&folder);
    let qemu = Qemu::bare().start();
    let target = qemu.qmp();
    let script = "let v = vm(args[0]); v.status; v.status; v.status";
    let limited = [
        "--ignore-signal=XFSZ",
        "prlimit",
        "--fsize=400",
        env!("CARGO_BIN_EXE_qmpsh"),
    ];
    let outcome = harness::Qmpsh::new("/usr/bin/env")
        .args(limited)
        .args(["--record", text(&file), "eval", script, "--"])
        .arg(&target)
        .run();
    assert_eq!(outcome.stdout.trim(), "running", "{outcome:#?}");
    assert_eq!(
        outcome.stderr.matches("cannot be written").count(),
        1,
        "{outcome:#?}"
    );
    outcome.expect_code(1);
}

#[test]
fn what_is_shown_and_what_is_recorded_go_together() {
    let (guest, folder) = (Guest::shared(), Folder::new());
    let file = recording(&folder);
    let outcome = eval(
        &["-v", "--record", text(&file)],
        &guest.target(),
        "v.agent.ping()",
    )
    .expect_code(0);
    let shown = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("-> "))
        .count();
    let recorded = lines(&file)
        .iter()
        .filter(|line| line["sent"].is_object())
        .count();
    assert_eq!(shown, recorded);
}
