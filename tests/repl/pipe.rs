//! `qmpsh` in a pipe: statements from standard input.

use harness::{Folder, Outcome, Qemu, Qmpsh};

use super::{BOUND, QMPSH};

fn piped(text: &str) -> Outcome {
    Qmpsh::new(QMPSH).stdin(text).deadline(BOUND).run()
}

#[test]
fn statements_are_run_one_after_the_other_without_a_prompt() {
    let outcome = piped("let x = 1;\nfn f(a) {\n    a * 2\n}\nf(x)\n#{ a: x }\n\"text\"\nx;\n");
    assert_eq!(outcome.stdout, "2\n{\"a\":1}\ntext\n", "{outcome:#?}");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
}

#[test]
fn with_json_values_and_errors_are_json() {
    let qmpsh = Qmpsh::new(QMPSH).arg("--json").deadline(BOUND);
    let outcome = qmpsh
        .stdin("let x = 1;\n\"text\"\nprint(x)\nnosuch\n")
        .run();
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert_eq!(outcome.stdout, "\"text\"\n", "{outcome:#?}");
    let (printed, error) = outcome.stderr.split_once('\n').unwrap();
    let error: serde_json::Value = serde_json::from_str(error).unwrap();
    assert_eq!((printed, &error["error"]["kind"]), ("1", &"script".into()));
    let outcome = Qmpsh::new(QMPSH)
        .arg("--json")
        .deadline(BOUND)
        .stdin(":nosuch\n")
        .run();
    let error: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "usage", "{outcome:#?}");
}

#[test]
fn an_empty_input_is_no_error() {
    for text in ["", "\n\n"] {
        let outcome = piped(text);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    }
}

#[test]
fn the_first_error_ends_it_with_the_exit_code_of_a_run_and_undoes_what_is_held() {
    let held = "guard(\"it\", || print(\"undone\"));\n";
    for (text, code, told) in [
        ("fail(\"no\")\nprint(\"not reached\")\n", 1, "error: no"),
        ("let = \nprint(\"not reached\")\n", 2, "error: expecting"),
        (
            ":nonsense\nprint(\"not reached\")\n",
            2,
            "no command `:nonsense`",
        ),
        (
            "vm(\"/nowhere/at/all\").status\nprint(\"not reached\")",
            3,
            "/nowhere/at/all",
        ),
        ("exit(7)\nprint(\"not reached\")\n", 7, ""),
        (":quit\nprint(\"not reached\")\n", 0, ""),
        ("let x = [1,\n", 2, "error: expecting"),
    ] {
        let outcome = piped(&format!("{held}{text}"));
        assert_eq!(outcome.code, Some(code), "{outcome:#?}");
        assert_eq!(outcome.stdout, "undone\n", "{outcome:#?}");
        assert!(outcome.stderr.contains(told), "{outcome:#?}");
    }
}

#[test]
fn commands_tell_their_own_in_a_pipe_too() {
    let outcome = piped("let x = 1;\n\"the last value\";\n:vars\n:held\n");
    let expected =
        "NAME  TYPE    VALUE\nx     int     1\nlast  string  the last value\nnothing is held\n";
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), expected),
        "{outcome:#?}"
    );
}

#[test]
fn a_session_that_makes_no_changes_refuses_them() {
    let run = |option: &str, text: &str| Qmpsh::new(QMPSH).arg(option).stdin(text).run();
    let outcome = run("--read-only", ":shell true\n");
    assert_eq!(outcome.code, Some(6), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("this session is read-only"),
        "{outcome:#?}"
    );
    let outcome = run("--dry-run", "vm(\"/nowhere\").qmp(\"stop\");\n");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("would send to /nowhere"),
        "{outcome:#?}"
    );
}

#[test]
fn input_that_is_no_text_is_told() {
    let outcome = Qmpsh::new(QMPSH).stdin(b"1\n\xff\xfe\n".to_vec()).run();
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("it is not UTF-8 text"),
        "{outcome:#?}"
    );
}

#[test]
fn what_a_session_asks_of_vms_can_be_recorded_and_played_again() {
    let folder = Folder::new();
    let record = folder.join("record");
    let qemu = Qemu::bare().start();
    let target = qemu.qmp().display().to_string();
    let text = format!(":use {target}\nv.status\n:tree\nv.qmp.stop();\nv.status\n");
    let run = |option: &str| {
        let qmpsh = Qmpsh::new(QMPSH).arg(option).arg(&record);
        qmpsh.stdin(text.clone()).deadline(BOUND).run()
    };
    let recorded = run("--record").expect_code(0).stdout.clone();
    drop(qemu);
    assert_eq!(run("--replay").expect_code(0).stdout, recorded);
    assert!(recorded.ends_with("\npaused\n"), "{recorded}");
}
