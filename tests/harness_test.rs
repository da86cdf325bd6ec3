//! The harness itself: what the other tests lean on when they say that a guest is frozen or a process gone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{
    FakePeer, Folder, Format, Guest, HostAgent, Proxy, Qemu, Qmpsh, RawAgent, RawQmp, Signal,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Value, json};

#[test]
fn a_bare_qemu_answers_on_all_its_monitors() {
    let qemu = Qemu::bare().monitor("second").tcp().start();
    for socket in [qemu.qmp(), qemu.monitor("second")] {
        let status = RawQmp::connect(socket).call("query-status", &Value::Null);
        assert_eq!(status["status"], "running");
    }
    let mut greeting = String::new();
    let stream = TcpStream::connect(qemu.tcp()).expect("the port is open");
    BufReader::new(stream)
        .read_line(&mut greeting)
        .expect("a greeting comes");
    assert!(greeting.starts_with("{\"QMP\""), "{greeting}");
}

#[test]
fn a_pretty_monitor_sends_one_message_over_many_lines() {
    let qemu = Qemu::bare().pretty().start();
    let stream = std::os::unix::net::UnixStream::connect(qemu.qmp()).expect("it listens");
    let mut line = String::new();
    BufReader::new(stream)
        .read_line(&mut line)
        .expect("a greeting comes");
    assert_eq!(line.trim_end(), "{");
}

#[test]
fn a_qemu_that_does_not_start_fails_with_its_own_words() {
    let panic = std::panic::catch_unwind(|| Qemu::bare().arg("-no-such-option").start())
        .err()
        .expect("it does not start");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("-no-such-option"), "{message}");
}

#[test]
fn the_frozen_witness_follows_freeze_and_thaw() {
    let guest = Guest::boot();
    let mut agent = guest.raw_agent();
    assert!(!guest.is_frozen());

    assert_eq!(agent.call("guest-fsfreeze-freeze", &Value::Null), 2);
    assert!(guest.is_frozen_at("/data") && guest.is_frozen_at("/data2"));
    assert!(guest.is_frozen(), "a second look says the same");

    agent.call("guest-fsfreeze-thaw", &Value::Null);
    assert!(!guest.is_frozen_at("/data") && !guest.is_frozen_at("/data2"));

    let one = json!({ "mountpoints": ["/data2"] });
    agent.call("guest-fsfreeze-freeze-list", &one);
    assert!(!guest.is_frozen_at("/data") && guest.is_frozen_at("/data2"));
    assert!(guest.is_frozen());
    agent.call("guest-fsfreeze-thaw", &Value::Null);
    assert!(!guest.is_frozen());
}

#[test]
fn the_frozen_witness_needs_no_agent() {
    let guest = Guest::boot();
    let mut agent = guest.raw_agent();
    agent.call("guest-fsfreeze-freeze", &Value::Null);

    guest.stop_agent();
    assert!(guest.is_frozen());
    guest.cont_agent();
    assert_eq!(agent.freeze_status(), "frozen");

    guest.kill_agent();
    assert!(guest.is_frozen());
    drop(agent);
    assert_eq!(guest.raw_agent().freeze_status(), "frozen");

    guest.agent_down();
    assert!(guest.is_frozen());
    guest.shell_ok("fsfreeze --unfreeze /data && fsfreeze --unfreeze /data2");
    assert!(!guest.is_frozen());
}

#[test]
fn an_agent_comes_back_after_a_kill_and_stays_away_when_down() {
    let guest = Guest::builder().disk(Format::Raw, "32M").boot();
    let open = |guest: &Guest| {
        let chardevs = guest.raw_qmp().call("query-chardev", &Value::Null);
        let all = chardevs.as_array().expect("a list");
        let agent = all.iter().find(|chardev| chardev["label"] == "qga");
        agent.expect("it has a chardev")["frontend-open"].clone()
    };
    guest.kill_agent();
    assert_eq!(guest.raw_agent().freeze_status(), "thawed");
    guest.agent_down();
    assert_eq!(open(&guest), false);
    guest.agent_up();
    assert_eq!(open(&guest), true);
    assert_eq!(guest.raw_agent().freeze_status(), "thawed");
}

#[test]
fn a_freeze_hook_can_make_a_freeze_fail() {
    let guest = Guest::boot();
    guest.freeze_hook("test $1 != freeze");
    let refused = guest
        .raw_agent()
        .try_call("guest-fsfreeze-freeze", &Value::Null);
    let error = refused.expect_err("the hook fails");
    assert_eq!(error["class"], "GenericError", "{error}");
    assert!(!guest.is_frozen());
}

#[test]
fn a_line_of_shell_in_the_guest_gives_its_code_and_output() {
    let output = Guest::shared().shell("printf 'one\\ntwo\\n'; hostname; exit 3");
    assert_eq!(output.code, 3);
    assert_eq!(output.text, "one\ntwo\nqmpsh-guest");
}

#[test]
fn a_host_agent_answers_and_can_believe_that_it_is_frozen() {
    let mut agent = HostAgent::start();
    assert_eq!(agent.raw().freeze_status(), "thawed");
    let blocked = agent.raw().try_call("guest-shutdown", &Value::Null);
    assert_eq!(
        blocked.expect_err("it is blocked")["class"],
        "CommandNotFound"
    );
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", agent.process().id())).expect("it runs");
    assert!(!status.contains("\nUid:\t0"), "it runs as root");

    let frozen = HostAgent::builder().frozen().start();
    assert_eq!(frozen.raw().freeze_status(), "frozen");
}

#[test]
fn a_fake_peer_plays_its_script() {
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .reply(json!({ "status": "paused" }))
        .expect("stop")
        .reply_error("GenericError", "no")
        .accept()
        .synchronise()
        .expect("guest-ping")
        .reply(json!({}))
        .accept()
        .stream(vec![b'x'; 1 << 20], 1 << 30)
        .start();
    let mut client = RawQmp::connect(peer.socket());
    let status = client.call("query-status", &Value::Null);
    assert_eq!(status["status"], "paused");
    let error = client.try_call("stop", &Value::Null).expect_err("refused");
    assert_eq!(error["desc"], "no");
    drop(client);

    let mut agent = RawAgent::connect(peer.socket());
    agent.call("guest-ping", &Value::Null);
    drop(agent);

    let mut stream = std::os::unix::net::UnixStream::connect(peer.socket()).expect("it listens");
    let mut some = [0; 4096];
    stream.read_exact(&mut some).expect("it streams");
    drop(stream);

    let requests = peer.finish();
    let names: Vec<&Value> = requests.iter().map(|request| &request["execute"]).collect();
    assert_eq!(
        names,
        [
            "qmp_capabilities",
            "query-status",
            "stop",
            "guest-sync-delimited",
            "guest-ping"
        ]
    );
}

#[test]
fn a_proxy_passes_one_client_after_the_other() {
    let qemu = Qemu::bare().start();
    let proxy = Proxy::before(qemu.qmp());
    for _ in 0..2 {
        let status = RawQmp::connect(proxy.socket()).call("query-status", &Value::Null);
        assert_eq!(status["status"], "running");
    }
}

#[test]
fn a_proxy_holds_a_request_and_lets_it_go_or_vanish() {
    let agent = HostAgent::start();
    let proxy = Proxy::before(agent.socket());
    let mut client = RawAgent::connect(proxy.socket());

    let hold = proxy.hold_request("guest-info");
    client.call("guest-ping", &Value::Null);
    assert!(!hold.wait_for(Duration::ZERO));
    client.send("guest-info", &Value::Null);
    hold.wait();
    hold.discard();
    // What follows has the next reply.
    assert_eq!(client.freeze_status(), "thawed");

    let hold = proxy.hold_request("guest-fsfreeze-status");
    client.send("guest-fsfreeze-status", &Value::Null);
    hold.wait();
    hold.forward();
    assert_eq!(client.call("guest-ping", &Value::Null), "thawed");
}

#[test]
fn a_proxy_holds_the_reply_to_a_request() {
    let qemu = Qemu::bare().start();
    let proxy = Proxy::before(qemu.qmp());
    let mut client = RawQmp::connect(proxy.socket());
    let hold = proxy.hold_reply("query-status");
    let caller = std::thread::spawn(move || client.call("query-status", &Value::Null));
    hold.wait();
    assert!(!caller.is_finished());
    hold.forward();
    assert_eq!(caller.join().unwrap()["status"], "running");
}

#[test]
fn a_proxy_keeps_a_connection_that_another_process_shares() {
    let agent = HostAgent::start();
    let proxy = Proxy::before(agent.socket());
    let client = std::os::unix::net::UnixStream::connect(proxy.socket()).unwrap();
    let heir = client.try_clone().unwrap();
    drop(client);
    let mut line = String::new();
    (&heir)
        .write_all(b"{\"execute\":\"guest-fsfreeze-status\"}\n")
        .unwrap();
    BufReader::new(&heir).read_line(&mut line).unwrap();
    assert!(line.contains("thawed"), "{line}");
    proxy.hang_up();
    assert_eq!((&heir).read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_program_runs_with_nothing_of_the_users_environment() {
    let outcome = Qmpsh::new("/bin/sh")
        .args(["-c", "cat; env; echo oops >&2; exit 3"])
        .stdin("hello\n")
        .env("EXTRA", "1")
        .run()
        .expect_code(3);
    assert!(outcome.stdout.starts_with("hello\n"), "{outcome:?}");
    assert!(outcome.stdout.contains("EXTRA=1\n"), "{outcome:?}");
    assert!(!outcome.stdout.contains("CARGO"), "{outcome:?}");
    assert_eq!(outcome.stderr, "oops\n");
}

#[test]
fn a_running_program_takes_signals() {
    let script = "trap 'echo got it; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let running = Qmpsh::new("/bin/bash").args(["-c", script]).spawn();
    running.wait_for_stdout("ready");
    running.signal(Signal::TERM);
    assert_eq!(running.wait().expect_code(7).stdout, "ready\ngot it\n");
}

#[test]
fn a_signal_to_the_group_reaches_what_the_program_started() {
    // A child that lives on would hold the output open, and `wait` would panic.
    let script = "trap 'exit 7' TERM; (echo ready; exec sleep 1000) & wait";
    let running = Qmpsh::new("/bin/bash").args(["-c", script]).spawn();
    running.wait_for_stdout("ready");
    running.signal_group(Signal::TERM);
    running.wait().expect_code(7);
}

#[test]
fn a_program_that_hangs_is_killed_at_its_deadline() {
    let panic = std::panic::catch_unwind(|| {
        Qmpsh::new("/bin/sleep")
            .arg("1000")
            .deadline(Duration::from_millis(100))
            .run()
    });
    assert!(panic.is_err());
}

/// Set in the test process that is there to be killed.
const VICTIM: &str = "QMPSH_HARNESS_VICTIM";

#[test]
fn a_test_process_that_is_killed_leaves_nothing_behind() {
    if std::env::var_os(VICTIM).is_some() {
        be_killed();
    }
    let name = "harness_test::a_test_process_that_is_killed_leaves_nothing_behind";
    let mut victim = Command::new(std::env::current_exe().expect("we run"))
        .args(["--exact", name, "--nocapture"])
        .env(VICTIM, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("we can run again");
    let mut lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines();
    let told = lines.find_map(|line| {
        let line = line.expect("text");
        line.split_once("started: ")
            .map(|(_, told)| told.to_owned())
    });
    let told: Value = serde_json::from_str(&told.expect("it starts its children")).expect("JSON");
    let children: Vec<OwnedFd> = told["pids"]
        .as_array()
        .expect("a list")
        .iter()
        .map(open_process)
        .collect();
    let root = Path::new(told["root"].as_str().expect("a path"));
    assert!(root.exists());

    victim.kill().expect("it runs");
    victim.wait().expect("it is ours");

    for child in &children {
        wait_for_end(child);
    }
    assert!(!root.exists(), "{} is left", root.display());
}

/// Starts one of each, says so, and waits.
fn be_killed() {
    let mut qemu = Qemu::bare().start();
    let mut agent = HostAgent::start();
    let running = Qmpsh::new("/bin/sleep").arg("1000").spawn();
    let (root, janitor) = Folder::root();
    let pids = [
        qemu.process().id(),
        agent.process().id(),
        running.id(),
        janitor,
    ];
    println!("started: {}", json!({ "root": root, "pids": pids }));
    std::io::stdout().flush().expect("somebody reads");
    let mut forever = [0];
    let _ = std::io::stdin().read(&mut forever);
}

fn open_process(pid: &Value) -> OwnedFd {
    let pid = pid.as_i64().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).expect("a pid");
    pidfd_open(pid, PidfdFlags::empty()).expect("it runs")
}

fn wait_for_end(process: &OwnedFd) {
    let limit = Timespec {
        tv_sec: 30,
        tv_nsec: 0,
    };
    let mut ended = [PollFd::new(process, PollFlags::IN)];
    let count = poll(&mut ended, Some(&limit)).expect("a pidfd can be polled");
    assert_eq!(count, 1, "a child outlives its test process");
}
