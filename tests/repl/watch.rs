//! `:watch`: on the screen until a key, and below each other where there is no screen.

use harness::{Qemu, Qmpsh, RawQmp, Signal};
use serde_json::Value;

use super::{BOUND, PROMPT, QMPSH, line, terminal};

#[test]
fn a_value_is_shown_again_and_again_with_a_mark_on_what_changed_until_a_key() {
    let qemu = Qemu::bare().monitor("witness").start();
    let mut witness = RawQmp::connect(qemu.monitor("witness"));
    let terminal = terminal();
    let target = qemu.qmp().display().to_string();
    terminal.types(&format!("let v = vm(\"{target}\");\r"));
    terminal.wait_for_end(&format!("\");\n{PROMPT}"));
    terminal.types(":watch 50ms print(\"printed\"); [\"same\", v.status]\r");
    terminal.wait_for("every 50 ms: print(\"printed\"); [\"same\", v.status]");
    terminal.wait_for("  printed\n");
    terminal.wait_for("running]");
    terminal.resize(60, 12);
    witness.call("stop", &Value::Null);
    terminal.wait_for("paused]");
    terminal.types("q");
    // The screen of before is back, with what was seen last.
    terminal.wait_for_end(PROMPT);
    let screen = terminal.screen();
    assert!(
        screen.contains("v.status]\nprinted\n") && !screen.contains("every 50 ms"),
        "{screen}"
    );
    let written = terminal.written();
    assert!(
        written.contains("\n*") && written.contains("\x1b[?1049l"),
        "{written}"
    );
    line(&terminal, "last[1]", "paused\n");
}

#[test]
fn ctrl_c_ends_a_look_that_takes_long_and_an_error_ends_the_watch() {
    let terminal = terminal();
    terminal.types(":watch loop { }\r");
    // The line has a thread once it runs.
    let tasks = format!("/proc/{}/task", terminal.id());
    let runs = || {
        let mut tasks = std::fs::read_dir(&tasks).unwrap().flatten();
        tasks.any(|task| {
            std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "script\n")
        })
    };
    let end = std::time::Instant::now() + BOUND;
    while !runs() {
        assert!(std::time::Instant::now() < end, "it never ran");
        std::thread::yield_now();
    }
    terminal.types("\x03");
    terminal.wait_for_end(&format!(":watch loop {{ }}\ninterrupted\n{PROMPT}"));
    terminal.types(":watch 10ms nobody\r");
    terminal.wait_for("there is no variable `nobody`");
    line(
        &terminal,
        ":watch",
        "error: `:watch` needs something\n  |\nhelp: as in `:watch 2s v.status`\n",
    );
    line(&terminal, "1", "1\n");
}

#[test]
fn a_signal_leaves_the_session_out_of_a_view() {
    let terminal = terminal();
    line(&terminal, "guard(\"it\", || print(\"undone\"));", "");
    terminal.types(":watch 1h 42\r");
    terminal.wait_for("\n  42");
    terminal.signal(Signal::TERM);
    terminal.wait_for("undone");
    assert_eq!(terminal.wait(), Some(143));
}

#[test]
fn in_a_pipe_each_value_is_told_below_its_time() {
    let text = "let n = 0;\n:watch 10ms n += 1; if n == 3 { exit(0) } n\n";
    let outcome = Qmpsh::new(QMPSH).stdin(text).deadline(BOUND).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = outcome
        .stdout
        .lines()
        .map(|line| line.get(..4).unwrap_or(line))
        .collect();
    assert_eq!(lines, ["-- 2", "1", "-- 2", "2", "-- 2"], "{outcome:#?}");
}

#[test]
fn what_is_destructive_is_not_asked_about_nor_sent_and_it_is_told_why() {
    let qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.resize(200, 24);
    let target = qemu.qmp().display().to_string();
    line(&terminal, &format!("let v = vm(\"{target}\");"), "");
    terminal.types(":watch 1s v.qmp.quit()\r");
    terminal.wait_for("nobody is asked while `:watch`");
    terminal.wait_for("`quit` is not sent, for nobody said yes");
    terminal.wait_for_end(PROMPT);
    line(&terminal, "v.status", "running\n");
    // What a command without a reply gives is nothing to show.
    line(&terminal, "v.qmp.stop()", "");
    line(&terminal, "last.len() + #{ a: 1 }.len()", "1\n");
    line(&terminal, "#{}", "{}\n");
}
