//! A stop ends whatever the script does.

use std::sync::mpsc;
use std::thread;

use qmpsh::script::Ending;
use qmpsh::script::stop::Cause;

use crate::Stage;

/// Runs `script`, which calls `ready()` once, and stops it there from another thread.
pub(crate) fn stop_at_ready(mut stage: Stage, script: &str) -> Ending {
    let control = stage.session.control();
    let (ready, wait) = mpsc::channel::<()>();
    stage
        .session
        .engine_mut()
        .register_fn("ready", move || ready.send(()).unwrap());
    thread::scope(|threads| {
        threads.spawn(move || {
            wait.recv().unwrap();
            control.run().unwrap().stop().trip(Cause::Signal(2));
        });
        stage.run(script).ending
    })
}

#[test]
fn a_signal_ends_loops_waits_and_workers() {
    for script in [
        "ready(); loop { }",
        "ready(); while true { let x = 1; }",
        "fn f(n) { loop { n += 1; } } ready(); try { f(0) } catch { loop { } }",
        "ready(); for i in 0..9000000000000000 { }",
        "ready(); sleep(3600);",
        "timeout(3600, || { ready(); sleep(3600) })",
        "retry(#{ delay: 3600 }, || { ready(); throw 1 })",
        "parallel([1, 2], |i| { if i == 1 { ready() } sleep(3600) })",
        "parallel([1, 2], |i| { if i == 1 { ready() } loop { } })",
        "try { ready(); sleep(3600) } catch { loop { } }",
        "try { ready(); [1].map(Fn(\"forever\")) } catch { loop { } } fn forever(x) { loop { } }",
    ] {
        assert!(
            matches!(stop_at_ready(Stage::new(), script), Ending::Signal(2)),
            "{script}"
        );
    }
}

#[test]
fn a_session_goes_on_after_a_stopped_run() {
    let mut stage = Stage::new();
    assert!(matches!(
        stage.run("let x = 5; exit(3)").ending,
        Ending::Exit(3, _)
    ));
    assert_eq!(stage.value("x"), "5");
}
