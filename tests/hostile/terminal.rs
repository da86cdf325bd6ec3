//! What a guest sends never reaches a terminal as control characters, and a pipe gets it as it is.

use std::fs;

use harness::{FakePeer, HostAgent, Outcome, Qmpsh};
use serde_json::json;

use super::{BOUND, QMPSH, agent_at, ask, qmpsh};

/// Clears the screen, by one byte too; sets the title; turns the reading direction; rings.
const NASTY: &str = "a\u{1b}[2J\u{9b}31m\u{1b}]0;owned\u{7}\u{202e}\r\u{8}\u{7f}b";
/// How a terminal shows it.
const SHOWN: &str = "a\\x1b[2J\\x9b31m\\x1b]0;owned\\x07\\u{202e}\\r\\x08\\x7fb";

/// A run on a pseudo-terminal; its output is that of both streams.
fn on_terminal(arguments: &[&str]) -> Outcome {
    let quoted = |word: &&str| format!("'{}'", word.replace('\'', "'\\''"));
    let line: Vec<String> = [QMPSH].iter().chain(arguments).map(quoted).collect();
    Qmpsh::new("/usr/bin/script")
        .args(["-qec", &line.join(" "), "/dev/null"])
        .deadline(BOUND)
        .run()
}

#[track_caller]
fn is_shown(outcome: &Outcome, code: i32) {
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert!(outcome.stdout.contains(SHOWN), "{outcome:#?}");
    is_plain(outcome);
}

#[track_caller]
fn is_plain(outcome: &Outcome) {
    let acts = |next: char| {
        (next.is_control() && !matches!(next, '\n' | '\r' | '\t')) || next == '\u{202e}'
    };
    // A terminal's lines end in both, and nothing else may return the carriage.
    let text = outcome.stdout.replace("\r\n", "\n");
    assert!(!text.contains(acts) && !text.contains('\r'), "{text:?}");
}

#[test]
fn a_guest_files_content_is_shown_escaped_and_piped_as_it_is() {
    let agent = HostAgent::start();
    fs::write(agent.folder().join("nasty"), NASTY).unwrap();
    let target = agent_at(&agent.socket());
    let path = agent.folder().join("nasty").display().to_string();
    let read = format!("vm(args[0]).agent.file_read(\"{path}\")");
    let print = format!("print({read})");
    let log = format!("log({read})");
    let fail = format!("fail({read})");
    let throw = format!("throw {read}");
    let table = format!("table([#{{ name: {read} }}])");
    for (script, code) in [
        (&read, 0),
        (&print, 0),
        (&log, 0),
        (&table, 0),
        (&fail, 1),
        (&throw, 1),
    ] {
        is_shown(
            &on_terminal(&["--color", "never", "eval", script, "--", &target]),
            code,
        );
    }
    let debug = format!("debug({read})");
    is_plain(&on_terminal(&["eval", &debug, "--", &target]));
    let value = format!("#{{ a: {read} }}");
    is_plain(&on_terminal(&["eval", &value, "--", &target]));
    is_plain(&on_terminal(&["--json", "eval", &read, "--", &target]));
    assert_eq!(ask(&target, &print).stdout, format!("{NASTY}\n"));
    assert_eq!(ask(&target, &read).stdout, format!("{NASTY}\n"));
}

#[test]
fn a_programs_output_is_shown_escaped_and_piped_as_it_is() {
    let agent = HostAgent::start();
    let target = agent_at(&agent.socket());
    let script = format!("vm(args[0]).agent.exec(\"printf\", [\"%s\", \"{NASTY}\"]).stdout");
    is_shown(&on_terminal(&["eval", &script, "--", &target]), 0);
    assert_eq!(ask(&target, &script).stdout, format!("{NASTY}\n"));
    let script =
        format!("vm(args[0]).agent.shell(\"printf %s '{NASTY}' >&2; exit 1\", #{{ check: true }})");
    is_plain(&on_terminal(&["eval", &script, "--", &target]));
}

#[test]
fn an_errors_words_from_a_guest_are_shown_on_one_line() {
    let desc = format!("{NASTY}\nerror: forged");
    for arguments in [&[][..], &["-v"], &["--color", "always"]] {
        let agent = FakePeer::builder()
            .synchronise()
            .expect("guest-get-osinfo")
            .reply_error(NASTY, &desc)
            .start();
        let target = agent_at(&agent.socket());
        let mut line = arguments.to_vec();
        line.extend(["eval", "vm(args[0]).agent.osinfo()", "--", &target]);
        let outcome = on_terminal(&line);
        assert_eq!(outcome.code, Some(4), "{outcome:#?}");
        assert!(
            outcome.stdout.contains(&format!("{SHOWN}\\nerror: forged")),
            "{outcome:#?}"
        );
        if !arguments.contains(&"always") {
            is_plain(&outcome);
        }
        // Errors are for people even in a pipe.
        agent.finish();
    }
}

#[test]
fn a_ready_made_report_shows_a_guests_names_escaped() {
    let os = json!({ "id": NASTY, "name": NASTY, "pretty-name": NASTY, "kernel-release": NASTY, "version-id": NASTY, "machine": NASTY });
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-get-osinfo")
        .reply(os)
        .expect("guest-get-host-name")
        .reply(json!({ "host-name": NASTY }))
        .start();
    let script = "let a = vm(args[0]).agent; let os = a.osinfo(); print(os[\"pretty-name\"]); print(os); print(a.hostname())";
    let target = agent_at(&agent.socket());
    let outcome = on_terminal(&["eval", script, "--", &target]);
    is_shown(&outcome, 0);
    agent.finish();
}

#[test]
fn names_on_this_host_are_shown_escaped_too() {
    let folder = harness::Folder::new();
    let file = folder.join("a\u{1b}[31mb.rhai");
    let name = file.to_str().unwrap();
    let missing = qmpsh().args(["run", name]).run();
    super::fails(&missing, 2, &["a\\x1b[31mb.rhai"]);
    for text in ["let x = ;", "nobody()", "//! X.\n//! [arggs]", ""] {
        fs::write(&file, text).unwrap();
        let outcome = qmpsh().args(["run", name]).run();
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome:#?}");
        assert!(outcome.stderr.contains("a\\x1b[31mb.rhai"), "{outcome:#?}");
        super::is_fit_for_people(&outcome);
    }
    let outcome = qmpsh()
        .args(["eval", "vm(args[0]).status", "--", "/\u{1b}[2J\u{9b}"])
        .run();
    super::fails(&outcome, 3, &["/\\x1b[2J\\x9b"]);
    super::is_fit_for_people(
        &qmpsh()
            .args(["eval", "vm(args[0]).status", "--", "\u{1b}[2J"])
            .run(),
    );
    super::is_fit_for_people(&qmpsh().args(["\u{1b}[2J"]).run());
    super::is_fit_for_people(&qmpsh().args(["--timeout", "\u{1b}[2J", "eval", "1"]).run());
}
