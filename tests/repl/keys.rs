//! Ctrl-C, Ctrl-D and signals, at the prompt and while a line runs.

use std::sync::mpsc::channel;

use harness::{FakePeer, Qemu, Qmpsh, Signal, Terminal};
use serde_json::json;

use super::{PROMPT, QMPSH, line, terminal};

#[test]
fn ctrl_c_at_the_prompt_clears_the_line() {
    let terminal = terminal();
    terminal.types("let x = [1,\r\x03");
    terminal.wait_for_end(&format!("let x = [1,\n\n{PROMPT}"));
    line(&terminal, "1", "1\n");
}

#[test]
fn ctrl_c_ends_a_loop_and_keeps_the_session() {
    let terminal = terminal();
    terminal.types("let x = 0; loop { x += 1; if x == 9 { print(\"begun\") } }\r");
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for_end(&format!("interrupted\n{PROMPT}"));
    line(&terminal, "x > 0", "true\n");
}

#[test]
fn ctrl_c_ends_a_call_that_is_not_answered_and_a_second_one_tells_what_is_waited_for() {
    let (asked, is_asked) = channel();
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .answer(move |_| {
            let _ = asked.send(());
            Vec::new()
        })
        .wait_for_hang_up()
        .start();
    let terminal = terminal();
    let target = peer.socket().display().to_string();
    terminal.types(&format!("vm(\"{target}\").status\r"));
    is_asked.recv().unwrap();
    terminal.types("\x03");
    terminal.wait_for_end(&format!("interrupted\n{PROMPT}"));
    line(&terminal, "1", "1\n");
    // An undoing goes on to its end.
    terminal.types("with guard(\"it\", || { print(\"begun\"); sleep(\"1h\") }) as g { }\r");
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for("begun\n^C");
    // Two at once would be one.
    terminal.wait_until_heard(Signal::INT);
    terminal.types("\x03");
    terminal.wait_for("still busy: releasing it");
}

/// Interrupts a line once it has printed `mark`, which nothing before it did.
#[track_caller]
fn interrupted(terminal: &Terminal, mark: &str, text: &str, given: &str) {
    let text = text.replace("MARK", &format!("print(\"{mark}\")"));
    terminal.types(&format!("{text}\r"));
    terminal.wait_for(&format!("\n{mark}"));
    terminal.types("\x03");
    terminal.wait_for_end(&format!("{mark}\n^C{given}interrupted\n{PROMPT}"));
}

#[test]
fn ctrl_c_ends_a_call_to_a_stopped_qemu_and_the_next_one_waits_anew() {
    let mut qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.resize(200, 24);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    line(&terminal, "v.status", "running\n");
    qemu.process().signal(Signal::STOP);
    for mark in ["first", "second"] {
        interrupted(&terminal, mark, "MARK; v.status", "");
    }
    qemu.process().signal(Signal::CONT);
    line(&terminal, "v.status", "running\n");
}

#[test]
fn ctrl_c_ends_a_sleep_a_wait_for_an_event_and_a_block_whose_guard_is_released() {
    let qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.resize(200, 24);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    for (mark, text, given) in [
        ("asleep", "MARK; sleep(\"1h\")", ""),
        ("watching", "MARK; v.watch(\"STOP\").wait(\"1h\")", ""),
        (
            "within",
            "with guard(\"it\", || print(\"undone\")) as g { MARK; sleep(\"1h\") }",
            "undone\n",
        ),
        (
            "beside",
            "parallel([1, 2], |x| { if x == 1 { MARK } sleep(\"1h\") })",
            "",
        ),
    ] {
        interrupted(&terminal, mark, text, given);
    }
    line(&terminal, "v.status", "running\n");
}

#[test]
fn ctrl_d_leaves_and_undoes_what_is_held() {
    let terminal = terminal();
    line(&terminal, "guard(\"it\", || print(\"undone\"));", "");
    line(&terminal, ":held", "it\n");
    terminal.types("\x04");
    terminal.wait_for("\nundone");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn what_is_typed_while_a_line_runs_is_there_at_the_next_prompt() {
    let (goes_on, waits) = channel();
    let (again, waits_again) = channel();
    let answer = json!({ "status": "running", "running": true });
    let peer = FakePeer::builder()
        .greet()
        .expect("query-status")
        .wait_for(waits)
        .reply(answer.clone())
        .expect("query-status")
        .wait_for(waits_again)
        .reply(answer)
        .start();
    let terminal = terminal();
    let target = peer.socket().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    // A whole line is run, and what is none is gone on with.
    terminal.types("print(\"begun\"); v.status\r");
    terminal.wait_for("\nbegun");
    terminal.types("6 * 7\r4 + ");
    terminal.wait_for("\n4 +");
    goes_on.send(()).unwrap();
    terminal.wait_for_end(&format!("{PROMPT} 6 * 7\n42\n{PROMPT} 4 +"));
    terminal.types("4\r");
    terminal.wait_for_end(&format!("{PROMPT} 4 + 4\n8\n{PROMPT}"));
    // Ctrl-D leaves when the line has ended. It is not shown; what is typed behind it is, and so tells that it has come.
    terminal.types("guard(\"it\", || print(\"undone\")); print(\"anew\"); v.status\r");
    terminal.wait_for("\nanew");
    terminal.types("\x04z");
    terminal.wait_for("anew\nz");
    again.send(()).unwrap();
    terminal.wait_for("running\nundone");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn quit_leaves_and_exit_leaves_with_its_code() {
    for (text, code) in [(":quit", 0), ("exit(3)", 3)] {
        let terminal = terminal();
        terminal.types(&format!("{text}\r"));
        assert_eq!(terminal.wait(), Some(code));
    }
}

#[test]
fn a_signal_at_the_prompt_leaves_cleanly() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let terminal = terminal();
        line(&terminal, "guard(\"it\", || print(\"undone\"));", "");
        terminal.types("half a li");
        terminal.wait_for_end("half a li");
        terminal.signal(signal);
        terminal.wait_for("\nundone");
        // Bracketed paste is turned off again.
        assert!(terminal.written().contains("\x1b[?2004l"));
        assert_eq!(terminal.wait(), Some(code));
    }
}

#[test]
fn the_line_follows_the_terminals_size() {
    let terminal = terminal();
    terminal.types("\"a text that is longer than the narrow screen will be\"");
    terminal.wait_for_end("will be\"");
    terminal.resize(30, 10);
    terminal.types(" \r");
    terminal.wait_for("a text that is longer than the");
    terminal.wait_for_end(PROMPT);
    line(&terminal, "1", "1\n");
}

#[test]
fn a_session_that_makes_no_changes_says_so_in_the_prompt() {
    for (option, prompt) in [
        ("--read-only", "qmpsh read-only>"),
        ("--dry-run", "qmpsh dry-run>"),
    ] {
        let terminal = Qmpsh::new(QMPSH).arg(option).on_terminal();
        terminal.wait_for_end(prompt);
        terminal.types("1\r");
        terminal.wait_for_end(&format!("{prompt} 1\n1\n{prompt}"));
    }
}

#[test]
fn vi_keys_can_be_set() {
    let terminal = terminal();
    line(&terminal, ":set mode vi", "");
    terminal.types("1 + 1\x1b0i4\r");
    terminal.wait_for_end(&format!("41 + 1\n42\n{PROMPT}"));
}
