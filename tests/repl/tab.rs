//! Tab at a terminal, with a real QEMU behind it.

use harness::{Folder, Qemu, Qmpsh, Terminal};

use super::{BOUND, PROMPT, QMPSH, line, terminal, told};

/// A session with the QEMU as `v`, and the end of its prompt.
fn at(qemu: &Qemu) -> Terminal {
    let terminal = terminal();
    terminal.types(&format!(":use {}\r", qemu.qmp().display()));
    terminal.wait_for_end("/qmp>");
    terminal
}

fn with_objects() -> Qemu {
    Qemu::bare()
        .args("-object iothread,id=spindle -object iothread,id=spare")
        .start()
}

#[test]
fn tab_shows_live_commands_their_arguments_and_what_the_vm_has() {
    let qemu = with_objects();
    let terminal = at(&qemu);
    for (typed, completed) in [
        ("v.qmp(\"query-iothr", "v.qmp(\"query-iothreads\""),
        ("v.qmp.object_d", "v.qmp.object_del("),
        ("v.qmp.object_del(#{ i", "v.qmp.object_del(#{ id:"),
        (
            "v.qmp.object_del(#{ id: \"spi",
            "v.qmp.object_del(#{ id: \"spindle\"",
        ),
    ] {
        terminal.types(typed);
        terminal.presses_until_end("\t", &format!("qmp> {completed}"));
        terminal.types("\x15");
        terminal.wait_for_end("/qmp>");
    }
    // Several are listed.
    terminal.types("v.qmp.object_del(#{ id: \"sp\t\t");
    terminal.wait_for("spare");
    terminal.wait_for("spindle");
}

#[test]
fn the_editor_answers_while_the_vm_is_stopped() {
    let mut qemu = with_objects();
    let terminal = at(&qemu);
    terminal.types("v.qmp.object_del(#{ id: \"spi");
    terminal.presses_until_end("\t", "id: \"spindle\"");
    terminal.types("\x15");
    qemu.process().stop();
    // From what was told before, and what was never told not at all; the line goes on either way.
    terminal.types("v.qmp.object_del(#{ id: \"spi\t })");
    terminal.wait_for_end("id: \"spindle\" })");
    terminal.types("\x15v.job(\"\t\t\tx");
    terminal.wait_for_end("qmp> v.job(\"x");
    terminal.types("\x15");
    terminal.wait_for_end("/qmp>");
    terminal.types("6 * 7\r");
    terminal.wait_for_end(&format!("6 * 7\n42\n{}>", told(&qemu.qmp())));
    let status = format!("/proc/{}/stat", qemu.pid());
    let status = std::fs::read_to_string(status).unwrap();
    assert!(status.contains(") T "), "{status}");
    qemu.process().cont();
    terminal.types("v.version != \"\"\r");
    terminal.wait_for(&format!("\ntrue\n{}>", told(&qemu.qmp())));
}

#[test]
fn a_session_that_is_recorded_asks_nothing_that_no_line_asks() {
    let qemu = with_objects();
    let folder = Folder::new();
    let file = folder.join("recording");
    let terminal = Qmpsh::new(QMPSH)
        .deadline(BOUND)
        .arg("--record")
        .arg(&file)
        .on_terminal();
    terminal.wait_for_end(PROMPT);
    let vm = format!("vm(\"{}\")", qemu.qmp().display());
    terminal.types(&format!("let v = {vm}; v.version != \"\"\r"));
    terminal.wait_for_end(&format!("\ntrue\n{PROMPT}"));
    terminal.types("v.qmp(\"query-iothr\t\tx");
    terminal.wait_for_end("query-iothrx");
    terminal.types("\x15v.status\r");
    // Not the prompt before: what is typed while a line runs is not the session's end.
    terminal.wait_for_end(&format!("v.status\nrunning\n{PROMPT}"));
    terminal.types("\x04");
    assert_eq!(terminal.wait(), Some(0));
    let recorded = std::fs::read_to_string(file).unwrap();
    assert!(recorded.contains("query-status"), "{recorded}");
    assert!(!recorded.contains("query-qmp-schema"), "{recorded}");
}

#[test]
fn the_signature_of_a_call_stands_in_grey_behind_the_line() {
    let terminal = terminal();
    line(&terminal, ":set color on", "");
    terminal.types("retry(");
    terminal.wait_for_end(&format!(
        "{PROMPT} retry(   retry(options: map, work: Fn) -> value"
    ));
    // It is to be read, and not a part of the line: the key that takes over what is hinted leaves it.
    terminal.types("\x06\x061, 2)");
    terminal.wait_for("retry(1, 2)");
    terminal.types("\x15");
    terminal.wait_for_end(PROMPT);
}
