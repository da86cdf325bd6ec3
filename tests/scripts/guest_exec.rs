//! `guest-exec`: what programs printed, their exit codes, and one that says whether all were 0.

use harness::Qemu;
use serde_json::{Value, json};

use super::lent::lent;
use super::{document, qmpsh};

#[test]
fn a_line_of_shell_runs_in_every_guest_and_its_exit_code_is_in_the_table() {
    let guest = lent();
    let target = guest.target();
    let none = Qemu::bare().start();
    let none = none.qmp().to_str().unwrap().to_owned();
    let line = "echo $((6 * 7)); echo why >&2; exit 3";
    let outcome = qmpsh(["run", "guest-exec", line, &target])
        .run()
        .expect_code(1);
    let name = guest.qmp().display().to_string();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[..2], [&format!("--- {name}"), "42"]);
    assert_eq!(lines[3], format!("{name}  3     failed"));
    assert_eq!(outcome.stderr, format!("--- {name}\nwhy\n"));

    // A VM with no agent is a row of its own, and the others are done.
    let outcome = qmpsh(["--json", "run", "guest-exec", "hostname", &none, &target])
        .run()
        .expect_code(3);
    let rows = document(&outcome);
    assert!(rows[0]["error"]["message"].is_string(), "{rows}");
    assert_eq!(
        (&rows[1]["exit"], &rows[1]["stdout"], &rows[1]["result"]),
        (&json!(0), &json!("qmpsh-guest\n"), &json!("done"))
    );
}

#[test]
fn a_program_runs_without_a_shell_and_may_be_ended_by_a_signal_or_take_too_long() {
    let guest = lent();
    let target = guest.target();
    let run = |words: &[&str], code| {
        let outcome = qmpsh(["--json", "run", "guest-exec"])
            .args(words)
            .arg(&target)
            .run();
        document(&outcome.expect_code(code))[0].clone()
    };
    // Not even a word with a blank in it is looked at by a shell.
    let row = run(&["--arg", "$HOME; a", "--arg=-b", "echo"], 0);
    assert_eq!(row["stdout"], "$HOME; a -b\n");
    let row = run(&["kill -9 $$"], 1);
    assert_eq!(
        (&row["signal"], &row["result"]),
        (&json!(9), &json!("ended by signal 9"))
    );
    let row = run(&["sleep 1000", "--wait", "100ms"], 5);
    assert_eq!(row["error"]["kind"], "timeout");
    guest.shell_ok("killall sleep");
    let row = run(&["--arg", "x", "nonesuch"], 4);
    assert!(
        row["error"]["message"]
            .as_str()
            .unwrap()
            .contains("No such file"),
        "{row}"
    );
}

#[test]
fn what_a_program_printed_is_shown_as_it_came() {
    let guest = lent();
    let (target, name) = (guest.target(), guest.qmp().display().to_string());
    let run = |line: &str| {
        qmpsh(["run", "guest-exec", line, &target])
            .run()
            .expect_code(0)
    };
    let shown = |outcome: &str| {
        let text = outcome.strip_prefix(&format!("--- {name}\n")).unwrap();
        text.split_once("VM  ")
            .map_or(text, |(shown, _)| shown)
            .to_owned()
    };
    for (line, printed) in [
        ("printf '\\n  a\\n\\n\\tb  \\n\\n'", "\n  a\n\n\tb  \n\n"),
        ("printf ' a '", " a \n"),
        ("echo", "\n"),
    ] {
        assert_eq!(shown(&run(line).stdout), printed, "{line}");
        assert_eq!(
            shown(&run(&format!("({line}) >&2")).stderr),
            printed,
            "{line}"
        );
    }

    // Bytes that are no text.
    let line = "printf 'a\\374b'; printf '\\377' >&2";
    let outcome = run(line);
    assert_eq!(shown(&outcome.stdout), "a\u{fffd}b\n");
    assert!(
        outcome.stderr.contains("bytes that are no UTF-8"),
        "{outcome:#?}"
    );
    let outcome = qmpsh(["--json", "run", "guest-exec", line, &target]).run();
    let row = document(&outcome.expect_code(0))[0].clone();
    assert_eq!(
        (&row["stdout_base64"], &row["stderr_base64"]),
        (&json!("Yfxi"), &json!("/w=="))
    );
    let outcome = qmpsh([
        "--json",
        "run",
        "guest-exec",
        "printf '\\303\\274\\357\\277\\275'",
        &target,
    ])
    .run();
    let row = document(&outcome.expect_code(0))[0].clone();
    assert_eq!(
        (&row["stdout"], &row["stdout_base64"]),
        (&json!("ü\u{fffd}"), &Value::Null)
    );
}
