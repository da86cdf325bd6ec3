//! What of the language qmpsh changes: words, numbers, output, `args`, limits.

use qmpsh::report::Exit;
use qmpsh::script::{Ending, Settings};
use rhai::{Dynamic, Map};

use crate::{Stage, failure, value};

#[test]
fn words_of_qmp_are_names() {
    assert_eq!(
        value(
            "let a = #{ sync: \"full\", default: 1, shared: true, if: 2, with: 3 }; `${a.sync}${a.default}${a.if}${a[\"with\"]}`"
        ),
        "full123"
    );
}

#[test]
fn with_stays_a_keyword_elsewhere() {
    assert!(failure("let with = 1;").contains("error: "));
}

#[test]
fn large_integers_pass_through_json_exactly() {
    assert_eq!(
        value(
            "let v = from_json(`{\"a\":18446744073709551615,\"b\":9223372036854775808}`); json(#{a: v.a, b: v.b - 1, c: v.b})"
        ),
        "{\"a\":18446744073709551615,\"b\":9223372036854775807,\"c\":9223372036854775808}"
    );
}

#[test]
fn an_integer_literal_that_does_not_fit_is_no_silent_float() {
    assert!(failure("let x = 18446744073709551615;").contains("18446744073709551615"));
    assert_eq!(
        value("parse_int(\"18446744073709551615\").to_string()"),
        "18446744073709551615"
    );
    assert_eq!(value("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(value("1e19"), "1e19");
}

#[test]
fn json_of_what_has_none_names_the_place() {
    assert!(
        failure("json(#{ a: [|x| x] })").contains("`a[0]` is a function, which has no JSON form")
    );
}

#[test]
fn args_are_seen_everywhere() {
    let args = Map::from([("vm".into(), "web01".into())]);
    let mut stage = Stage::with(Settings {
        called: qmpsh::script::called::Called {
            args: args.into(),
            ..Default::default()
        },
        ..Settings::default()
    });
    assert_eq!(stage.value("fn f() { args.vm } let g = || args.vm; f() + g.call() + args.vm + parallel([1], |x| args.vm)[0].ok"), "web01web01web01web01");
    assert!(stage.failure("args.vm = 1").contains("error: "));
}

#[test]
fn results_and_messages_go_to_their_streams() {
    let mut stage = Stage::new();
    stage.run("print(\"a\"); log(\"b\"); log(2.5); log(#{}); table([#{ n: 1 }]); debug(\"c\");");
    assert_eq!(stage.printed.text(), "a\nN\n1\n");
    assert_eq!(stage.logged.text(), "b\n2.5\n#{}\ntest.rhai:1:63: \"c\"\n");
}

#[test]
fn a_reader_that_went_away_ends_the_run_quietly() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let output = qmpsh::script::output::Output::to(Box::new(Closed), Box::new(std::io::sink()));
    let mut session = qmpsh::script::Session::new(Settings {
        output,
        ..Settings::default()
    })
    .unwrap();
    let outcome = session.run(&qmpsh::script::Source::new("t", "loop { print(1) }"));
    assert!(matches!(outcome.ending, Ending::Signal(13)));
    assert_eq!(outcome.exit(), Exit::Signal(13));
}

#[test]
fn functions_that_call_each_other_for_ever_are_an_error_and_no_crash() {
    assert!(
        failure("fn f(n) { 1 + f(n + 1) } f(0)").contains("functions call each other too deeply")
    );
    assert!(
        failure("let f = |f| f.call(f); f.call(f)")
            .contains("functions call each other too deeply")
    );
    assert!(failure(&format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000))).contains("error: "));
}

#[test]
fn the_deepest_nesting_that_compiles_stays_within_the_stack() {
    for (before, after) in [
        ("{ let x = 1; ", " }"),
        ("switch 1 { 1 => ", ", _ => 0 }"),
        ("(1 + ", ")"),
        ("[1, ", "][1]"),
        ("if true { 1 + ", " } else { 0 }"),
        ("with guard(\"g\", || 0) as g { ", " }"),
    ] {
        let nested = |depth: usize| {
            format!(
                "fn f(n) {{ {}f(n + 1){} }} f(0)",
                before.repeat(depth),
                after.repeat(depth)
            )
        };
        let mut stage = Stage::new();
        let depths: Vec<usize> = (1..100).collect();
        let deepest = depths.partition_point(|depth| {
            !stage
                .failure(&nested(*depth))
                .contains("expression exceeds maximum complexity")
        });
        let shown = stage.failure(&nested(deepest));
        assert!(
            shown.contains("functions call each other too deeply"),
            "{before}: {shown}"
        );
    }
}

#[test]
fn functions_may_call_each_other_a_hundred_deep() {
    assert_eq!(
        value("fn f(n) { if n == 0 { 0 } else { 1 + f(n - 1) } } f(100)"),
        "100"
    );
    assert_eq!(
        value(
            "fn f(n) { if n == 0 { 0 } else { let r = [n].map(|x| timeout(60, || f(x - 1) + 1)); r[0] } } f(5)"
        ),
        "5"
    );
}

#[test]
fn eval_is_off() {
    assert!(failure("eval(\"1\")").contains("eval"));
}

#[test]
fn variables_stay_in_a_session() {
    let mut stage = Stage::new();
    stage.run("let x = 1;");
    assert_eq!(stage.value("x + 1"), "2");
}

#[test]
fn a_line_for_the_kernel_is_skipped_and_counted() {
    assert_eq!(value("#!/usr/bin/env -S qmpsh run\n1"), "1");
    assert!(failure("#!/usr/bin/env -S qmpsh run\nnope").contains("test.rhai:2:1"));
}

#[test]
fn a_returned_value_is_the_value() {
    assert!(
        matches!(Stage::new().run("return 5; 6").ending, Ending::Value(value) if value.as_int() == Ok(5))
    );
    assert!(matches!(
        Stage::new().run("").ending,
        Ending::Value(Dynamic { .. })
    ));
}
