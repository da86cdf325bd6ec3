//! `:log`: the last messages, without their secrets.

use harness::{Qemu, Qmpsh};

use super::{BOUND, PROMPT, QMPSH, line, terminal, told};

#[test]
fn the_last_messages_are_told_and_secrets_are_hidden() {
    let qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.resize(200, 24);
    line(&terminal, ":log", "nothing was sent to a VM yet\n");
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    line(&terminal, "v.status", "running\n");
    terminal.types(":log 2\r");
    let name = told(&qemu.qmp());
    terminal.wait_for(&format!(
        "Z -> qmp {name}: {{\"execute\":\"query-status\",\"id\":"
    ));
    terminal.wait_for(&format!("Z <- qmp {name}: {{\"id\":"));
    terminal.wait_for_end(PROMPT);
    terminal
        .types("v.qmp.object_add(#{ \"qom-type\": \"secret\", id: \"s\", data: \"geheim\" });\r");
    terminal.wait_for_end(&format!("}});\n{PROMPT}"));
    terminal.types(":log 1 object-add\r");
    terminal.wait_for("\"data\":\"***\"");
    terminal.wait_for_end(PROMPT);
    line(&terminal, ":log 5 geheim", "there is no such message\n");
    terminal.types(":log connected\r");
    terminal.wait_for(&format!("Z -- qmp {name}: connected"));
    terminal.wait_for_end(PROMPT);
    // A message has a line of the screen, and its whole is there to be asked for.
    line(&terminal, "v.qmp(\"query-version\");", "");
    terminal.resize(60, 24);
    terminal.types("\x0c:log 1\r");
    terminal.wait_for_end(&format!("…\n{PROMPT}"));
    terminal.types(":log -v 1\r");
    terminal.wait_for("\"package\":");
    terminal.wait_for_end(PROMPT);
}

#[test]
fn in_a_pipe_none_are_kept_and_it_is_told_what_shows_them() {
    let outcome = Qmpsh::new(QMPSH).stdin(":log\n").deadline(BOUND).run();
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.stderr.contains("`-v` shows each"), "{outcome:#?}");
}
