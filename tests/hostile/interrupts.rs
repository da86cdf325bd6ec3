//! Ctrl-C and its kin end whatever a script does; a deadline ends whatever it waits for.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::mpsc::channel;

use harness::{FakePeer, Folder, HostAgent, Running, Signal};
use serde_json::json;

use super::{agent_at, eval, fails, prints, qmpsh};

fn start(script: &str, target: &str) -> Running {
    qmpsh().args(["eval", script, "--", target]).spawn()
}

#[track_caller]
fn ends(running: Running, signal: Signal, code: i32) {
    running.signal(signal);
    let outcome = running.wait();
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    fails(
        &outcome,
        code,
        &[&format!("ended by signal {}", code - 128)],
    );
}

#[test]
fn a_signal_ends_loops_sleeps_and_workers() {
    for script in [
        "loop { }",
        "sleep(\"1h\")",
        "for i in 0..9000000000000000 { }",
        "try { sleep(\"1h\") } catch { loop { } }",
        "parallel([1, 2, 3, 4], |x| sleep(\"1h\"))",
        "parallel([1, 2, 3, 4], #{ jobs: 2 }, |x| loop { })",
        "timeout(\"1h\", || sleep(\"1h\"))",
        "retry(#{ times: 1000000, delay: \"1h\" }, || throw 1)",
    ] {
        let running = start(&format!("log(\"ready\"); {script}"), "");
        running.wait_for_stderr("ready");
        ends(running, Signal::INT, 130);
    }
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let running = start("log(\"ready\"); sleep(\"1h\")", "");
        running.wait_for_stderr("ready");
        ends(running, signal, code);
    }
}

#[test]
fn a_signal_ends_a_wait_for_a_silent_monitor() {
    let (asked, is_asked) = channel();
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .answer(move |_| {
            asked.send(()).unwrap();
            Vec::new()
        })
        .wait_for_hang_up()
        .start();
    let running = start("vm(args[0]).status", peer.socket().to_str().unwrap());
    is_asked.recv().unwrap();
    ends(running, Signal::INT, 130);
    peer.finish();
}

#[test]
fn a_signal_ends_a_wait_for_a_greeting_and_for_an_event() {
    let peer = FakePeer::builder().wait_for_hang_up().start();
    let running = start(
        "log(\"ready\"); vm(args[0]).status",
        peer.socket().to_str().unwrap(),
    );
    running.wait_for_stderr("ready");
    ends(running, Signal::INT, 130);
    peer.finish();

    let peer = FakePeer::builder().greet().wait_for_hang_up().start();
    let script = "let w = vm(args[0]).watch(\"STOP\"); log(\"ready\"); w.wait(\"1h\")";
    let running = start(script, peer.socket().to_str().unwrap());
    running.wait_for_stderr("ready");
    ends(running, Signal::INT, 130);
    peer.finish();
}

#[test]
fn a_signal_ends_a_wait_for_a_silent_agent_and_a_program() {
    let agent = FakePeer::builder().wait_for_hang_up().start();
    let running = start(
        "log(\"ready\"); vm(args[0]).agent.ping()",
        &agent_at(&agent.socket()),
    );
    running.wait_for_stderr("ready");
    ends(running, Signal::INT, 130);
    agent.finish();

    let agent = HostAgent::start();
    let script = "log(\"ready\"); vm(args[0]).agent.exec(\"sleep\", [\"5\"])";
    let running = start(script, &agent_at(&agent.socket()));
    running.wait_for_stderr("ready");
    ends(running, Signal::INT, 130);
}

#[test]
fn a_signal_ends_a_wait_for_this_host() {
    let agent = HostAgent::start();
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // Once as a pipe that nobody writes to, once as one whose writer is silent.
    for with_writer in [false, true] {
        let writer = with_writer.then(|| {
            let mut open = fs::OpenOptions::new();
            open.read(true)
                .write(true)
                .custom_flags(0o4000)
                .open(&pipe)
                .unwrap()
        });
        let script = format!(
            "log(\"ready\"); vm(args[0]).agent.upload(\"{}\", \"{}/to\")",
            pipe.display(),
            agent.folder().path().display()
        );
        let running = qmpsh()
            .args([
                "eval",
                "--allow-read",
                "/",
                &script,
                "--",
                &agent_at(&agent.socket()),
            ])
            .spawn();
        running.wait_for_stderr("ready");
        ends(running, Signal::INT, 130);
        drop(writer);
    }
}

#[test]
fn the_second_signal_tells_what_is_waited_for_and_the_third_ends_at_once() {
    // An agent that leaves a file open and silent keeps the clean-up waiting.
    let (asked, is_asked) = channel();
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-file-open")
        .reply(json!(1))
        .expect("guest-file-read")
        .answer(move |_| {
            asked.send(()).unwrap();
            Vec::new()
        })
        .wait_for_hang_up()
        .start();
    let running = start(
        "vm(args[0]).agent.file_read(\"/x\")",
        &agent_at(&agent.socket()),
    );
    is_asked.recv().unwrap();
    running.signal(Signal::INT);
    // Signals that are pending together count as one.
    agent_is_asked_again(&running);
    running.wait_for_stderr("still busy: ");
    running.signal(Signal::INT);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(130), "{outcome:#?}");
    agent.finish();
}

/// Sends signals until one of them is told of.
fn agent_is_asked_again(running: &Running) {
    running.signal(Signal::TERM);
}

#[test]
fn signals_end_a_run_whose_error_stream_is_closed() {
    let folder = Folder::new();
    let line = format!(
        "exec 2>&-; exec {} eval 'print(\"ready\"); sleep(\"1h\")'",
        super::QMPSH
    );
    let running = harness::Qmpsh::new("/bin/bash")
        .args(["-c", &line])
        .current_dir(folder.path())
        .deadline(super::BOUND)
        .spawn();
    running.wait_for_stdout("ready");
    running.signal(Signal::INT);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(130), "{outcome:#?}");
}

#[test]
fn a_deadline_of_the_scripts_own_ends_a_wait_for_a_silent_peer() {
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .wait_for_hang_up()
        .start();
    let script = "timeout(\"1s\", || vm(args[0]).status)";
    let outcome = super::ask(peer.socket(), script);
    fails(&outcome, 5, &["it took longer than 1 s"]);
    peer.finish();
}

#[test]
fn a_deadline_of_the_command_lines_ends_each_call() {
    let peer = FakePeer::builder()
        .greet()
        .expect("stop")
        .wait_for_hang_up()
        .start();
    let outcome = super::ask_within("1s", peer.socket(), "vm(args[0]).qmp(\"stop\")");
    fails(&outcome, 5, &["no reply to `stop`", "within 1 s"]);
    peer.finish();
}

#[test]
fn a_script_goes_on_after_a_deadline_that_it_caught() {
    let script = "let kinds = []; for i in 0..3 { try { timeout(\"10ms\", || sleep(\"1h\")) } catch (e) { kinds.push(e.kind) } } kinds";
    prints(&eval(script), "[\"timeout\",\"timeout\",\"timeout\"]\n");
}
