//! Sockets that are missing, dead, held, silent, or something else.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process;

use harness::{FakePeer, Folder, HostAgent, Qemu, Qmpsh, fill_queue};

use super::{BOUND, QMPSH, agent_at, ask, ask_within, fails, prints};

const STATUS: &str = "vm(args[0]).status";

#[test]
fn a_missing_socket_is_named_with_what_to_look_at() {
    let folder = Folder::new();
    let socket = folder.join("none.qmp");
    let words = [
        socket.to_str().unwrap(),
        "no such socket",
        "is the VM running?",
        "<eval>:1:13",
    ];
    fails(&ask(&socket, STATUS), 3, &words);
    fails(
        &ask(agent_at(&socket), "vm(args[0]).agent.ping()"),
        3,
        &words[..3],
    );
}

#[test]
fn a_socket_that_a_dead_vm_left_behind_is_told_apart() {
    let folder = Folder::new();
    let socket = folder.join("stale.qmp");
    drop(UnixListener::bind(&socket).unwrap());
    let words = [
        socket.to_str().unwrap(),
        "nobody listens there",
        "left its socket behind",
    ];
    fails(&ask(&socket, STATUS), 3, &words);
}

#[test]
fn a_file_or_folder_is_no_socket() {
    let folder = Folder::new();
    let file = folder.join("file");
    fs::write(&file, "").unwrap();
    for path in [file.as_path(), folder.path()] {
        let words = [
            path.to_str().unwrap(),
            "not a socket",
            "monitor's unix socket",
        ];
        fails(&ask(path, STATUS), 3, &words);
    }
}

#[test]
fn a_held_monitor_names_who_holds_it() {
    let qemu = Qemu::bare().start();
    let held = harness::RawQmp::connect(qemu.qmp());
    let own = fs::read_to_string("/proc/self/comm").unwrap();
    let words = [
        qemu.qmp().display().to_string(),
        "held by another client".to_owned(),
        process::id().to_string(),
        own.trim().to_owned(),
        "serves one client a socket".to_owned(),
    ];
    let words = words.each_ref().map(String::as_str);
    fails(&ask_within("300ms", qemu.qmp(), STATUS), 3, &words);
    drop(held);
}

#[test]
fn a_held_agent_names_who_holds_it() {
    let agent = HostAgent::start();
    let held = agent.raw();
    let words = ["held by another client", &process::id().to_string()];
    let target = agent_at(&agent.socket());
    let outcome = ask_within("300ms", target, "vm(args[0]).agent.ping()");
    fails(&outcome, 3, &words);
    drop(held);
}

#[test]
fn a_holder_that_may_not_be_seen_is_no_reason_to_fail_otherwise() {
    let Some(nobody) = as_nobody() else { return };
    let qemu = Qemu::bare().start();
    fs::set_permissions(qemu.qmp(), fs::Permissions::from_mode(0o666)).unwrap();
    let held = harness::RawQmp::connect(qemu.qmp());
    let outcome = nobody
        .args(["--timeout", "300ms", "eval", STATUS, "--"])
        .arg(qemu.qmp())
        .run();
    fails(
        &outcome,
        3,
        &["held by another client", "serves one client a socket"],
    );
    drop(held);
}

#[test]
fn one_run_that_holds_the_monitor_under_two_names_is_told_so() {
    let qemu = Qemu::bare().start();
    let script = "vm(args[0]).status; vm(`qmp=${args[0]},agent=/none`).status";
    let outcome = ask_within("500ms", qemu.qmp(), script);
    fails(&outcome, 3, &["held by", "this very run", "one spelling"]);
}

#[test]
fn a_silent_peer_is_given_up_when_its_time_is_over() {
    let peer = FakePeer::builder().wait_for_hang_up().start();
    let outcome = ask_within("200ms", peer.socket(), STATUS);
    let (socket, own) = (peer.socket(), process::id());
    let words = [
        socket.to_str().unwrap(),
        "accepted the connection and sent no greeting within 200 ms",
        &format!("(pid {own}) no monitor?"),
        "mode=control",
    ];
    fails(&outcome, 3, &words);
    peer.finish();
}

#[test]
fn a_stopped_qemu_is_called_stopped_and_not_held_whoever_waits_there() {
    let mut qemu = Qemu::bare().start();
    // It has not noticed that this one has gone.
    let gone = harness::RawQmp::connect(qemu.qmp());
    qemu.process().stop();
    drop(gone);
    let pid = format!("(pid {}) is stopped (SIGSTOP)", qemu.pid());
    let words = [
        qemu.qmp().display().to_string(),
        "did not answer within 300 ms: its process qemu-system".to_owned(),
        pid,
        "kill -CONT".to_owned(),
    ];
    let words = words.each_ref().map(String::as_str);
    let stopped = |qemu: &Qemu| {
        let outcome = ask_within("300ms", qemu.qmp(), STATUS);
        fails(&outcome, 3, &words);
        assert!(!outcome.stderr.contains("held"), "{outcome:#?}");
    };
    stopped(&qemu);
    // QEMU serves an agent's socket too.
    let ping = ask_within("300ms", agent_at(&qemu.qmp()), "vm(args[0]).agent.ping()");
    fails(&ping, 3, &words);
    let waiting = fill_queue(qemu.qmp());
    stopped(&qemu);
    drop(waiting);
    qemu.process().cont();
    prints(&ask(qemu.qmp(), STATUS), "running\n");
}

#[test]
fn a_server_that_hangs_is_not_called_held_where_its_queue_is_full() {
    let folder = Folder::new();
    let socket = folder.join("hangs.qmp");
    let _listener = UnixListener::bind(&socket).unwrap();
    let words = [
        socket.to_str().unwrap(),
        "did not accept the connection within 300 ms, and serves nobody else",
        &format!("(pid {}) hangs", process::id()),
    ];
    fails(&ask_within("300ms", &socket, STATUS), 3, &words);
    let _waiting = fill_queue(&socket);
    let outcome = ask_within("300ms", &socket, STATUS);
    fails(&outcome, 3, &words);
    assert!(!outcome.stderr.contains("held"), "{outcome:#?}");
}

#[test]
fn an_agent_named_as_the_monitor_is_guessed() {
    let agent = HostAgent::start();
    let outcome = ask_within("200ms", agent.socket(), STATUS);
    fails(&outcome, 3, &["no greeting", "agent=SOCKET"]);
}

#[test]
fn another_programs_greeting_is_quoted() {
    for (greeting, quoted) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "`SSH-2.0-OpenSSH_9.2\\r\\n`"),
        ("\x1b[2J\u{9b}31mhello", "`\\x1b[2J\\x9b31mhello`"),
        ("{\"hello\": \"world\"}\n", "hello"),
        ("\0\u{1}\u{2}", "`\\x00\\x01\\x02`"),
    ] {
        let peer = FakePeer::builder()
            .send(greeting)
            .wait_for_hang_up()
            .start();
        let outcome = ask_within("10s", peer.socket(), STATUS);
        fails(&outcome, 3, &["does not speak QMP", quoted, "mode=control"]);
        peer.finish();
    }
}

#[test]
fn a_monitor_for_people_is_told_apart() {
    let folder = Folder::new();
    let socket = folder.join("hmp");
    let qemu = Qemu::bare()
        .arg("-monitor")
        .arg(format!("unix:{},server=on,wait=off", socket.display()))
        .start();
    let outcome = ask_within("10s", &socket, STATUS);
    fails(
        &outcome,
        3,
        &["does not speak QMP", "QEMU", "monitor for people (HMP)"],
    );
    drop(qemu);
}

#[test]
fn a_peer_that_hangs_up_before_it_greets_is_gone() {
    let peer = FakePeer::builder().hang_up().start();
    let outcome = ask_within("10s", peer.socket(), STATUS);
    fails(&outcome, 3, &["ended", peer.socket().to_str().unwrap()]);
    peer.finish();
}

#[test]
fn a_peer_that_hangs_up_while_it_negotiates_is_gone() {
    let peer = FakePeer::builder()
        .send("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n")
        .expect("qmp_capabilities")
        .hang_up()
        .start();
    let outcome = ask_within("10s", peer.socket(), STATUS);
    let words = [
        "cannot connect to",
        "it greeted, and the connection ended during `qmp_capabilities`",
        "nothing was asked of the VM yet",
    ];
    fails(&outcome, 3, &words);
    assert!(!outcome.stderr.contains("carried out"), "{outcome:#?}");
    peer.finish();
}

#[test]
fn a_closed_tcp_port_is_refused() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let target = format!("tcp:127.0.0.1:{port}");
    let outcome = ask_within("10s", &target, STATUS);
    fails(&outcome, 3, &[&target, "nobody listens there"]);
}

#[test]
fn a_socket_that_others_may_not_use_says_as_whom_to_run() {
    let Some(nobody) = as_nobody() else { return };
    let qemu = Qemu::bare().start();
    fs::set_permissions(qemu.qmp(), fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = nobody.args(["eval", STATUS, "--"]).arg(qemu.qmp()).run();
    fails(&outcome, 3, &["permission denied", "run qmpsh as root"]);
}

/// qmpsh as a user without rights; none where the test itself is not root.
fn as_nobody() -> Option<Qmpsh> {
    rustix::process::geteuid().is_root().then(|| {
        Qmpsh::new("/usr/bin/setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--",
                QMPSH,
            ])
            .deadline(BOUND)
    })
}
