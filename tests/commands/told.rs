//! What is told on standard error: as JSON for programs, in colour for who wants it, and all of it.

use harness::{FakePeer, Folder, Qemu, Signal};
use serde_json::{Value, json};

use super::{QMPSH, qmpsh};

/// The JSON lines on standard error of a run that failed, and its exit code.
fn told(arguments: &[&str]) -> (i32, Vec<Value>) {
    let outcome = qmpsh().arg("--json").args(arguments).run();
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    let lines = outcome.stderr.lines();
    let told = lines.map(|line| serde_json::from_str(line).expect(line));
    (outcome.code.unwrap(), told.collect())
}

#[test]
fn as_json_every_error_is_an_object_on_standard_error_with_its_kind_and_exit_code() {
    let folder = Folder::new();
    let script = folder.join("broken.rhai");
    std::fs::write(&script, "//! X.\n//! [arggs]").unwrap();
    let config = folder.join("qmpsh.toml");
    std::fs::write(&config, "[[[").unwrap();
    let (script, config) = (script.to_str().unwrap(), config.to_str().unwrap());
    let qemu = Qemu::bare().start();
    let qmp = qemu.qmp();
    let qmp = qmp.to_str().unwrap();
    for (arguments, kind, code) in [
        (&["eval", "fail(\"x\")"][..], "script", 1),
        (&["eval", "let x = ;"], "usage", 2),
        (&["eval", "vm(\"/nowhere\").status"], "gone", 3),
        (&["eval", "vm(\"no such vm\").status"], "usage", 3),
        (&["ls", "no such vm"], "usage", 3),
        (&["events", "no such vm*"], "usage", 3),
        (&["run", "nosuch"], "usage", 2),
        (&["run", script], "usage", 2),
        (&["run", "guest-report"], "usage", 2),
        (&["--config", config, "eval", "1"], "usage", 2),
        (&["events", "/nowhere"], "gone", 3),
        (&["thaw", "/nowhere"], "gone", 3),
        (&["qmp", qmp, "eject", "id=cd9"], "qmp", 4),
        (&["man", "nosuch"], "usage", 2),
        (&["man"], "usage", 2),
        (&["completions", "bash"], "usage", 2),
        (&["nosuch"], "usage", 2),
        (&["--tmeout", "5s", "eval", "1"], "usage", 2),
    ] {
        let (exit, told) = told(arguments);
        let error = &told.last().unwrap()["error"];
        assert_eq!(
            (exit, &error["kind"], &error["exit"]),
            (code, &json!(kind), &json!(code)),
            "{told:?}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.contains('\n'),
            "{arguments:?}: {message}"
        );
    }
}

#[test]
fn as_json_a_mistake_in_a_file_has_its_place() {
    let folder = Folder::new();
    let config = folder.join("qmpsh.toml");
    std::fs::write(
        &config,
        "# \u{e4}\n[vm.\u{22}w\u{e4}b\u{22}]\nlabels = [\"\u{e4}\", 1]",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    for command in [
        &["eval", "1"][..],
        &["ls"],
        &["config"],
        &["qmp", "x", "stop"],
    ] {
        let (code, told) = told(&[&["--config", config], command].concat());
        let error = &told[0]["error"];
        assert_eq!((code, &error["kind"]), (2, &json!("usage")));
        assert_eq!(
            error["config"],
            json!({ "file": config, "line": 3, "column": 16 }),
            "{error}"
        );
    }
    // Where it cannot be read there is no line.
    let nowhere = folder.join("none.toml");
    let nowhere = nowhere.to_str().unwrap();
    let (_, lines) = told(&["--config", nowhere, "eval", "1"]);
    assert_eq!(lines[0]["error"]["config"], json!({ "file": nowhere }));
    let script = folder.join("broken.rhai");
    std::fs::write(&script, "//! X.\n//! [arggs]").unwrap();
    let script = script.to_str().unwrap();
    let (_, lines) = told(&["run", script]);
    assert_eq!(
        lines[0]["error"]["script"],
        json!({ "source": script, "line": 2 })
    );
}

#[test]
fn a_socket_that_is_not_for_this_user_is_denied_and_cannot_be_reached() {
    if !rustix::process::geteuid().is_root() {
        return; // Nobody else can become another user.
    }
    let qemu = Qemu::bare().start();
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", QMPSH])
        .args(["--json", "qmp"])
        .arg(qemu.qmp())
        .arg("query-status")
        .env("QMPSH_STATE_DIR", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"]["kind"], "denied");
    let hint = told["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("as the user that the VM runs as"), "{told}");
}

#[test]
fn an_address_is_said_once_and_tcp_has_advice_of_its_own() {
    // A port that was free a moment ago, and that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("tcp:127.0.0.1:{port}");
    let folder = Folder::new();
    let missing = folder.join("none.qmp").display().to_string();
    for (address, hint) in [(address, "server=on"), (missing, "is the VM running?")] {
        let (code, told) = told(&["qmp", &address, "query-status"]);
        let error = &told[0]["error"];
        let message = error["message"].as_str().unwrap();
        assert_eq!(
            (code, message.matches(&address).count()),
            (3, 1),
            "{message}"
        );
        let given = error["hint"].as_str().unwrap();
        assert!(
            given.contains(hint) && !given.contains("left its socket"),
            "{given}"
        );
    }
}

#[test]
fn as_json_an_error_has_qemus_words_the_vm_and_the_place_in_the_script() {
    let qemu = Qemu::bare().start();
    let qmp = qemu.qmp();
    let qmp = qmp.to_str().unwrap();
    let (_, told) = told(&[
        "eval",
        "\n  vm(args[0]).qmp(\"eject\", #{ id: \"cd9\" })",
        qmp,
    ]);
    let error = &told[0]["error"];
    assert_eq!(error["command"], "eject");
    assert_eq!(error["vm"], qmp);
    assert_eq!(error["desc"], "Device 'cd9' not found");
    assert_eq!(error["script"]["source"], "<eval>");
    assert_eq!(error["script"]["line"], 2);
}

#[test]
fn as_json_a_warning_and_a_signal_are_objects_too() {
    let qemu = Qemu::bare().start();
    let running = qmpsh()
        .args(["--json", "events", "/nowhere"])
        .arg(qemu.qmp())
        .spawn();
    running.wait_for_stderr("{\"warning\":{");
    running.signal(Signal::TERM);
    let outcome = running.wait().expect_code(143);
    let last: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["message"], "ended by SIGTERM");
    assert_eq!(last["error"]["exit"], 143);
}

#[test]
fn a_release_that_failed_is_told_though_the_value_cannot_be_printed() {
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-file-open")
        .reply(json!(1))
        .expect("guest-file-close")
        .reply_error("GenericError", "the file is stuck")
        .wait_for_hang_up()
        .start();
    let script = "let f = |x| x; try { with vm(args[0]).agent.file_open(\"/x\", \"r\") as file { throw 1 } } catch { } f";
    let outcome = qmpsh()
        .args([
            "eval",
            script,
            &format!("agent={}", agent.socket().display()),
        ])
        .run()
        .expect_code(1);
    for words in ["which has no JSON form", "the file is stuck"] {
        assert!(outcome.stderr.contains(words), "{outcome:#?}");
    }
    agent.finish();
}

#[test]
fn colour_reaches_help_and_mistakes_in_the_command_line() {
    for line in [
        &["--help"][..],
        &["nosuch"],
        &["run", "guest-report", "--help"],
        &["run", "guest-report", "--nosuch"],
    ] {
        for (color, is_colored) in [("always", true), ("never", false), ("auto", false)] {
            let outcome = qmpsh().args(["--color", color]).args(line).run();
            let text = format!("{}{}", outcome.stdout, outcome.stderr);
            assert_eq!(
                text.contains('\u{1b}'),
                is_colored,
                "{color} {line:?}: {text}"
            );
        }
    }
}

#[test]
fn an_error_of_a_ready_made_script_shows_its_lines_only_to_who_asks() {
    let script = ["run", "guest-report", "/nowhere"];
    let brief = qmpsh().args(script).run().expect_code(3);
    assert!(
        brief.stderr.starts_with("error: cannot connect"),
        "{brief:#?}"
    );
    assert!(brief.stderr.contains("at: guest-report:"), "{brief:#?}");
    assert!(!brief.stderr.contains("let "), "{brief:#?}");
    let long = qmpsh().arg("-v").args(script).run().expect_code(3);
    assert!(long.stderr.contains("let "), "{long:#?}");
}
