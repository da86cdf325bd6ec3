//! `qmpsh events`: what comes, when it came, from whom; and how following ends.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;

use harness::{FakePeer, Folder, Outcome, Qemu, Qmpsh, RawQmp, Running, Signal};
use serde_json::{Value, json};

use super::{BOUND, QMPSH, fails, qmpsh};

/// A QEMU with a second monitor, to cause events and to see them.
fn qemu() -> (Qemu, RawQmp) {
    let qemu = Qemu::bare().monitor("witness").start();
    let witness = RawQmp::connect(qemu.monitor("witness"));
    (qemu, witness)
}

/// Starts to follow, and returns when all of `monitors` are followed.
fn follow(arguments: &[&str], monitors: &[&Path]) -> Running {
    let running = qmpsh()
        .args(["-v", "events"])
        .args(arguments)
        .args(monitors)
        .spawn();
    for monitor in monitors {
        is_followed(&running, monitor);
    }
    running
}

/// Follows one monitor into a pipe, whose reading end alone is the test's: what it does not read stays there.
fn follow_into_a_pipe(folder: &Folder, option: &str, monitor: &Path) -> (Running, File) {
    let pipe = folder.join("p");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    // Opening one end waits for the other, so here are both for a moment; and qmpsh is to see a reader from its start.
    let both = File::options().read(true).write(true).open(&pipe).unwrap();
    let reader = File::open(&pipe).unwrap();
    let running = Qmpsh::new("/bin/bash")
        .args(["-c", "exec >p; exec \"$0\" \"$1\" events \"$2\""])
        .args([QMPSH, option, monitor.to_str().unwrap()])
        .current_dir(folder.path())
        .deadline(BOUND)
        .spawn();
    drop(both);
    (running, reader)
}

/// Waits for the answer to `qmp_capabilities`, behind which a monitor sends its events.
fn is_followed(running: &Running, monitor: &Path) {
    is_followed_as(running, &monitor.display().to_string());
}

/// The same for a VM that is called so.
fn is_followed_as(running: &Running, label: &str) {
    running.wait_for_stderr(&format!("<- qmp {label}: {{\"id\":"));
}

fn call(witness: &mut RawQmp, commands: &[&str]) {
    for command in commands {
        witness.call(command, &Value::Null);
    }
}

/// The time of an event as a line shows it, from what the monitor itself says.
fn time_of(event: &Value) -> String {
    let part = |name: &str| event["timestamp"][name].as_u64().unwrap();
    let seconds = part("seconds");
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3600 % 24);
    format!(
        "T{hours:02}:{minutes:02}:{:02}.{:06}Z",
        seconds % 60,
        part("microseconds")
    )
}

/// The events of lines that are each a time, a VM and an event without data.
fn names(outcome: &Outcome) -> Vec<&str> {
    let words = outcome.stdout.split_whitespace();
    words.skip(2).step_by(3).collect()
}

#[test]
fn events_come_in_order_with_qemus_own_times_until_enough_have_come() {
    let (qemu, mut witness) = qemu();
    let running = follow(&["--count", "4"], &[&qemu.qmp()]);
    call(&mut witness, &["stop", "cont", "stop", "cont", "stop"]);
    let outcome = running.wait().expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{outcome:#?}");
    for (line, name) in lines.iter().zip(["STOP", "RESUME", "STOP", "RESUME"]) {
        let time = time_of(&witness.event(name));
        let end = format!("{time} {} {name}", qemu.qmp().display());
        assert!(line.ends_with(&end), "{end} in {line}");
    }
}

#[test]
fn only_events_that_a_filter_names_are_shown_and_counted() {
    let (qemu, mut witness) = qemu();
    for filter in [&["-e", "RESUME"][..], &["-e", "shutdown,res*"]] {
        let running = follow(&[filter, &["-n", "2"]].concat(), &[&qemu.qmp()]);
        call(&mut witness, &["stop", "cont", "stop", "cont"]);
        let outcome = running.wait().expect_code(0);
        assert_eq!(names(&outcome), ["RESUME", "RESUME"], "{outcome:#?}");
    }
}

#[test]
fn an_event_that_comes_while_the_filters_are_checked_is_told() {
    let event = json!({ "event": "STOP", "timestamp": { "seconds": 1, "microseconds": 2 } });
    let peer = FakePeer::builder()
        .greet()
        .expect("query-qmp-schema")
        .send_message(&event)
        .wait_for_hang_up()
        .start();
    let outcome = qmpsh()
        .args(["events", "-e", "STOP", "-n1"])
        .arg(peer.socket())
        .run()
        .expect_code(0);
    assert!(outcome.stdout.ends_with(" STOP\n"), "{outcome:#?}");
    peer.finish();
}

#[test]
fn as_json_each_event_is_an_object_on_a_line_of_its_own() {
    let (qemu, mut witness) = qemu();
    let running = follow(&["--json", "-n2"], &[&qemu.qmp()]);
    call(&mut witness, &["stop", "system_reset"]);
    let outcome = running.wait().expect_code(0);
    let lines = outcome.stdout.lines();
    let events: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (event, name) in events.iter().zip(["STOP", "RESET"]) {
        let mut seen = witness.event(name);
        seen["vm"] = json!(qemu.qmp());
        if seen["data"].is_null() {
            seen["data"] = json!({});
        }
        assert_eq!(*event, seen);
    }
    assert_eq!(events.len(), 2, "{outcome:#?}");
}

#[test]
fn of_several_vms_each_line_names_its_own_and_a_silent_one_delays_none() {
    let ((one, mut first), (other, mut second)) = (qemu(), qemu());
    let silent = FakePeer::builder().wait_for_hang_up().start();
    let running = qmpsh()
        .args(["-v", "events"])
        .args([silent.socket(), one.qmp(), other.qmp()])
        .spawn();
    for (qemu, witness) in [(&one, &mut first), (&other, &mut second)] {
        is_followed(&running, &qemu.qmp());
        call(witness, &["stop"]);
        running.wait_for_stdout(&format!("Z {} ", qemu.qmp().display()));
    }
    running.signal(Signal::INT);
    let outcome = running.wait().expect_code(130);
    assert_eq!(names(&outcome), ["STOP", "STOP"], "{outcome:#?}");
    silent.finish();
}

#[test]
fn a_vm_that_is_named_twice_is_followed_once() {
    let (qemu, mut witness) = qemu();
    let twice = format!("unix:{}", qemu.qmp().display());
    let running = qmpsh()
        .args(["-v", "events", "-n", "2"])
        .arg(qemu.qmp())
        .arg(twice)
        .spawn();
    is_followed(&running, &qemu.qmp());
    call(&mut witness, &["stop", "cont"]);
    let outcome = running.wait().expect_code(0);
    assert_eq!(names(&outcome), ["STOP", "RESUME"], "{outcome:#?}");
}

#[test]
fn a_vm_that_comes_back_on_its_socket_is_followed_again() {
    let folder = Folder::new();
    let (stays, _witness) = qemu();
    let (first, mut witness) = qemu();
    let socket = folder.join("web01.qmp");
    symlink(first.qmp(), &socket).unwrap();
    let running = follow(&["-n", "3"], &[&stays.qmp(), &socket]);
    call(&mut witness, &["stop"]);
    running.wait_for_stdout("STOP");
    fs::remove_file(&socket).unwrap();
    drop((first, witness));
    running.wait_for_stderr("it is followed again when it is back");
    let (second, mut witness) = qemu();
    symlink(second.qmp(), &socket).unwrap();
    running.wait_for_stderr("it is back, and followed again");
    call(&mut witness, &["stop", "cont"]);
    let outcome = running.wait().expect_code(0);
    assert_eq!(names(&outcome), ["STOP", "STOP", "RESUME"], "{outcome:#?}");
}

#[test]
fn a_vm_that_cannot_be_reached_is_told_and_the_others_are_followed() {
    let (qemu, mut witness) = qemu();
    let running = follow(&["-n", "1", "/nowhere/web02.qmp"], &[&qemu.qmp()]);
    running.wait_for_stderr("warning: cannot connect to /nowhere/web02.qmp");
    call(&mut witness, &["stop"]);
    let outcome = running.wait().expect_code(0);
    assert!(outcome.stdout.ends_with(" STOP\n"), "{outcome:#?}");
}

#[test]
fn when_no_vm_is_left_following_ends_as_for_one_that_cannot_be_reached() {
    let none = qmpsh().args(["events", "/nowhere/a", "/nowhere/b"]).run();
    fails(
        &none,
        3,
        &["connect to /nowhere/a:", "connect to /nowhere/b:"],
    );
    let (qemu, mut witness) = qemu();
    let running = follow(&["--timeout", "1s"], &[&qemu.qmp()]);
    call(&mut witness, &["quit"]);
    let outcome = running.wait().expect_code(3);
    assert!(outcome.stdout.contains(" SHUTDOWN {"), "{outcome:#?}");
    for words in ["the VM has ended; it is followed again", "error: "] {
        assert!(outcome.stderr.contains(words), "{outcome:#?}");
    }
}

#[test]
fn who_names_no_vm_or_one_that_nobody_knows_is_told_before_any_is_followed() {
    let (qemu, _witness) = qemu();
    fails(&qmpsh().arg("events").run(), 2, &["<VM>"]);
    let unknown = qmpsh().arg("events").arg(qemu.qmp()).arg("web99").run();
    fails(&unknown, 3, &["`web99`"]);
    for wrong in ["[A", ""] {
        let outcome = qmpsh().args(["events", "-e", wrong]).arg(qemu.qmp()).run();
        fails(&outcome, 2, &["--event"]);
    }
    let outcome = qmpsh().args(["events", "-n", "0"]).arg(qemu.qmp()).run();
    fails(&outcome, 2, &["--count"]);
}

#[test]
fn an_event_that_no_qemu_has_is_an_error_with_the_nearest() {
    let ((one, _first), (other, _second)) = (qemu(), qemu());
    for vms in [vec![one.qmp()], vec![one.qmp(), other.qmp()]] {
        let outcome = qmpsh()
            .args(["events", "-e", "RESUME,STPO"])
            .args(vms)
            .run();
        let words = ["this QEMU has no event `STPO`", "did you mean `STOP`?"];
        fails(&outcome, 2, &words);
    }
    let outcome = qmpsh().args(["events", "-e", "BLOK_*"]).arg(one.qmp());
    fails(&outcome.run(), 2, &["no event `BLOK_*`"]);
}

#[test]
fn an_event_of_other_versions_is_an_error_only_where_nothing_else_can_come() {
    let ((one, mut witness), (other, _second)) = (qemu(), qemu());
    let absent = absent_event(&mut witness);
    let outcome = qmpsh().args(["events", "-e", absent]).arg(one.qmp()).run();
    fails(&outcome, 2, &["this QEMU has no event", "have it"]);
    let both = format!("{absent},RESUME");
    let running = follow(&["-n", "1", "-e", &both], &[&one.qmp()]);
    call(&mut witness, &["stop", "cont"]);
    let outcome = running.wait().expect_code(0);
    assert!(!outcome.stderr.contains("no event"), "{outcome:#?}");
    // Another VM may have it.
    let running = follow(&["-e", absent], &[&one.qmp(), &other.qmp()]);
    for qemu in [&one, &other] {
        let told = format!("{}: this QEMU has no event", qemu.qmp().display());
        running.wait_for_stderr(&told);
    }
    running.signal(Signal::INT);
    running.wait().expect_code(130);
}

/// An event that some QEMU has, and this one has not.
fn absent_event(witness: &mut RawQmp) -> &'static str {
    let schema = witness.call("query-qmp-schema", &Value::Null);
    let has = |name: &str| {
        let mut entries = schema.as_array().unwrap().iter();
        entries.any(|entry| entry["name"] == name)
    };
    let mut some = ["GUEST_PVSHUTDOWN", "RDMA_GID_STATUS_CHANGED"].into_iter();
    some.find(|name| !has(name)).unwrap()
}

#[test]
fn a_pattern_is_all_vms_that_are_called_so() {
    let ((one, mut first), (other, mut second)) = (qemu(), qemu());
    let folder = Folder::new();
    let config = folder.join("qmpsh.toml");
    let path = |qemu: &Qemu| qemu.qmp().display().to_string();
    let text = format!(
        "discover = []\n[vm.web01]\nqmp = \"{}\"\n[vm.web02]\nqmp = \"{}\"\n[vm.db01]\nqmp = \"/nowhere\"\n",
        path(&one),
        path(&other)
    );
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let running = qmpsh()
        .args(["-v", "--config", config, "events", "web*", "-n", "2"])
        .spawn();
    for (witness, name) in [(&mut first, "web01"), (&mut second, "web02")] {
        is_followed_as(&running, name);
        call(witness, &["stop"]);
        running.wait_for_stdout(&format!("{name} STOP"));
    }
    running.wait().expect_code(0);
    let none = qmpsh().args(["--config", config, "events", "mail*"]).run();
    fails(&none, 3, &["is called `mail*`", "qmpsh ls"]);
}

#[test]
fn a_signal_ends_following_with_its_exit_code() {
    let (qemu, _witness) = qemu();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = follow(&[], &[&qemu.qmp()]);
        running.signal(signal);
        let outcome = running.wait().expect_code(code);
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
    }
}

#[test]
fn when_the_reader_is_gone_the_monitor_is_let_go_though_no_event_comes() {
    let (qemu, mut witness) = qemu();
    let folder = Folder::new();
    let (running, mut reader) = follow_into_a_pipe(&folder, "-v", &qemu.qmp());
    is_followed(&running, &qemu.qmp());
    call(&mut witness, &["stop"]);
    let mut first = [0; 1];
    reader.read_exact(&mut first).unwrap();
    drop(reader);
    let outcome = running.wait().expect_code(141);
    assert!(!outcome.stderr.contains("error"), "{outcome:#?}");
}

#[test]
fn a_flood_that_nobody_reads_is_dropped_in_bounded_memory_and_counted() {
    const EVENTS: u64 = 400_000;
    let event = json!({
        "event": "STOP", "data": { "x": "x".repeat(100) },
        "timestamp": { "seconds": 1, "microseconds": 2 },
    });
    let event = format!("{event}\r\n");
    let total = event.len() as u64 * EVENTS;
    let (sent, is_sent) = channel();
    let peer = FakePeer::builder()
        .greet()
        .stream(event, total)
        .answer(move |_| {
            let _ = sent.send(());
            Vec::new()
        })
        .start();
    let folder = Folder::new();
    let (running, mut reader) = follow_into_a_pipe(&folder, "--timeout=1s", &peer.socket());
    // All is taken from the peer although nothing is taken from us.
    is_sent.recv().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    peer.finish();
    let outcome = running.wait().expect_code(3);
    let shown = reading.join().unwrap().lines().count() as u64;
    let dropped: u64 = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("dropped"))
        .map(|line| {
            let count = line
                .split_whitespace()
                .find_map(|word| word.parse::<u64>().ok());
            count.unwrap()
        })
        .sum();
    assert!(dropped > 0, "{outcome:#?}");
    assert_eq!(shown + dropped, EVENTS, "{outcome:#?}");
    assert!(outcome.peak_memory < 128 << 20, "{}", outcome.peak_memory);
}

#[test]
fn what_a_peer_sends_is_shown_escaped_on_a_terminal() {
    let peer = FakePeer::builder()
        .greet()
        .send_message(&json!({
            "event": "A\u{1b}[2J\nB", "data": { "x": "\u{9b}31m\u{202e}" },
            "timestamp": { "seconds": 0, "microseconds": 0 },
        }))
        .wait_for_hang_up()
        .start();
    let line = format!("{QMPSH} events -n1 {}", peer.socket().display());
    let outcome = Qmpsh::new("/usr/bin/script")
        .args(["-qec", &line, "/dev/null"])
        .deadline(BOUND)
        .run()
        .expect_code(0);
    let name = peer.socket().display().to_string();
    assert_eq!(
        outcome.stdout,
        format!("1970-01-01T00:00:00.000000Z {name} ")
            + "A\\x1b[2J\\nB {\"x\":\"\\x9b31m\\u{202e}\"}\r\n"
    );
    peer.finish();
}
