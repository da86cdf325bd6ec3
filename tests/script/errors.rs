//! What is shown of an error that ended a script.

use std::fs;

use qmpsh::report::Exit;
use qmpsh::script::{Settings, Source};

use crate::imports::Folder;
use crate::{Stage, failure};

#[track_caller]
fn assert_has(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
}

#[test]
fn the_place_is_marked_and_the_calls_that_led_there_are_shown() {
    let shown = failure(
        "fn inner(x) {\n    fail(\"no disk\");\n}\nfn outer(x) {\n    inner(x);\n}\nouter(1);",
    );
    assert_has(
        &shown,
        &[
            "error: no disk",
            "test.rhai:2:5",
            "^^^^",
            "in the call of `inner`",
            "test.rhai:5:5",
            "in the call of `outer`",
            "test.rhai:7:1",
        ],
    );
}

#[test]
fn the_calls_lead_across_modules_with_their_sources() {
    let folder = Folder::new();
    fs::write(
        folder.path("a.rhai"),
        "import \"b\" as b;\nfn start() {\n    b::begin(|| throw \"deep\")\n}",
    )
    .unwrap();
    fs::write(folder.path("b.rhai"), "fn begin(f) {\n\n    f.call()\n}").unwrap();
    let main = folder.path("main.rhai").display().to_string();
    let mut stage = Stage::new();
    let outcome = stage
        .session
        .run(&Source::new(main, "import \"a\" as a;\n\na::start();"));
    let qmpsh::script::Ending::Failed(failure) = outcome.ending else {
        panic!()
    };
    assert_has(
        &failure.drawn,
        &[
            "error: deep",
            "a.rhai:3:17",
            "in the call of a closure",
            "b.rhai:3:7",
            "a.rhai:3:8",
            "main.rhai:3:4",
        ],
    );
}

#[test]
fn a_long_chain_of_calls_is_cut_in_the_middle() {
    let shown = failure("fn f(n) { if n == 0 { throw \"end\" } f(n - 1) } f(50)");
    assert_has(&shown, &["error: end", "more calls are not shown"]);
    assert!(shown.lines().count() < 100, "{shown}");
}

#[test]
fn an_unknown_function_names_the_nearest_or_its_other_forms() {
    assert_has(
        &failure("slepe(1)"),
        &["there is no function `slepe(i64)`", "did you mean `sleep`?"],
    );
    assert_has(
        &failure("fn helper(a, b) { } helper(1)"),
        &["`helper` is written with other arguments", "helper(a, b)"],
    );
    assert_has(
        &failure("parallel(1)"),
        &["parallel(items: array, options: map, work: Fn)"],
    );
    assert_has(
        &failure("import \"std/size\" as size; size::humna(1)"),
        &["did you mean `human`?"],
    );
    assert_has(
        &failure("import \"std/size\" as size; size::human()"),
        &["size::human(bytes)"],
    );
}

#[test]
fn an_unknown_variable_names_the_nearest() {
    assert_has(
        &failure("let disks = 1;\ndisk + 1"),
        &[
            "there is no variable `disk`",
            "test.rhai:2:1",
            "did you mean `disks`?",
        ],
    );
    assert_has(
        &failure("fn f(target) { tagret }\nf(1)"),
        &["did you mean `target`?"],
    );
    assert_has(&failure("arg.vm"), &["did you mean `args`?"]);
}

#[test]
fn a_script_that_does_not_compile_shows_where_and_exits_with_2() {
    let mut stage = Stage::new();
    let outcome = stage.run("let x = 1;\nlet y = ;\n");
    assert_eq!(outcome.exit(), Exit::Usage);
    let qmpsh::script::Ending::Failed(failure) = outcome.ending else {
        panic!()
    };
    assert_has(&failure.drawn, &["error: ", "test.rhai:2:9"]);
}

/// Functions for what goes wrong further down.
const CALLED: &str = "fn f(x) { helprr(x) } fn helper(x) { x } fn g(x) { [x].map(|y| y.nosuch) } ";

/// Mistakes that Rhai finds, and what is told of each.
const MISTAKES: [(&str, &str, &str); 18] = [
    (
        "slepe(1)",
        "no function `slepe(i64)`",
        "did you mean `sleep`?",
    ),
    (
        "sleep(1, 2, 3)",
        "no function `sleep(i64, i64, i64)`",
        "with other arguments",
    ),
    (
        "f(3)",
        "no function `helprr(i64)`",
        "did you mean `helper`?",
    ),
    ("g(2)", "no `nosuch` in a value of type i64", ""),
    (
        "import \"std/size\" as size; size::humna(1)",
        "no function",
        "`human`?",
    ),
    (
        "let disks = 1; disk",
        "no variable `disk`",
        "did you mean `disks`?",
    ),
    ("#{}.a.b", "no `b` in nothing", "a map gives `()`"),
    ("[1][5]", "array index 5 out of bounds", ""),
    ("\"a\"[7]", "string index 7 out of bounds", ""),
    ("1 / 0", "division by zero", ""),
    ("parse_int(\"x\")", "`x` is no integer", ""),
    (
        "1 + \"a\" * 2",
        "`*` is not possible with string and i64",
        "",
    ),
    ("-\"a\"", "`-` is not possible with string", ""),
    (
        "let x = 5; x.call()",
        "a function is needed here",
        "`command`",
    ),
    (
        "nosuch::x()",
        "there is no module `nosuch` here",
        "imports it",
    ),
    (
        "let a = [1]; a.map(|x| a.push(x))",
        "while a method of it runs",
        "copy it",
    ),
    ("let x = 1; x.y = 5", "writable property 'y'", ""),
    (
        "let k = 1; fn h(x) { x.k.k } h(#{})",
        "no `k` in nothing",
        "before it",
    ),
];

#[test]
fn what_is_caught_of_a_mistake_is_what_the_terminal_would_show() {
    for (mistake, message, hint) in MISTAKES {
        let (functions, statement) = match mistake.split_once("fn h") {
            None => (CALLED.to_owned(), mistake.to_owned()),
            Some((before, rest)) => {
                let (body, call) = rest.split_once("} ").unwrap();
                (format!("{CALLED}fn h{body}}} "), format!("{before}{call}"))
            }
        };
        let mut stage = Stage::new();
        let outcome = stage.run(&format!("{functions}{statement}"));
        let qmpsh::script::Ending::Failed(shown) = outcome.ending else {
            panic!("{mistake}")
        };
        let caught = Stage::new().value(&format!(
            "{functions} let caught; try {{ {statement} }} catch (err) {{
                caught = `${{err.kind}}|${{err.message}}|${{err.hint ?? \"\"}}|${{err.error ?? \"\"}}`
            }} caught"
        ));
        let hinted = shown.report.hint.unwrap_or_default();
        assert_eq!(
            caught,
            format!("script|{}|{hinted}|", shown.report.message),
            "{mistake}"
        );
        assert!(caught.contains(message), "{mistake}: {caught}");
        assert!(
            hinted.contains(hint) && hint.is_empty() == hinted.is_empty(),
            "{mistake}: {hinted}"
        );
    }
}

#[test]
fn a_mistake_that_was_caught_is_one_wherever_it_is_looked_at() {
    for (script, seen) in [
        (
            "try { slepe(1) } catch (e) { [1].for_each(|| print(e.kind)) }",
            "script",
        ),
        (
            "fn f(e) { e.kind } try { slepe(1) } catch (err) { print(f(err)) }",
            "script",
        ),
        (
            "try { slepe(1) } catch (e) { let copy = e; print(copy.hint) }",
            "did you mean `sleep`?",
        ),
        (
            "try { try { slepe(1) } catch (e) { throw e } } catch (e) { print(e.kind) }",
            "script",
        ),
        // A script's own map is left as it is.
        (
            "try { throw #{ error: \"Error!\", message: \"x\", kind: \"mine\" } } catch (e) { print(e.kind) }",
            "mine",
        ),
        (
            "try { throw #{ error: \"mine\", message: \"x\" } } catch (e) { print(e.error) }",
            "mine",
        ),
    ] {
        let mut stage = Stage::new();
        stage.run(script);
        assert_eq!(stage.printed.text().trim_end(), seen, "{script}");
    }
}

#[test]
fn a_word_that_cannot_name_a_function_is_said_to_be_kept_by_rhai() {
    for script in ["fn go() { 1 }", "let a = 1;\nfn  sync (x) { x }"] {
        assert_has(
            &failure(script),
            &["cannot name a function", "Rhai keeps the word"],
        );
    }
    let shown = failure("fn 5() { }");
    assert!(!shown.contains("Rhai keeps"), "{shown}");
}

#[test]
fn a_value_used_while_its_method_runs_says_how_to_write_it() {
    let shown = failure("let a = [1]; a.map(|x| a.push(x))");
    assert_has(
        &shown,
        &[
            "a value is used while a method of it runs",
            "copy it to another variable first",
        ],
    );
}

#[test]
fn control_characters_are_shown_and_do_not_act() {
    let shown = failure("throw \"a\\x1b[2Jb\"");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert_has(&shown, &["a\\x1b[2Jb"]);
    let shown = failure("let x = \"\u{1b}[31m\"; nope");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn colour_comes_only_when_asked_for() {
    let mut stage = Stage::with(Settings {
        color: true,
        ..Settings::default()
    });
    assert!(stage.failure("nope").contains('\u{1b}'));
    assert!(!failure("nope").contains('\u{1b}'));
}

#[test]
fn what_a_script_throws_is_never_shown_as_a_raw_map() {
    let shown = failure(
        "throw #{ kind: \"qmp\", message: \"`eject` failed\", class: \"GenericError\", desc: \"is locked\", command: \"eject\", vm: \"web01\", hint: \"use force\" }",
    );
    assert_has(
        &shown,
        &[
            "error: `eject` failed",
            "vm: web01",
            "class: GenericError",
            "desc: is locked",
            "use force",
        ],
    );
    assert!(!shown.contains("error: #{"), "{shown}");
}

#[test]
fn a_property_that_a_value_does_not_have_names_the_nearest_its_method_or_all() {
    for (script, parts) in [
        (
            "vm(\"/x\").nmae",
            [
                "there is no `nmae` in a value of type vm",
                "did you mean `name`?",
            ],
        ),
        (
            "vm(\"/x\").agent.pign",
            ["type agent", "did you mean `ping(...)`?"],
        ),
        (
            "vm(\"/x\").agent.ping",
            ["`ping`", "it is a method: `ping(...)`"],
        ),
        (
            "vm(\"/x\").disk_images",
            ["type vm", "it has `agent`, `migration`,"],
        ),
        (
            "let m = #{}; m.a.b",
            ["no `b` in nothing", "a key that it does not have"],
        ),
    ] {
        assert_has(&failure(script), &parts);
    }
}

#[test]
fn an_option_that_a_function_does_not_take_names_the_nearest() {
    for (script, parts) in [
        (
            "parallel([1], #{ job: 2 }, |x| x)",
            ["parallel: there is no option `job`", "did you mean `jobs`?"],
        ),
        (
            "retry(#{ often: 3 }, || 1)",
            ["there is no option `often`", "it takes `times`, `delay`"],
        ),
        (
            "retry(#{ times: 0 }, || 1)",
            ["retry: `times` is a number from 1 up, not 0", "test.rhai:1"],
        ),
        (
            "parallel([1], #{ fail_fast: 1 }, |x| x)",
            ["`fail_fast` is true or false, not 1", "test.rhai:1"],
        ),
        (
            "vm(\"/x\").agent.fsfreeze(#{ max: \"long\" })",
            ["fsfreeze: `max`: `long` is no length", "test.rhai:1"],
        ),
        (
            "vm(\"/x\").agent.exec(\"a\", [], #{ env: 1 })",
            ["exec: `env` is a map", "not a value of type i64"],
        ),
        (
            "vm(\"/x\").job(\"j\").wait(#{ tiemout: 1 })",
            ["wait: there is no option", "did you mean `timeout`?"],
        ),
    ] {
        assert_has(&failure(script), &parts);
    }
}
