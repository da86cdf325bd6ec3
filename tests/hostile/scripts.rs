//! Scripts that are none, that do not compile, or whose header is wrong; and command lines that are.

use std::fs;

use harness::{Folder, Outcome};

use super::{eval, fails, prints, qmpsh};

/// A run of a script of this text.
fn run(text: impl AsRef<[u8]>) -> Outcome {
    let folder = Folder::new();
    let file = folder.join("x.rhai");
    fs::write(&file, text).unwrap();
    qmpsh()
        .current_dir(folder.path())
        .args(["run", "x.rhai"])
        .run()
}

#[test]
fn a_script_that_does_not_compile_shows_where() {
    for (text, words) in [
        ("let x = 1;\nlet y = ;\n", ["x.rhai:2:9", "unexpected ';'"]),
        ("if true {\n  1 +\n}\n", ["x.rhai:3:1", "error: "]),
        ("print(\"open", ["x.rhai:1:7", "error: "]),
        ("fn f( {\n", ["x.rhai:1:7", "error: "]),
        ("let x = \u{0}1;", ["x.rhai:1:", "error: "]),
        ("\u{202e}", ["x.rhai:1:1", "error: "]),
    ] {
        fails(&run(text), 2, &words);
    }
    let nested = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    fails(&run(nested), 2, &["error: "]);
}

#[test]
fn what_is_no_script_says_why() {
    fails(
        &run(b"let x = 1;\n\xff\xfe"),
        2,
        &["`x.rhai` is not UTF-8 text: see line 2"],
    );
    fails(&run(""), 2, &["`x.rhai` is empty"]);
    fails(&run(" \n\t\n"), 2, &["`x.rhai` is empty"]);
    let folder = Folder::new();
    let outcome = qmpsh().arg("run").arg(folder.path()).run();
    fails(&outcome, 2, &["cannot be read", "directory"]);
    fails(
        &qmpsh().args(["run", "./none.rhai"]).run(),
        2,
        &["there is no file `./none.rhai`"],
    );
    // A disk's image, by mistake.
    fs::write(folder.join("huge.rhai"), vec![b' '; 5 << 20]).unwrap();
    for line in [["run", "/dev/zero"], ["run", "huge.rhai"]] {
        let outcome = qmpsh().current_dir(folder.path()).args(line).run();
        fails(&outcome, 2, &["larger than 4 MiB, and no script"]);
        super::is_modest(&outcome);
    }
    let outcome = qmpsh()
        .current_dir(folder.path())
        .args(["eval", "import \"huge\" as huge;"])
        .run();
    fails(&outcome, 1, &["huge.rhai", "larger than 4 MiB"]);
    fails(&qmpsh().args(["run", "/dev/null"]).run(), 2, &["is empty"]);
    fails(
        &qmpsh().args(["run", "-"]).stdin(b"\xff".as_slice()).run(),
        2,
        &["`<stdin>` is not UTF-8"],
    );
}

#[test]
fn an_unknown_ready_made_script_suggests_the_nearest() {
    for command in ["run", "scripts"] {
        let outcome = qmpsh().args([command, "freeze-snapshot-thw"]).run();
        fails(
            &outcome,
            2,
            &[
                "no ready-made script",
                "did you mean `freeze-snapshot-thaw`?",
            ],
        );
    }
    let outcome = qmpsh().args(["run", "zzz"]).run();
    fails(&outcome, 2, &["`qmpsh scripts` lists"]);
}

#[test]
fn a_wrong_header_is_shown_with_its_line_before_anything_runs() {
    for (header, words) in [
        (
            "//! Do.\n//! [args]\n//! vm = { type = \"vmm\" }\n",
            ["x.rhai:3:1", "no type `vmm`", "did you mean `vm`?"],
        ),
        (
            "//! Do.\n//! [arggs]\n",
            ["x.rhai:2:1", "`arggs`", "did you mean `args`?"],
        ),
        (
            "//! Do.\n//! [args]\n//! vm = { type = \n",
            ["x.rhai:3:1", "the header is wrong", "inline table"],
        ),
        (
            "//! Do.\n//! [allow]\n//! reed = [\"/x\"]\n",
            ["x.rhai:3:1", "`reed`", "did you mean `read`?"],
        ),
        (
            "//! Do.\n//! [args]\n//! n = { type = \"int\", default = \"many\" }\n",
            ["x.rhai:3:1", "many", "the header is wrong"],
        ),
        (
            "//! Do.\n//! [allow]\n//! read = [\"{dirr}\"]\n",
            ["x.rhai:3:1", "dirr", "the header is wrong"],
        ),
    ] {
        fails(&run(format!("{header}\nprint(\"it ran\");")), 2, &words);
    }
}

#[test]
fn arguments_that_the_header_does_not_declare_are_refused() {
    for (words, told) in [
        (&["run", "guest-report"][..], "<VM>"),
        (
            &["run", "guest-report", "a", "b"],
            "unexpected argument 'b'",
        ),
        (
            &["run", "freeze-snapshot-thaw", "/x", "--quiesce", "maybe"],
            "not one of require, prefer, no",
        ),
        (
            &["run", "freeze-snapshot-thaw", "/x", "--diskk", "a"],
            "--diskk",
        ),
    ] {
        fails(&qmpsh().args(words).run(), 2, &[told, "--help"]);
    }
}

#[test]
fn wrong_options_and_commands_are_refused() {
    for (words, told) in [
        (&["nosuch"][..], "unrecognized subcommand 'nosuch'"),
        (&["eval"], "<EXPR>"),
        (&["run"], "SCRIPT"),
        (&["--timeout", "soon", "eval", "1"], "no length of time"),
        (&["--timeout=-1s", "eval", "1"], "no length of time"),
        (&["--timeout", "1e300", "eval", "1"], "no length of time"),
        (&["--timeout", "0", "eval", "1"], "longer than 0"),
        (&["--color", "mauve", "eval", "1"], "mauve"),
        (&["thaw"], "VM"),
        (&["thaw", "--stale", "/x"], "--stale"),
    ] {
        fails(&qmpsh().args(words).run(), 2, &[told]);
    }
    let no_text: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff");
    fails(
        &qmpsh().args(["eval", "1"]).arg(no_text).run(),
        2,
        &["invalid UTF-8"],
    );
    fails(
        &qmpsh().arg("run").arg(no_text).run(),
        2,
        &["no file `\u{fffd}`"],
    );
    fails(
        &qmpsh().args(["thaw", ""]).run(),
        2,
        &["the VM's name is empty"],
    );
    fails(
        &qmpsh().args(["thaw", "web01"]).run(),
        3,
        &["no VM is called `web01`"],
    );
    fails(
        &qmpsh().args(["thaw", "agent=/none"]).run(),
        3,
        &["no such socket"],
    );
}

#[test]
fn a_missing_module_lists_where_it_was_looked_for() {
    let outcome = run("\nimport \"none\" as none;");
    fails(
        &outcome,
        1,
        &[
            "x.rhai:2:8",
            "there is no module `none`",
            "none.rhai",
            "config/qmpsh/lib/none.rhai",
        ],
    );
    let outcome = eval("import \"std/snapsot\" as s;");
    fails(&outcome, 1, &["did you mean `std/snapshot`?"]);
    fails(
        &eval("import \"../../../etc/passwd\" as s;"),
        1,
        &["there is no module"],
    );
    fails(&eval("import \"\" as s;"), 1, &["there is no module"]);
}

#[test]
fn modules_that_import_each_other_are_shown_as_a_circle() {
    let folder = Folder::new();
    for (name, text) in [
        ("main.rhai", "import \"a\" as a;"),
        ("a.rhai", "import \"b\" as b;"),
        ("b.rhai", "import \"a\" as a;"),
        ("self.rhai", "import \"self\" as me;"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    for (script, circle) in [
        ("main.rhai", "a.rhai -> b.rhai -> a.rhai"),
        ("self.rhai", "self.rhai -> self.rhai"),
    ] {
        let outcome = qmpsh()
            .current_dir(folder.path())
            .args(["run", script])
            .run();
        fails(&outcome, 1, &["in a circle", circle]);
    }
}

#[test]
fn a_script_is_run_by_its_first_line_too() {
    prints(&run("#!/usr/bin/env -S qmpsh run\nprint(1);"), "1\n");
    prints(&run("\u{feff}print(1);"), "1\n");
    prints(&run("print(1);\r\nprint(2);\r\n"), "1\n2\n");
}

#[test]
fn the_scripts_own_end_is_the_processs() {
    for (script, code) in [
        ("exit(0)", 0),
        ("exit(7)", 7),
        ("exit(255)", 255),
        ("try { exit(7) } catch { exit(8) }", 7),
        ("parallel([1, 2], |x| exit(9))", 9),
    ] {
        let outcome = eval(script);
        assert_eq!(outcome.code, Some(code), "{script}: {outcome:#?}");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    }
    for (script, code, words) in [
        ("fail(\"no disk\")", 1, "no disk"),
        ("throw \"oops\"", 1, "oops"),
        ("exit(256)", 1, "0 to 255, not 256"),
        ("exit(-1)", 1, "not -1"),
        ("nobody()", 1, "there is no function `nobody()`"),
        (
            "timeout(\"50ms\", || sleep(\"1h\"))",
            5,
            "it took longer than 50 ms",
        ),
        (
            "timeout(\"50ms\", || loop { })",
            5,
            "it took longer than 50 ms",
        ),
        (
            "throw #{ kind: \"frozen\", message: \"still\" }",
            4,
            "still",
        ),
        ("throw #{ kind: \"no such\", message: \"x\" }", 1, "x"),
        ("throw #{ kind: 7 }", 1, "kind"),
        (
            "throw #{ kind: \"agent\", message: \"x\", exit: 0 }",
            4,
            "x",
        ),
        ("throw", 1, "without saying why"),
        (
            "throw vm(\"/x\")",
            1,
            "threw what is no error: the value is a Vm",
        ),
    ] {
        fails(&eval(script), code, &[words]);
    }
}

#[test]
fn json_stands_alone_on_standard_output() {
    let outcome = qmpsh()
        .args([
            "--json",
            "eval",
            "print(\"said\"); #{ a: [1, \"b\"], big: parse_int(\"18446744073709551615\") }",
        ])
        .run();
    assert_eq!(
        outcome.stdout,
        "{\"a\":[1,\"b\"],\"big\":18446744073709551615}\n"
    );
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), "said\n"));
    let outcome = qmpsh()
        .args(["--json", "eval", "print(\"said\"); fail(\"no\")"])
        .run();
    fails(&outcome, 1, &["said", "no"]);
    prints(&qmpsh().args(["--json", "eval", "()"]).run(), "null\n");
}

#[test]
fn lengths_without_end_are_errors_at_once() {
    for script in [
        "let s = \"\"; s.pad(9223372036854775807, 'x')",
        "let a = []; a.pad(9223372036854775807, 0)",
        "blob(9223372036854775807)",
    ] {
        let outcome = eval(script);
        fails(&outcome, 1, &["9223372036854775807 is too long"]);
        super::is_modest(&outcome);
    }
}

#[test]
fn work_without_end_is_an_error_and_no_crash() {
    for script in [
        "fn f(n) { 1 + f(n + 1) } f(0)",
        "let f = |f| f.call(f); f.call(f)",
        "fn f() { g() } fn g() { f() } f()",
    ] {
        let outcome = eval(script);
        assert_eq!(outcome.code, Some(1), "{script}: {outcome:#?}");
    }
}
