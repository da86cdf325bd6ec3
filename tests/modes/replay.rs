//! `--replay`: what was recorded on a real machine runs again with none, to the same bytes; what differs is told.

use std::path::Path;

use harness::{Folder, Guest, Outcome, Qemu};

use super::{assert_same, eval, lines, qmpsh, recording, text};

/// The same command in both modes.
fn twice(file: &Path, words: &[&str], between: impl FnOnce()) -> (Outcome, Outcome) {
    let run = |mode: &str| qmpsh([mode, text(file)]).args(words).run();
    let recorded = run("--record");
    between();
    (recorded, run("--replay"))
}

#[test]
fn a_snapshot_replays_byte_for_byte_without_its_guest() {
    let (mut guest, folder) = (Guest::boot(), Folder::new());
    let (target, file) = (guest.target(), recording(&folder));
    let words = ["run", "freeze-snapshot-thaw", &target, "--json"];
    let (recorded, replayed) = twice(&file, &words, || guest.process().kill());
    assert!(recorded.stderr.contains("frozen for"), "{recorded:#?}");
    assert_same(&recorded.expect_code(0), &replayed);
}

#[test]
fn a_report_replays_byte_for_byte() {
    let (guest, folder) = (Guest::shared(), Folder::new());
    let words = ["run", "guest-report", &guest.target()];
    let (recorded, replayed) = twice(&recording(&folder), &words, || ());
    assert_same(&recorded.expect_code(0), &replayed);
}

#[test]
fn errors_events_programs_and_deadlines_replay() {
    let (guest, folder) = (Guest::boot(), Folder::new());
    let script = r#"
        let v = vm(args[0]);
        let w = v.watch("STOP");
        v.qmp.stop();
        print(w.wait("10s").event);
        v.qmp.cont();
        try { w.wait("200ms") } catch (e) { print(e.message) }
        try { v.qmp("device_del", #{ id: "none" }) } catch (e) { print(e.desc) }
        try { v.qmp.no_such_command() } catch (e) { print(e.message) }
        print(v.agent.shell("echo out; echo err >&2; exit 3"));
        try { v.agent.exec("sleep", ["5"], #{ timeout: "300ms" }) } catch (e) { print(e.kind) }
        v.agent.file_write("/data/f", "text");
        print(v.agent.file_read("/data/f"));
        print(now());
        parallel([1, 2, 3], |n| n).len()
    "#;
    let target = guest.target();
    let words = ["eval", script, "--", &target];
    let (recorded, replayed) = twice(&recording(&folder), &words, || ());
    assert!(recorded.stdout.contains("STOP\n"), "{recorded:#?}");
    assert_same(&recorded.expect_code(0), &replayed);
}

#[test]
fn a_vm_that_goes_and_one_that_is_not_there_replay() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let target = qemu.qmp();
    let script = r#"
        let v = vm(args[0]);
        try { vm("/nowhere/a.qmp").status } catch (e) { print(e.message) }
        v.qmp.quit();
        try { retry(#{ times: 3, delay: "50ms" }, || v.status); } catch (e) { print(e.kind) }
    "#;
    let words = ["eval", script, "--", text(&target)];
    let (recorded, replayed) = twice(&recording(&folder), &words, || ());
    assert!(recorded.stdout.contains("no such socket"), "{recorded:#?}");
    assert_same(&recorded.expect_code(0), &replayed);
}

#[test]
fn one_shot_commands_replay() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let target = qemu.qmp();
    let words = ["qmp", text(&target), "qom-list", "path=/machine"];
    let (recorded, replayed) = twice(&recording(&folder), &words, || ());
    assert_same(&recorded.expect_code(0), &replayed);
}

#[test]
fn what_differs_is_told_with_its_line_and_what_was_recorded() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let (target, file) = (qemu.qmp(), recording(&folder));
    let target = text(&target);
    let script = "v.qmp(\"qom-get\", #{ path: \"/machine\", property: \"type\" }); v.status";
    eval(&["--record", text(&file)], target, script).expect_code(0);
    drop(qemu);
    let replay = |script: &str| {
        eval(&["--replay", text(&file)], target, script)
            .expect_code(1)
            .stderr
    };
    let line = 1 + lines(&file)
        .iter()
        .position(|line| line["sent"]["execute"] == "qom-get")
        .unwrap();

    let other = replay("v.qmp(\"qom-get\", #{ path: \"/objects\", property: \"type\" })");
    let told = format!(
        "line {line} of the recording, {target} (qmp): `qom-get` is sent with other arguments: `path` was \"/machine\" and is \"/objects\""
    );
    assert!(other.contains(&told), "{other}");
    assert!(replay("v.status").contains("`qom-get` was recorded, and `query-status` is sent"));
    let left = replay("v.qmp(\"qom-get\", #{ path: \"/machine\", property: \"type\" });");
    assert!(
        left.contains(
            "1 recorded message was not sent this time, the first of them `query-status`"
        ),
        "{left}"
    );
    let more = replay(&format!("{script}; v.status"));
    assert!(
        more.contains("is not in the recording, which has nothing more for it"),
        "{more}"
    );
    let elsewhere = replay("vm(\"/other.qmp\").status");
    assert!(
        elsewhere.contains("/other.qmp (qmp) is not in the recording"),
        "{elsewhere}"
    );
    // A script cannot hide it.
    let caught = replay("try { v.status } catch (e) { print(e.kind) } 1");
    assert!(caught.contains("the replay differs"), "{caught}");
}

#[test]
fn a_recording_without_a_monitors_first_words_is_at_fault_and_no_qemu() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let (target, file) = (qemu.qmp(), recording(&folder));
    eval(&["--record", text(&file)], text(&target), "v.status").expect_code(0);
    let whole = std::fs::read_to_string(&file).unwrap();
    let without = |at: usize| {
        let lines = whole.lines().enumerate().filter(|(line, _)| *line != at);
        lines
            .map(|(_, line)| format!("{line}\n"))
            .collect::<String>()
    };
    // Behind the head and that it was connected: the greeting, `qmp_capabilities`, its answer.
    for (at, lacking) in [
        (2, "lacks the greeting of "),
        (4, "lacks the answer to `qmp_capabilities` of "),
    ] {
        std::fs::write(&file, without(at)).unwrap();
        let outcome = eval(&["--replay", text(&file)], text(&target), "v.status");
        let outcome = outcome.expect_code(1);
        for told in [lacking, &format!("before line {}", at + 1)] {
            assert!(outcome.stderr.contains(told), "{told}: {outcome:#?}");
        }
        assert!(!outcome.stderr.contains("within"), "{outcome:#?}");
    }
}

#[test]
fn with_json_a_replay_that_differs_leaves_standard_output_empty() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let (target, file) = (qemu.qmp(), recording(&folder));
    eval(&["--record", text(&file)], text(&target), "v.status; 7").expect_code(0);
    let script = folder.join("seven.rhai");
    std::fs::write(&script, "print(6); 7").unwrap();
    for words in [["eval", "print(6); 7"], ["run", text(&script)]] {
        let outcome = qmpsh(["--json", "--replay", text(&file)])
            .args(words)
            .run()
            .expect_code(1);
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
        assert!(
            outcome.stderr.contains("not sent this time"),
            "{outcome:#?}"
        );
    }
    // What a person reads comes as the run goes, and the difference behind it.
    let shown = qmpsh(["--replay", text(&file), "eval", "print(6); 7"])
        .run()
        .expect_code(1);
    assert_eq!(shown.stdout, "6\n7\n");
}

#[test]
fn what_is_no_whole_recording_is_refused_with_its_line() {
    let folder = Folder::new();
    let file = recording(&folder);
    let head = r#"{"format":"qmpsh-recording","version":1,"qmpsh":"0.1.0","time":"","script":"","arguments":[]}"#;
    let newer = head.replace(":1,", ":2,");
    let long = format!("{head}\n{{\"time\":\"{}\"}}\n", "x".repeat(65 << 20));
    for (content, told) in [
        (String::new(), "it is empty"),
        ("{}\n".to_owned(), "line 1: this is no recording"),
        ("no JSON\n".to_owned(), "line 1: this is no recording"),
        (format!("{newer}\n"), "version 2 of the format"),
        (
            format!("{head}\nno JSON\n"),
            "line 2: it is no line of a recording",
        ),
        (
            format!("{head}\n{{\"time\":\"\",\"what\":1}}\n"),
            "line 2: it is no line of a recording",
        ),
        (
            format!("{head}\n{{\"time\":\"\"}}\n"),
            "line 2: it names no VM",
        ),
        (
            format!("{head}\n{{\"time\":\"\",\"vm\""),
            "line 2: it is cut off",
        ),
        (long, "line 2: it is longer than"),
    ] {
        std::fs::write(&file, content).unwrap();
        let outcome = qmpsh(["--replay", text(&file), "eval", "1"])
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains(told), "{told}: {outcome:#?}");
    }
    qmpsh(["--replay", "/nowhere/x", "eval", "1"])
        .run()
        .expect_code(2);
}

#[test]
fn a_replayed_freeze_writes_no_record_and_so_starts_no_guardian() {
    let (mut guest, folder) = (Guest::boot(), Folder::new());
    let (target, file) = (guest.target(), recording(&folder));
    let words = ["run", "freeze-snapshot-thaw", &target];
    let run = |mode: &str, state: &str| {
        let own = qmpsh([mode, text(&file)]).args(words);
        own.env("QMPSH_STATE_DIR", folder.join(state))
            .run()
            .expect_code(0);
    };
    run("--record", "real");
    assert!(folder.join("real").exists());
    guest.process().kill();
    run("--replay", "replayed");
    assert!(!folder.join("replayed").exists());
}
