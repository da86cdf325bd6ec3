//! Ctrl-C and its kin end whatever a script does; a deadline ends whatever it waits for.

use std::fs;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use harness::{FakePeer, FakePeerBuilder, Folder, HostAgent, Qmpsh, Running, Signal};
use serde_json::json;

use super::{BOUND, QMPSH, agent_at, eval, fails, prints, qmpsh};

fn start(script: &str, target: &str) -> Running {
    qmpsh().args(["eval", script, "--", target]).spawn()
}

#[track_caller]
fn ends(running: Running, signal: Signal, code: i32) {
    running.signal(signal);
    let outcome = running.wait();
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    let words = match code {
        130 => "ended by SIGINT",
        143 => "ended by SIGTERM",
        129 => "ended by SIGHUP",
        other => panic!("no signal ends with {other}"),
    };
    fails(&outcome, code, &[words]);
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

/// A peer that does what is added and then stays silent, and a receiver that hears when it does.
fn silent_after(peer: FakePeerBuilder) -> (FakePeer, Receiver<()>) {
    let (reached, is_reached) = channel();
    let told = peer.answer(move |_| {
        // A test that failed meanwhile listens no more.
        let _ = reached.send(());
        Vec::new()
    });
    (told.wait_for_hang_up().start(), is_reached)
}

#[test]
fn a_signal_ends_a_wait_for_a_silent_peer() {
    let status = "vm(args[0]).status";
    for (peer, script) in [
        (FakePeer::builder(), status),
        (FakePeer::builder().greet().expect("query-status"), status),
        (
            FakePeer::builder().greet(),
            "vm(args[0]).watch(\"STOP\").wait(\"1h\")",
        ),
    ] {
        let (peer, is_reached) = silent_after(peer);
        let running = start(script, peer.socket().to_str().unwrap());
        is_reached.recv().unwrap();
        ends(running, Signal::INT, 130);
        peer.finish();
    }
}

#[test]
fn a_signal_ends_a_wait_for_a_silent_agent_and_for_a_program() {
    for agent in [
        FakePeer::builder(),
        FakePeer::builder().synchronise().expect("guest-ping"),
    ] {
        let (agent, is_reached) = silent_after(agent);
        let running = start("vm(args[0]).agent.ping()", &agent_at(&agent.socket()));
        is_reached.recv().unwrap();
        ends(running, Signal::INT, 130);
        agent.finish();
    }
    let agent = HostAgent::start();
    let script = "let a = vm(args[0]).agent; a.ping(); log(\"ready\"); a.exec(\"sleep\", [\"5\"])";
    let running = start(script, &agent_at(&agent.socket()));
    running.wait_for_stderr("ready");
    ends(running, Signal::INT, 130);
}

#[test]
fn a_signal_ends_a_wait_for_this_host() {
    let agent = HostAgent::start();
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let script = format!(
        "vm(args[0]).agent.upload(\"{}\", \"{}\")",
        pipe.display(),
        agent.folder().join("to").display()
    );
    let running = qmpsh()
        .args(["eval", "--allow-read"])
        .arg(folder.path())
        .args([&script, "--", &agent_at(&agent.socket())])
        .spawn();
    while !waits_in_a_blocking_thread(running.id()) {
        std::thread::yield_now();
    }
    ends(running, Signal::INT, 130);
}

/// Whether the process has a thread for blocking work, and that sleeps.
fn waits_in_a_blocking_thread(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().any(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.contains("(tokio-") && stat.contains(") S ")
    })
}

/// A run in its clean-up after a signal, which an agent that falls silent over an open file keeps waiting.
fn cleaning_up(run: impl FnOnce(&str, &str) -> Qmpsh) -> (Running, FakePeer) {
    let (asked, is_asked) = channel();
    let (agent, is_cleaning) = silent_after(
        FakePeer::builder()
            .synchronise()
            .expect("guest-file-open")
            .reply(json!(1))
            .expect("guest-file-read")
            .answer(move |_| {
                let _ = asked.send(());
                Vec::new()
            })
            .expect("guest-sync-delimited"),
    );
    let script = "vm(args[0]).agent.file_read(\"/x\")";
    let running = run(script, &agent_at(&agent.socket())).spawn();
    is_asked.recv().unwrap();
    running.signal(Signal::INT);
    is_cleaning.recv().unwrap();
    (running, agent)
}

#[test]
fn the_second_signal_tells_what_is_waited_for_and_the_third_ends_at_once() {
    let (running, agent) =
        cleaning_up(|script, target| qmpsh().args(["eval", script, "--", target]));
    running.signal(Signal::TERM);
    running.wait_for_stderr("still busy: ");
    running.signal(Signal::HUP);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(129), "{outcome:#?}");
    agent.finish();
}

#[test]
fn a_signal_is_heard_when_nobody_reads_the_error_stream() {
    let (running, agent) = cleaning_up(|script, target| {
        let line = "mkfifo p; exec 3<>p; exec 2>p; exec 3<&-; exec \"$0\" \"$@\"";
        Qmpsh::new("/bin/bash")
            .args(["-c", line, QMPSH, "eval", script, "--", target])
            .deadline(BOUND)
    });
    running.signal(Signal::TERM);
    running.signal(Signal::HUP);
    let outcome = running.wait();
    // By the third, whichever that was, and not by the first after the clean-up.
    assert!(matches!(outcome.code, Some(129 | 143)), "{outcome:#?}");
    agent.finish();
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
