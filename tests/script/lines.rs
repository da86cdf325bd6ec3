//! Lines of a session, as somebody types them: what one leaves to the next.

use qmpsh::script::{Ending, Source};

use super::Stage;

/// A session that is given line after line.
struct Typed {
    stage: Stage,
    count: usize,
}

impl Typed {
    fn new() -> Self {
        Self {
            stage: Stage::new(),
            count: 0,
        }
    }

    fn ending(&mut self, line: &str) -> Ending {
        self.count += 1;
        let name = format!("line {}", self.count);
        self.stage.session.line(&Source::new(name, line)).ending
    }

    /// The line's value as text; an error as it is drawn.
    fn line(&mut self, line: &str) -> String {
        match self.ending(line) {
            Ending::Value(value) => value.to_string(),
            Ending::Failed(failure) => failure.drawn,
            other => format!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect(&mut self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            assert_eq!(self.line(line), *expected, "{line}");
        }
    }
}

#[test]
fn variables_stay_and_can_be_made_anew() {
    Typed::new().expect(&[
        ("let x = 1;", ""),
        ("x += 1; x", "2"),
        ("let x = \"a\";", ""),
        ("x", "a"),
        ("const K = 1;", ""),
        ("K", "1"),
        ("const K = 2;", ""),
        ("K", "2"),
        ("let K = 3; K += 1; K", "4"),
    ]);
}

#[test]
fn functions_stay_call_each_other_and_can_be_made_anew() {
    Typed::new().expect(&[
        ("fn twice(x) { x * 2 }", ""),
        ("twice(4)", "8"),
        ("fn thrice(x) { twice(x) + x }", ""),
        ("thrice(4)", "12"),
        ("fn twice(x) { x * 20 }", ""),
        ("thrice(4)", "84"),
        ("fn twice(x, y) { x + y }", ""),
        ("twice(1) + twice(1, 2)", "23"),
        ("fn all(list) { list.map(|x| twice(x)) }", ""),
        ("all([1, 2])", "[20, 40]"),
    ]);
}

#[test]
fn closures_in_variables_can_be_called_by_later_lines() {
    Typed::new().expect(&[
        ("fn helper(x) { x + 1 }", ""),
        ("let base = 10;", ""),
        ("let add = |x| helper(x) + base;", ""),
        ("add.call(1)", "12"),
        ("base = 20; add.call(1)", "22"),
        ("[1, 2].map(add)", "[22, 23]"),
    ]);
}

#[test]
fn functions_see_constants_of_earlier_and_later_lines() {
    Typed::new().expect(&[
        ("const LIMIT = 5;", ""),
        ("fn limit() { global::LIMIT }", ""),
        ("limit()", "5"),
        ("const LIMIT = 6;", ""),
        ("limit()", "6"),
    ]);
}

#[test]
fn imports_stay_for_lines_and_functions_and_can_be_made_anew() {
    Typed::new().expect(&[
        ("import \"std/time\" as t;", ""),
        ("fn begun() { t::utc(0) }", ""),
        ("t::utc(60)", "1970-01-01T00:01:00Z"),
        ("begun()", "1970-01-01T00:00:00Z"),
        ("let name = \"std/size\"; import name as t;", ""),
        ("name = (); t::human(1024)", "1 KiB"),
    ]);
}

#[test]
fn an_import_in_a_block_ends_with_it() {
    let mut typed = Typed::new();
    typed.line("if true { import \"std/time\" as t; }");
    assert!(
        typed
            .line("t::utc(0)")
            .contains("there is no module `t` here")
    );
}

#[test]
fn a_line_that_fails_leaves_what_it_did_before() {
    let mut typed = Typed::new();
    typed.line("let x = 1;");
    assert!(
        typed
            .line("x = 2; let y = 3; fail(\"no\"); x = 4;")
            .contains("no")
    );
    typed.expect(&[("x", "2"), ("y", "3")]);
    typed.line("for inner in [1] { let inmost = 2; fail(\"no\") }");
    assert!(typed.line("inmost").contains("no variable `inmost`"));
    assert!(typed.line("inner").contains("no variable `inner`"));
    assert!(typed.line("fn f() { 1 } fail(\"no\")").contains("no"));
    assert!(typed.line("f()").contains("there is no function `f()`"));
}

#[test]
fn the_last_value_and_the_last_error_have_names() {
    let mut typed = Typed::new();
    typed.expect(&[
        ("[1, 2, 3]", "[1, 2, 3]"),
        ("let x = 1;", ""),
        ("last.len()", "3"),
        ("last", "3"),
    ]);
    typed.line("fail(\"no disk\")");
    typed.expect(&[
        ("last_error.message", "no disk"),
        ("last_error.kind", "script"),
    ]);
    typed.line("let = ");
    typed.expect(&[("last_error.kind", "usage")]);
}

#[test]
fn an_error_in_a_function_of_an_earlier_line_is_drawn_with_that_line() {
    let mut typed = Typed::new();
    typed.line("fn deep() { fail(\"no disk\") }");
    let drawn = typed.line("1 + 1;\ndeep()");
    assert!(drawn.contains("--> line 1:1:"), "{drawn}");
    assert!(drawn.contains("fn deep() { fail(\"no disk\") }"), "{drawn}");
    assert!(drawn.contains("line 2:2:1"), "{drawn}");
}

#[test]
fn names_of_earlier_lines_are_suggested() {
    let mut typed = Typed::new();
    typed.line("let machines = []; fn reboot_all(x) { x }");
    assert!(typed.line("machine").contains("`machines`"));
    assert!(typed.line("rebot_all(1)").contains("`reboot_all`"));
}

#[test]
fn return_ends_the_line_with_its_value_and_exit_with_its_code() {
    let mut typed = Typed::new();
    typed.expect(&[("if true { return 5 } 6", "5")]);
    assert!(matches!(typed.ending("exit(3)"), Ending::Exit(3, _)));
}

#[test]
fn a_guard_is_held_by_lines_that_succeed_until_it_is_released_or_all_are() {
    let mut typed = Typed::new();
    let held = typed.stage.session.held();
    typed.line("let undone = []; fn undo(name) { print(name) }");
    typed.line("let g = guard(\"the first\", || print(\"first undone\"));");
    typed.line("guard(\"the second\", || print(\"second undone\"))");
    typed.line("1 + 1");
    assert_eq!(held.describe(), ["the first", "the second"]);
    typed.line("guard(\"the third\", || print(\"third undone\")); fail(\"no\")");
    assert_eq!(held.describe(), ["the first", "the second"]);
    assert_eq!(typed.stage.printed.text(), "third undone\n");
    typed.line("g.dismiss()");
    assert_eq!(held.describe(), ["the second"]);
    let outcome = typed.stage.session.release_held();
    assert!(outcome.notes.is_empty());
    assert_eq!(typed.stage.printed.text(), "third undone\nsecond undone\n");
    assert!(held.describe().is_empty());
}

#[test]
fn a_guard_of_an_earlier_line_can_be_given_to_with() {
    let mut typed = Typed::new();
    typed.line("let g = guard(\"it\", || print(\"undone\"));");
    typed.line("with g as again { print(\"inside\") }");
    assert_eq!(typed.stage.printed.text(), "inside\nundone\n");
    assert!(typed.stage.session.held().describe().is_empty());
}

#[test]
fn many_lines_that_shadow_leave_one_variable() {
    let mut typed = Typed::new();
    for _ in 0..50 {
        typed.line("let x = 1; let x = 2; fn f() { 1 }");
    }
    let names: Vec<String> = typed
        .stage
        .session
        .variables()
        .into_iter()
        .map(|variable| variable.name)
        .collect();
    assert_eq!(names, ["x"]);
}
