//! A session at a terminal that is only good for plain lines: nothing moves a cursor there, and all else is as at others.

use std::sync::Arc;

use harness::{Folder, Qemu, Qmpsh, Signal, Terminal};

use super::{BOUND, PROMPT, QMPSH};

fn qemu() -> Qemu {
    Qemu::bare().start()
}

/// A session at a terminal that cannot move its cursor, and one whose results go through a pipe.
fn terminals() -> [Terminal; 2] {
    let dumb = Qmpsh::at_home(QMPSH, &Arc::new(Folder::new())).env("TERM", "dumb");
    let piped = Qmpsh::at_home("sh", &Arc::new(Folder::new()))
        .args(["-c", "\"$0\" | cat"])
        .arg(QMPSH);
    [dumb, piped].map(|qmpsh| {
        let terminal = qmpsh.deadline(BOUND).on_terminal();
        terminal.resize(200, 50);
        terminal.wait_for_end(PROMPT);
        terminal
    })
}

#[test]
fn lines_are_prompted_for_and_an_error_or_an_open_line_ends_no_session() {
    for terminal in terminals() {
        terminal.types("let a = [\r");
        terminal.wait_for_end("\n... ");
        terminal.types("1, 2];\r");
        terminal.wait_for_end(&format!("\n{PROMPT}"));
        terminal.types("fail(\"no\")\r");
        terminal.wait_for("error: no");
        terminal.wait_for_end(&format!("\n{PROMPT}"));
        terminal.types("a.len() + 40\r");
        // Through a pipe it may come behind the next prompt.
        terminal.wait_for("42");
        assert!(
            !terminal.written().contains('\x1b'),
            "{:?}",
            terminal.written()
        );
        terminal.types("\x04");
        assert_eq!(terminal.wait(), Some(0));
    }
}

#[test]
fn a_destructive_command_is_asked_about() {
    for terminal in terminals() {
        let mut qemu = qemu();
        terminal.types(&format!("vm(\"{}\").qmp.quit();\r", qemu.qmp().display()));
        terminal.wait_for_end("? this ends its QEMU [y/N]");
        terminal.types("n\r");
        terminal.wait_for("for nobody said yes");
        terminal.wait_for_end(&format!("\n{PROMPT}"));
        assert!(qemu.process().wait(std::time::Duration::ZERO).is_none());
        terminal.types(&format!("vm(\"{}\").qmp.quit();\r", qemu.qmp().display()));
        terminal.wait_for_end("? this ends its QEMU [y/N]");
        terminal.types("y\r");
        assert!(qemu.process().wait(BOUND).is_some());
    }
}

#[test]
fn ctrl_c_ends_the_line_and_not_the_session() {
    let [dumb, _] = terminals();
    dumb.types("print(\"runs\"); loop { }\r");
    dumb.wait_for("\nruns");
    dumb.signal(Signal::INT);
    dumb.wait_for("interrupted");
    dumb.wait_for_end(&format!("\n{PROMPT}"));
}
