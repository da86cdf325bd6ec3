//! Ready-made scripts in a session: on its VMs, asked about, interrupted.

use harness::{Folder, Qemu};

use super::{BOUND, PROMPT, line, terminal};

#[test]
fn a_script_works_on_the_sessions_vm_and_is_asked_about_as_any_line() {
    let mut qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.resize(200, 50);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    line(&terminal, "v.status", "running\n");
    // The monitor serves one client, which is the session.
    terminal.types(&format!(":run pause {target}\r"));
    terminal.wait_for("paused");
    terminal.wait_for_end(PROMPT);
    line(&terminal, "v.status", "paused\n");
    let folder = Folder::new();
    let ends = folder.join("ends.rhai");
    let text = "//! Ends it.\n//! [args]\n//! vm = { type = \"vm\" }\nvm(args.vm).qmp.quit();";
    std::fs::write(&ends, text).unwrap();
    for (answer, told) in [("n", "error: "), ("y", "")] {
        terminal.types(&format!(":run {} {target}\r", ends.display()));
        terminal.wait_for_end("? this ends its QEMU [y/N]");
        terminal.types(&format!("{answer}\r"));
        terminal.wait_for(&format!("[y/N] {answer}\n{told}"));
        terminal.wait_for_end(PROMPT);
    }
    assert!(qemu.process().wait(BOUND).is_some());
}

#[test]
fn a_script_that_needs_a_newer_qemu_is_refused_on_a_vm_that_is_connected_and_lines_are_not() {
    let qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.resize(200, 50);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    line(&terminal, "v.status", "running\n");
    let folder = Folder::new();
    let newer = folder.join("newer.rhai");
    let text = "//! X.\n//! [args]\n//! vm = { type = \"vm\" }\n//! [needs]\n//! qemu = \"99.1\"\nvm(args.vm).qmp.stop();";
    std::fs::write(&newer, text).unwrap();
    terminal.types(&format!(":run {} {target}\r", newer.display()));
    terminal.wait_for("needs 99.1 or newer");
    terminal.wait_for_end(PROMPT);
    line(&terminal, "v.status", "running\n");
}

#[test]
fn ctrl_c_ends_a_script_and_keeps_the_session() {
    let folder = Folder::new();
    let path = folder.join("waits.rhai");
    std::fs::write(&path, "print(\"begun\"); sleep(\"1h\");").unwrap();
    let terminal = terminal();
    line(&terminal, "let x = 42;", "");
    terminal.types(&format!(":run {}\r", path.display()));
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for_end(&format!("interrupted\n{PROMPT}"));
    line(&terminal, "x", "42\n");
}
