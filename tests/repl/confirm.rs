//! A destructive command that is typed is asked about; scripts and pipes are not.

use harness::{Guest, Qemu, Qmpsh, RawQmp, Terminal};
use serde_json::Value;

use super::{BOUND, PROMPT, QMPSH, line, terminal};

const QUIT: &str = "? this ends its QEMU [y/N]";

/// Names the VM at that monitor `v`.
fn name(terminal: &Terminal, qemu: &Qemu) {
    let target = qemu.qmp().display().to_string();
    terminal.types(&format!("let v = vm(\"{target}\");\r"));
    terminal.wait_for_end(&format!("\");\n{PROMPT}"));
}

fn lives(qemu: &Qemu) -> bool {
    let mut witness = RawQmp::connect(qemu.monitor("witness"));
    let status = witness.try_call("query-status", &Value::Null);
    status.is_ok()
}

fn qemu() -> Qemu {
    Qemu::bare().monitor("witness").start()
}

#[test]
fn what_is_no_yes_is_a_no_and_a_yes_does_it() {
    let mut qemu = qemu();
    let terminal = terminal();
    terminal.resize(200, 50);
    name(&terminal, &qemu);
    for answer in ["\r", "n\r", "x\r", "ye\x03", "\x04", "v.status\r"] {
        terminal.types("try { v.qmp.quit() } catch (e) { print(`${e.kind}: ${e.command}`) }\r");
        terminal.wait_for_end(QUIT);
        terminal.types(answer);
        terminal.wait_for_end(&format!("\ndenied: quit\n{PROMPT}"));
        terminal.types("\x0c");
        terminal.wait_for_end(PROMPT);
        assert!(lives(&qemu));
    }
    terminal.types("v.hmp(\"quit\")\r");
    terminal.wait_for_end(QUIT);
    terminal.types("Yes\r");
    terminal.wait_for_end(&format!("\n{PROMPT}"));
    assert!(qemu.process().wait(BOUND).is_some());
}

#[test]
fn many_at_once_are_asked_about_once() {
    let (mut one, mut other) = (qemu(), qemu());
    let terminal = terminal();
    terminal.resize(250, 50);
    let text = format!(
        "parallel([vm(\"{}\"), vm(\"{}\")], |v| v.qmp.quit());",
        one.qmp().display(),
        other.qmp().display()
    );
    for answer in ["n", "y"] {
        terminal.types(&format!("{text}\r"));
        terminal.wait_for_end("? this ends its QEMU; a yes is for the line's other VMs too [y/N]");
        assert!(lives(&one) && lives(&other));
        terminal.types(&format!("{answer}\r"));
        terminal.wait_for_end(&format!("[y/N] {answer}\n{PROMPT}"));
    }
    assert!(one.process().wait(BOUND).is_some());
    assert!(other.process().wait(BOUND).is_some());
}

#[test]
fn nobody_is_asked_with_confirm_off_in_a_pipe_or_in_a_script() {
    let mut first = qemu();
    let terminal = terminal();
    name(&terminal, &first);
    line(&terminal, ":set confirm off", "");
    terminal.types("v.qmp.quit();\r");
    terminal.wait_for_end(&format!("v.qmp.quit();\n{PROMPT}"));
    assert!(first.process().wait(BOUND).is_some());
    for arguments in [&[][..], &["eval"]] {
        let mut qemu = qemu();
        let text = format!("vm(\"{}\").qmp.quit();", qemu.qmp().display());
        let qmpsh = Qmpsh::new(QMPSH).args(arguments).deadline(BOUND);
        let outcome = match arguments {
            [] => qmpsh.stdin(text).run(),
            _ => qmpsh.arg(text).run(),
        };
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        assert!(qemu.process().wait(BOUND).is_some());
    }
}

#[test]
fn what_happens_meanwhile_is_told_above_the_question() {
    let qemu = qemu();
    let mut witness = RawQmp::connect(qemu.monitor("witness"));
    let terminal = terminal();
    terminal.resize(200, 50);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!(":events {target}"), "");
    name(&terminal, &qemu);
    terminal.types("v.qmp.system_reset()\r");
    terminal.wait_for_end("does not shut down first [y/N]");
    terminal.types("n");
    terminal.wait_for_end("[y/N] n");
    witness.call("stop", &Value::Null);
    terminal.wait_for(&format!("{target} STOP\nsystem_reset on {target}?"));
    terminal.wait_for_end("[y/N] n");
    terminal.types("\r");
    terminal.wait_for("error: ");
    terminal.wait_for_end(PROMPT);
}

#[test]
fn a_freeze_ends_in_time_while_a_question_is_open_and_a_late_yes_sends_nothing() {
    let guest = Guest::boot();
    let terminal = terminal();
    terminal.resize(250, 50);
    let text = format!(
        "let v = vm(\"{}\"); with v.agent.fsfreeze(#{{ max: \"2s\" }}) as f {{ v.qmp.quit() }}",
        guest.target()
    );
    terminal.types(&format!("{text}\r"));
    terminal.wait_for_end(QUIT);
    terminal.wait_for("the freeze window expired after 2 s");
    terminal.wait_for_end(QUIT);
    assert!(!guest.is_frozen());
    terminal.types("y\r");
    terminal.wait_for_end(&format!("[y/N] y\n{PROMPT}"));
    line(&terminal, "v.status", "running\n");
}

#[test]
fn a_terminal_without_an_editor_has_a_prompt_and_asks_all_the_same() {
    let mut qemu = qemu();
    let terminal = Qmpsh::new(QMPSH)
        .env("TERM", "dumb")
        .deadline(BOUND)
        .on_terminal();
    terminal.wait_for_end(PROMPT);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    line(&terminal, "v.status", "running\n");
    // An error does not end it, and what is open goes on.
    terminal.types("nobody()\r");
    terminal.wait_for("there is no function");
    terminal.wait_for_end(PROMPT);
    terminal.types("[1,\r");
    terminal.wait_for_end("\n...");
    terminal.types("2].len()\r");
    terminal.wait_for_end(&format!("\n2\n{PROMPT}"));
    for answer in ["\r", "n\r", "\x03"] {
        terminal.types("v.qmp.quit();\r");
        terminal.wait_for_end(QUIT);
        terminal.types(answer);
        terminal.wait_for_end(PROMPT);
        assert!(lives(&qemu));
    }
    terminal.types("print(\"begun\"); sleep(\"1h\")\r");
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for_end(&format!("interrupted\n{PROMPT}"));
    terminal.types("v.qmp.quit();\r");
    terminal.wait_for_end(QUIT);
    terminal.types("y\r");
    assert!(qemu.process().wait(BOUND).is_some());
    terminal.wait_for_end(PROMPT);
    terminal.types("\x04");
    assert_eq!(terminal.wait(), Some(0));
}
