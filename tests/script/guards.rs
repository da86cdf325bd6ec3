//! `with` and bare guards: the release runs whatever ends the script.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use qmpsh::report::{Exit, Kind, Report};
use qmpsh::script::guard::{Guard, Window, register_guard};
use qmpsh::script::run::current;
use qmpsh::script::stop::Cause;
use qmpsh::script::{Ending, bridge, error};
use rhai::{Engine, EvalAltResult};

use crate::Stage;

/// What happened, in order.
type Story = Arc<Mutex<Vec<String>>>;

struct Held {
    name: String,
    story: Story,
    fails: bool,
    window: Window,
}

impl Guard for Held {
    fn describe(&self) -> String {
        format!("the test's {}", self.name)
    }

    fn release(&self, _: &Engine) -> Result<(), Box<EvalAltResult>> {
        // Waiting here shows that no stop cuts a release off.
        current()?.block_on(self.describe(), bridge::sleep(Duration::from_millis(1)))?;
        self.story
            .lock()
            .unwrap()
            .push(format!("release {}", self.name));
        if self.fails {
            Err(error::thrown(&Report::new(
                Kind::Agent,
                format!("{} stays", self.name),
            )))
        } else {
            Ok(())
        }
    }

    fn window(&self) -> Option<&Window> {
        Some(&self.window)
    }
}

#[derive(Clone)]
struct Handle(Arc<Held>);

fn register(engine: &mut Engine, story: &Story) {
    engine.register_type_with_name::<Handle>("Held");
    register_guard::<Handle>(engine, |handle| handle.0.clone());
    for (function, fails) in [("hold", false), ("hold_badly", true)] {
        let story = story.clone();
        engine.register_fn(function, move |name: &str| {
            let current = current()?;
            let held = Arc::new(Held {
                name: name.to_owned(),
                story: story.clone(),
                fails,
                window: current.window(),
            });
            current.run().keep(held.clone());
            Ok::<_, Box<EvalAltResult>>(Handle(held))
        });
    }
    engine.register_fn("name", |handle: &mut Handle| handle.0.name.clone());
    engine.register_fn("expire", |handle: &mut Handle| {
        handle
            .0
            .window
            .expire(Report::new(Kind::Frozen, "the window expired"));
    });
    let told = story.clone();
    engine.register_fn("tell", move |text: &str| {
        told.lock().unwrap().push(text.to_owned());
    });
    engine.register_fn("panic", || -> () { panic!("on purpose") });
    engine.register_fn("signal", || -> Result<(), Box<EvalAltResult>> {
        current()?.run().stop().trip(Cause::Signal(15));
        Ok(())
    });
}

fn tell(script: &str) -> (Ending, Vec<Report>, String) {
    let story = Story::default();
    let mut stage = Stage::new();
    register(stage.session.engine_mut(), &story);
    let outcome = stage.run(script);
    let story = story.lock().unwrap().join(", ");
    (outcome.ending, outcome.notes, story)
}

fn story(script: &str) -> String {
    tell(script).2
}

#[test]
fn the_release_runs_after_the_block_whatever_ends_it() {
    for (end, after) in [
        ("1", ", after"),
        ("throw \"oops\"", ""),
        ("exit(3)", ""),
        ("return 5", ""),
        ("signal(); loop { }", ""),
        ("signal(); sleep(3600)", ""),
        ("panic()", ""),
        ("nobody()", ""),
        ("f.expire(); loop { }", ""),
        ("f.expire(); sleep(3600)", ""),
    ] {
        let script = format!("with hold(\"a\") as f {{ tell(\"in\"); {end} }} tell(\"after\");");
        assert_eq!(story(&script), format!("in, release a{after}"), "{end}");
        let script = format!("let f = hold(\"a\"); tell(\"in\"); {end}; tell(\"after\");");
        let expected = if after.is_empty() {
            "in, release a"
        } else {
            "in, after, release a"
        };
        assert_eq!(story(&script), expected, "bare, {end}");
    }
}

#[test]
fn a_variable_goes_before_a_function_of_its_name_in_the_block_and_behind_it() {
    let functions =
        "fn disks() { [1, 2] } fn double(x) { x * 2 } fn doubled(list) { list.map(double) }";
    for (script, expected) in [
        (
            "let disks = disks(); with hold(disks[1].to_string()) as f { tell(`${disks}`) } tell(`${disks}`)",
            "[1, 2], release 2, [1, 2]",
        ),
        (
            "with hold(\"a\") as disks { tell(disks.name()) } tell(`${disks()}`)",
            "a, release a, [1, 2]",
        ),
        (
            "with hold(\"a\") as f { let disks = 5; if true { disks += 1; tell(`${disks}`) } }",
            "6, release a",
        ),
        (
            "fn work(disks) { with hold(\"a\") as f { tell(`${disks + 1}`) } disks } tell(`${work(3)}`)",
            "4, release a, 3",
        ),
    ] {
        assert_eq!(
            story(&format!("{functions} {script}")),
            expected,
            "{script}"
        );
    }
    // A function is still a value where no variable is called so, there and in what is called from there.
    let both = "tell(`${[1].map(double)}`); tell(`${doubled([2])}`);";
    assert_eq!(
        story(&format!(
            "{functions} with hold(\"a\") as f {{ {both} }} {both}"
        )),
        "[2], [4], release a, [2], [4]"
    );
    assert!(matches!(
        tell("with hold(\"a\") as f { nobody }").0,
        Ending::Failed(_)
    ));
    assert_eq!(
        story(
            "import \"std/size\" as size; fn f() { 1 } with hold(\"a\") as g { tell(size::human(2)); tell(type_of(f)) }"
        ),
        "2 B, Fn, release a"
    );
}

#[test]
fn loops_go_on_after_break_and_continue_in_the_block() {
    let script = "for i in 0..3 { with hold(`${i}`) as f { if i == 1 { continue } tell(f.name()); if i == 2 { break } } }";
    assert_eq!(story(script), "0, release 0, release 1, 2, release 2");
}

#[test]
fn nested_guards_are_released_last_in_first_out() {
    assert_eq!(
        story(
            "with hold(\"a\") as a { with hold(\"b\") as b { hold(\"c\"); hold(\"d\"); throw 1 } }"
        ),
        "release b, release a, release d, release c"
    );
}

#[test]
fn the_block_sees_and_changes_the_variables_around_it_and_its_value_is_the_value() {
    let (ending, ..) = tell(
        "fn f(x) { let a = 1; with hold(\"g\") as g { let b = 2; a += b + x; } a }
         let y = 10; let v = with hold(\"h\") as h { let z = 1; y += z; `${h.name()}${y}` }; `${v} ${y} ${f(3)}`",
    );
    assert!(
        matches!(&ending, Ending::Value(value) if value.to_string() == "h11 11 6"),
        "{ending:?}"
    );
}

#[test]
fn the_name_ends_with_the_block() {
    let (ending, ..) = tell("with hold(\"g\") as g { } g");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(failure.report.message, "there is no variable `g`");
}

#[test]
fn a_release_that_fails_is_the_error_of_a_block_that_succeeded() {
    for script in [
        "with hold_badly(\"a\") as f { 1 }",
        "hold_badly(\"a\"); 1",
        "fn g() { with hold_badly(\"a\") as f { return 1; } } g()",
    ] {
        let (ending, ..) = tell(script);
        let Ending::Failed(failure) = ending else {
            panic!("{ending:?}")
        };
        assert_eq!(
            (failure.report.kind, failure.report.message.as_str()),
            (Kind::Agent, "a stays")
        );
    }
}

#[test]
fn a_release_that_fails_is_told_beside_the_error_of_the_block() {
    let (ending, notes, _) = tell("with hold_badly(\"a\") as f { fail(\"first\") }");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(failure.report.message, "first; and then: a stays");
    assert!(notes.is_empty());
    let (ending, notes, _) = tell("with hold_badly(\"a\") as f { throw \"first\" }");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(failure.report.message, "first");
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].message, "a stays");
}

#[test]
fn a_release_that_fails_after_exit_or_a_signal_is_told_and_exit_0_is_none() {
    for (end, exit) in [
        ("exit(0)", Exit::Failed),
        ("exit(7)", Exit::Script(7)),
        ("signal(); loop { }", Exit::Signal(15)),
    ] {
        for script in [
            format!("with hold_badly(\"a\") as f {{ {end} }}"),
            format!("hold_badly(\"a\"); {end}"),
        ] {
            let mut stage = Stage::new();
            register(stage.session.engine_mut(), &Story::default());
            let outcome = stage.run(&script);
            assert_eq!(outcome.exit(), exit, "{script}");
            assert_eq!(outcome.notes.len(), 1, "{script}");
        }
    }
}

#[test]
fn a_window_that_ended_is_an_error_that_the_script_can_catch() {
    let (ending, ..) = tell(
        "let r; try { with hold(\"a\") as f { f.expire(); loop { } } } catch (e) { r = e.kind + \": \" + e.message } r",
    );
    assert!(
        matches!(&ending, Ending::Value(value) if value.to_string() == "frozen: the window expired"),
        "{ending:?}"
    );
}

#[test]
fn a_window_that_ended_fails_even_a_block_that_came_to_its_end() {
    for script in [
        "with hold(\"a\") as f { f.expire() }",
        "fn g() { with hold(\"a\") as f { f.expire(); return 1 } } g()",
    ] {
        let (ending, ..) = tell(script);
        let Ending::Failed(failure) = ending else {
            panic!("{script}: {ending:?}")
        };
        assert_eq!(
            (failure.report.kind, failure.report.message.as_str()),
            (Kind::Frozen, "the window expired")
        );
    }
}

#[test]
fn a_bare_guards_window_that_ended_ends_the_script() {
    let (ending, _, story) =
        tell("let f = hold(\"a\"); try { f.expire(); loop { } } catch { tell(\"caught\") }");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(
        (failure.report.kind, failure.report.exit),
        (Kind::Frozen, Exit::Refused)
    );
    assert_eq!(story, "release a");
}

#[test]
fn with_of_something_else_names_its_type() {
    let (ending, ..) = tell("with 5 as f { }");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert!(
        failure
            .drawn
            .contains("`with` needs a guard, and this is a value of type i64"),
        "{}",
        failure.drawn
    );
    assert!(failure.drawn.contains("test.rhai:1:6"), "{}", failure.drawn);
}

#[test]
fn a_panic_is_a_fault_of_ours() {
    let (ending, ..) = tell("panic()");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(failure.report.exit, Exit::Fault);
    assert!(failure.report.message.contains("on purpose"));
}

#[test]
fn a_scripts_own_guard_undoes_whatever_ends_the_script() {
    for (end, after) in [
        ("1", ", after"),
        ("throw \"oops\"", ""),
        ("exit(3)", ""),
        ("signal(); loop { }", ""),
        ("signal(); sleep(3600)", ""),
        ("panic()", ""),
        ("g.dismiss()", ", after"),
    ] {
        let undone = if end == "g.dismiss()" {
            ""
        } else {
            ", undo x, undone"
        };
        let undo = "|| { tell(helper(made)); sleep(0.001); tell(\"undone\") }";
        let script = format!(
            "fn helper(made) {{ `undo ${{made[0]}}` }} let made = [];
             with guard(\"it\", {undo}) as g {{ tell(\"in\"); made.push(\"x\"); {end} }} tell(\"after\");"
        );
        assert_eq!(story(&script), format!("in{undone}{after}"), "{end}");
        let script = format!(
            "fn helper(made) {{ `undo ${{made[0]}}` }} let made = [\"x\"]; let g = guard(\"it\", {undo}); tell(\"in\"); {end};"
        );
        assert_eq!(story(&script), format!("in{undone}"), "bare: {end}");
    }
}

#[test]
fn an_undoing_that_fails_is_shown_with_its_own_place() {
    let (ending, ..) = tell("let a = 1;\nwith guard(\"it\", || fail(\"stuck\")) as g {\n}");
    let Ending::Failed(failure) = ending else {
        panic!("{ending:?}")
    };
    assert!(
        failure.drawn.contains("error: stuck") && failure.drawn.contains("test.rhai:2:21"),
        "{}",
        failure.drawn
    );
}

#[test]
fn a_closure_may_hold_a_with_and_use_its_name() {
    let script = r#"
        let told = [];
        let one = |x| { with guard("it", || ()) as held { [type_of(held), x] } };
        told.push(one.call(1));
        told += parallel([2], |x| { with guard("it", || ()) as win { [type_of(win), x] } })[0].ok;
        told == [["guard", 1], "guard", 2]"#;
    let (ending, ..) = tell(script);
    assert!(
        matches!(ending, Ending::Value(value) if value.as_bool() == Ok(true)),
        "{script}"
    );
}

#[test]
fn a_name_that_nothing_binds_is_still_told_in_a_script_with_a_with() {
    let (ending, ..) = tell("with guard(\"it\", || ()) as held {} print(hold);");
    assert!(matches!(ending, Ending::Failed(failure) if failure.report.message.contains("hold")));
}
