//! Events that appear while somebody types, or while a line runs; and a VM that dies.

use std::sync::Arc;
use std::sync::mpsc::channel;

use harness::{FakePeer, Folder, Qemu, Qmpsh, RawQmp, Terminal};
use serde_json::Value;

use super::{BOUND, QMPSH, line};

/// A session that knows the VM at that monitor as `web01`.
fn terminal(monitor: &std::path::Path) -> Terminal {
    let config = format!(
        "discover = []\n[vm.web01]\nqmp = \"{}\"\n",
        monitor.display()
    );
    let terminal = Qmpsh::at_home(QMPSH, &Arc::new(Folder::new()))
        .config(&config)
        .deadline(BOUND)
        .on_terminal();
    terminal.wait_for_end("qmpsh>");
    terminal
}

/// The same with the VM in use and connected, and a hand on a second monitor of it.
fn at_qemu() -> (Qemu, RawQmp, Terminal) {
    let qemu = Qemu::bare().monitor("witness").start();
    let witness = RawQmp::connect(qemu.monitor("witness"));
    let terminal = terminal(&qemu.qmp());
    terminal.types(":use web01\r");
    terminal.wait_for_end("web01>");
    (qemu, witness, terminal)
}

fn call(witness: &mut RawQmp, command: &str) {
    witness.call(command, &Value::Null);
}

/// Types a line at a VM in use, and waits for the prompt.
fn types(terminal: &Terminal, text: &str) {
    terminal.types(&format!("{text}\r"));
    terminal.wait_for_end(&format!("{text}\nweb01>"));
}

#[test]
fn events_appear_above_what_is_being_typed_and_leave_it_as_it_is() {
    let (_qemu, mut witness, terminal) = at_qemu();
    types(&terminal, ":events on");
    terminal.types("40 + \x1b[D\x1b[D\x1b[D1");
    terminal.wait_for_end("web01> 401 +");
    call(&mut witness, "stop");
    terminal.wait_for("Z web01 STOP\nweb01> 401 +");
    call(&mut witness, "cont");
    terminal.wait_for("Z web01 STOP\n");
    terminal.wait_for("Z web01 RESUME\nweb01> 401 +");
    // The cursor stands where it stood.
    terminal.types("0\x052\r");
    terminal.wait_for_end("web01> 4010 + 2\n4012\nweb01>");
}

#[test]
fn events_come_between_the_output_of_a_line_that_waits() {
    let (_qemu, mut witness, terminal) = at_qemu();
    types(&terminal, ":events web01 stop");
    terminal
        .types("let w = v.watch(\"RESUME\"); print(\"begun\"); w.wait(\"20s\"); print(\"done\")\r");
    terminal.wait_for("\nbegun");
    call(&mut witness, "stop");
    terminal.wait_for("Z web01 STOP");
    call(&mut witness, "cont");
    terminal.wait_for_end("Z web01 STOP\ndone\nweb01>");
}

#[test]
fn only_what_is_followed_is_told() {
    let (_qemu, mut witness, terminal) = at_qemu();
    line_at_vm(
        &terminal,
        ":events",
        "no events are followed: `:events on` follows those of the VM in use\n",
    );
    types(&terminal, ":events on RES*");
    line_at_vm(&terminal, ":events", "EVENTS  VM\nRES*    web01\n");
    call(&mut witness, "stop");
    call(&mut witness, "cont");
    terminal.wait_for_end("Z web01 RESUME\nweb01>");
    assert!(!terminal.screen().contains("STOP"), "{}", terminal.screen());
    types(&terminal, ":events off web01");
    call(&mut witness, "stop");
    call(&mut witness, "cont");
    // What came before the answer has come before it here too.
    types(&terminal, "v.status;");
    let screen = terminal.screen();
    assert_eq!(screen.matches("RESUME").count(), 1, "{screen}");
    line_at_vm(&terminal, ":events off", "no events are followed\n");
    for (typed, told) in [
        (":events on STOPP", "did you mean `STOP`?"),
        (":events off web02", "events of `web02` are not followed"),
        (":events on [", "`[` names no event"),
        (":events nobody", "no VM is called `nobody`"),
    ] {
        terminal.types(&format!("{typed}\r"));
        terminal.wait_for(told);
        terminal.wait_for_end("\nweb01>");
    }
}

fn line_at_vm(terminal: &Terminal, text: &str, given: &str) {
    terminal.types(&format!("{text}\r"));
    terminal.wait_for_end(&format!("{text}\n{given}web01>"));
}

#[test]
fn the_vm_in_use_says_that_it_dies_though_nothing_is_followed() {
    let (mut qemu, mut witness, terminal) = at_qemu();
    types(&terminal, "v.status;");
    terminal.types("1 + ");
    terminal.wait_for_end("web01> 1 +");
    call(&mut witness, "stop");
    call(&mut witness, "quit");
    terminal.wait_for("web01: it is shut down (host-qmp-quit)\n");
    terminal.wait_for("web01: the connection to ");
    terminal.wait_for_end("\nweb01> 1 +");
    assert!(!terminal.screen().contains("STOP"), "{}", terminal.screen());
    terminal.types("2\r");
    terminal.wait_for_end("1 + 2\n3\nweb01>");
    qemu.process().wait(BOUND);
}

#[test]
fn a_qemu_that_is_killed_is_told_and_followed_again_when_it_is_back() {
    let folder = Folder::new();
    let socket = folder.join("qmp");
    let (over, is_over) = channel();
    let peer = |done| {
        FakePeer::builder()
            .greet()
            .wait_for(done)
            .hang_up()
            .accept()
            .greet()
            .send("{\"event\":\"STOP\",\"timestamp\":{\"seconds\":1,\"microseconds\":0}}")
            .wait_for_hang_up()
            .start()
    };
    let peer = peer(is_over);
    std::os::unix::fs::symlink(peer.socket(), &socket).unwrap();
    let terminal = terminal(&socket);
    line(&terminal, ":events web01", "");
    over.send(()).unwrap();
    terminal.wait_for("it is followed again when it is back\n");
    terminal.wait_for("web01: it is back, and followed again");
    terminal.wait_for_end("00:00:01Z web01 STOP\nqmpsh>");
}

#[test]
fn a_flood_of_events_is_thinned_and_hostile_text_acts_on_no_terminal() {
    let (go, begins) = channel();
    let (on, goes_on) = channel();
    let event = |name: &str| {
        format!(
            "{{\"event\":{},\"data\":{{\"x\":\"\\u001b[2J\\u202e\"}},\"timestamp\":{{\"seconds\":1,\"microseconds\":0}}}}",
            Value::from(name)
        )
    };
    let peer = FakePeer::builder()
        .greet()
        .wait_for(begins)
        .send(event("A\u{1b}[2J\n"))
        .wait_for(goes_on)
        .send(event("B").repeat(3000))
        .wait_for_hang_up()
        .start();
    let terminal = terminal(&peer.socket());
    line(&terminal, ":events web01", "");
    terminal.types("1 + 1");
    terminal.wait_for_end("qmpsh> 1 + 1");
    go.send(()).unwrap();
    terminal.wait_for(" web01 A");
    on.send(()).unwrap();
    terminal.wait_for_end("more events left out\nqmpsh> 1 + 1");
    let written = terminal.written();
    assert!(
        written.contains("web01 A\\x1b[2J\\n {\"x\":\"\\u001b[2J\\u{202e}\"}"),
        "{written}"
    );
    assert!(!written.contains("\x1b[2J"), "{written}");
    let told = written.matches("web01 B").count();
    let left_out: usize = written
        .lines()
        .filter_map(|line| line.split_once("... ")?.1.split_once(" more event"))
        .map(|(count, _)| count.parse::<usize>().unwrap())
        .sum();
    // How fast they come decides whether it is told once or several times.
    assert!(told < 200 && left_out > 1000, "{told} {left_out}");
    assert!(told + left_out <= 3000, "{told} {left_out}");
    terminal.types("\r");
    terminal.wait_for_end("1 + 1\n2\nqmpsh>");
}

#[test]
fn nothing_reads_and_no_thread_runs_where_nothing_is_followed() {
    let (_qemu, _witness, terminal) = at_qemu();
    let threads = || {
        let names = std::fs::read_dir(format!("/proc/{}/task", terminal.id())).unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
        };
        let mut names: Vec<String> = names.map(name).collect();
        names.sort();
        names.concat()
    };
    // In use, and not connected.
    assert_eq!(threads(), "editor\nqmpsh\nsignals\n");
}

#[test]
fn a_session_in_a_pipe_tells_events_on_standard_error() {
    let qemu = Qemu::bare().start();
    let text = format!(
        ":use {}\n:events on\nv.qmp(\"stop\");\nlet w = v.watch(\"RESUME\"); v.qmp(\"cont\"); w.wait(\"20s\");\n",
        qemu.qmp().display()
    );
    let outcome = Qmpsh::new(QMPSH).stdin(text).deadline(BOUND).run();
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stderr.contains(" STOP\n"), "{outcome:#?}");
    assert_eq!(outcome.stdout, "");
}
