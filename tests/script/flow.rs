//! `sleep`, `timeout`, `retry`, `fail`, `exit`.

use qmpsh::report::{Exit, Kind};
use qmpsh::script::Ending;

use crate::{Stage, failure, value};

#[test]
fn a_timeout_ends_loops_and_waits_with_an_error_that_can_be_caught() {
    for work in [
        "loop { }",
        "sleep(3600)",
        "try { sleep(3600) } catch { loop { } }",
        "parallel([1], |x| sleep(3600))",
        "timeout(3600, || sleep(3600))",
    ] {
        let script = format!(
            "let r; try {{ timeout(\"20ms\", || {{ {work} }}) }} catch (e) {{ r = `${{e.kind}}: ${{e.message}}` }} r"
        );
        assert_eq!(
            value(&script),
            "timeout: it took longer than 20 ms",
            "{work}"
        );
    }
}

#[test]
fn an_uncaught_timeout_ends_the_process_with_its_code() {
    let outcome = Stage::new().run("timeout(\"1ms\", || loop { })");
    assert_eq!(outcome.exit(), Exit::Deadline);
}

#[test]
fn only_the_timeout_that_passed_throws() {
    let script = "let r; try { timeout(\"20ms\", || { try { timeout(3600, || loop { }) } catch { r = \"inner\" } }) } catch (e) { r = e.message } r";
    assert_eq!(value(script), "it took longer than 20 ms");
    let script = "timeout(3600, || { let r; try { timeout(\"20ms\", || loop { }) } catch (e) { r = e.message } r })";
    assert_eq!(value(script), "it took longer than 20 ms");
}

#[test]
fn work_in_time_gives_its_value_and_its_own_errors() {
    assert_eq!(value("timeout(3600, || 42)"), "42");
    assert_eq!(
        value("let r; try { timeout(3600, || throw \"mine\") } catch (e) { r = e } r"),
        "mine"
    );
}

#[test]
fn retry_ends_with_the_first_success_or_the_last_error() {
    assert_eq!(
        value("let n = 0; retry(#{ times: 5, delay: 0 }, || { n += 1; if n < 3 { throw n } n })"),
        "3"
    );
    assert_eq!(
        value(
            "let r; try { retry(#{ times: 2, delay: 0 }, |n| throw `try ${n}`) } catch (e) { r = e } r"
        ),
        "try 2"
    );
    assert_eq!(
        value(
            "let r; try { retry(#{ times: 2, delay: 0 }, |n| fail(`try ${n}`)) } catch (e) { r = e.message } r"
        ),
        "try 2"
    );
}

#[test]
fn retry_does_not_try_again_after_exit() {
    let outcome = Stage::new().run("retry(#{ delay: 0 }, || exit(4))");
    assert!(matches!(outcome.ending, Ending::Exit(4, _)));
}

#[test]
fn exit_ends_the_script_from_any_depth_and_nothing_swallows_it() {
    for script in [
        "exit(7)",
        "fn f() { exit(7) } try { f() } catch { exit(8) }",
        "timeout(3600, || exit(7)); exit(8)",
        "[1].map(|x| exit(7)); exit(8)",
        "try { [1].map(Fn(\"f\")) } catch { } exit(8); fn f(x) { exit(7) }",
        "parallel([1, 2, 3], |x| if x == 2 { exit(7) } else { sleep(3600) }); exit(8)",
    ] {
        assert!(
            matches!(Stage::new().run(script).ending, Ending::Exit(7, _)),
            "{script}"
        );
    }
    assert!(matches!(
        Stage::new().run("exit()").ending,
        Ending::Exit(0, _)
    ));
}

#[test]
fn exit_may_give_the_run_a_value() {
    let outcome = Stage::new().run("parallel([1], |x| exit(4, [x, 2])); 3");
    assert_eq!(outcome.value().unwrap().to_string(), "[1, 2]");
    assert_eq!(outcome.exit().code(), 4);
    assert!(Stage::new().run("exit(4)").value().is_none());
}

#[test]
fn exit_takes_a_processs_codes_only() {
    assert!(failure("exit(256)").contains("exit: a process's exit code is 0 to 255, not 256"));
    assert!(failure("exit(-1)").contains("not -1"));
}

#[test]
fn fail_ends_with_code_1_and_its_text() {
    let outcome = Stage::new().run("fail(\"no disk\")");
    assert_eq!(outcome.exit(), Exit::Failed);
    let Ending::Failed(failure) = outcome.ending else {
        panic!()
    };
    assert_eq!(
        (failure.report.kind, failure.report.message.as_str()),
        (Kind::Script, "no disk")
    );
}

#[test]
fn a_wrong_time_or_option_is_named() {
    assert!(failure("sleep(\"soon\")").contains("sleep: `soon` is no length of time"));
    assert!(failure("sleep(-1)").contains("sleep: `-1` is no length of time"));
    assert!(failure("timeout([], || 1)").contains("timeout: `[]` is no length of time"));
    assert!(failure("retry(#{ tmies: 3 }, || 1)").contains("there is no option `tmies`"));
    assert!(failure("retry(#{ times: 0 }, || 1)").contains("`times` is a number from 1 up, not 0"));
}
