//! `qmpsh agent` on the real agent.

use harness::{Guest, HostAgent, Outcome};
use serde_json::json;

use super::{qmpsh, reply};

fn agent(target: &str, words: &[&str]) -> Outcome {
    qmpsh().args(["agent", target]).args(words).run()
}

fn on(host: &HostAgent, words: &[&str]) -> Outcome {
    agent(&format!("agent={}", host.socket().display()), words)
}

#[test]
fn commands_are_called_with_or_without_their_prefix() {
    let host = HostAgent::start();
    for command in ["ping", "guest-ping", "guest_ping"] {
        assert_eq!(on(&host, &[command]).expect_code(0).stdout, "");
    }
    assert_eq!(reply(on(&host, &["ping", "--json"])), json!({}));
    assert!(reply(on(&host, &["get-host-name"]))["host-name"].is_string());
    assert_eq!(
        on(&host, &["fsfreeze-status"]).expect_code(0).stdout,
        "thawed\n"
    );
    assert_eq!(reply(on(&host, &["sync", "id=7"])), json!(7));
    assert_eq!(reply(on(&host, &["sync-delimited", "id=8"])), json!(8));
}

#[test]
fn arguments_are_typed_by_what_is_known_of_agents() {
    let host = HostAgent::start();
    let file = host.folder().join("5");
    let path = format!("path={}", file.display());
    let handle = reply(on(&host, &["file-open", &path, "mode=w"]));
    let handle = format!("handle={handle}");
    let written = on(&host, &["file-write", &handle, "buf-b64=aGVsbG8="]);
    assert_eq!(reply(written)["count"], 5);
    let sought = on(&host, &["file-seek", &handle, "offset=-2", "whence=end"]);
    assert_eq!(reply(sought)["position"], 3);
    let sought = on(&host, &["file-seek", &handle, "offset=1", "whence=0"]);
    assert_eq!(reply(sought)["position"], 1);
    on(&host, &["file-close", &handle]).expect_code(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello");
    let words = [
        "exec",
        "path=/bin/echo",
        "arg.0=5",
        "arg.1=a,b",
        "capture-output=true",
    ];
    let pid = format!("pid={}", reply(on(&host, &words))["pid"]);
    let output = loop {
        let status = reply(on(&host, &["exec-status", &pid]));
        if status["exited"] == true {
            break status["out-data"].clone();
        }
    };
    // "5 a,b\n"
    assert_eq!(output, "NSBhLGIK");
}

#[test]
fn what_the_agent_would_refuse_is_not_sent() {
    let host = HostAgent::start();
    for (words, part) in [
        (vec!["pong"], "did you mean `guest-ping`?"),
        (vec!["exec", "pat=/bin/true"], "did you mean `path`?"),
        (vec!["exec"], "`guest-exec` needs `path`: text"),
        (
            vec!["exec", "path=x", "arg=5"],
            "write `arg.0=...` for each item",
        ),
        (
            vec!["exec", "path=x", "capture-output=all"],
            "takes `true` or `false` or `none`, `stdout`, `stderr`, `separated` or `merged`",
        ),
        (
            vec!["sync", "id=x"],
            "`id` of `guest-sync` takes an integer, not `x`",
        ),
    ] {
        let mut all = vec!["-v"];
        all.extend(&words);
        let outcome = on(&host, &all).expect_code(2);
        assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
        let sent = format!("\"execute\":\"guest-{}\"", words[0]);
        assert!(!outcome.stderr.contains(&sent), "{outcome:#?}");
    }
}

#[test]
fn help_tells_the_commands_of_this_agent_and_which_it_will_not_do() {
    let host = HostAgent::builder().block("guest-exec").start();
    let list = on(&host, &["--help"]).expect_code(0).stdout;
    assert!(
        list.contains("  guest-file-open           path, mode?\n"),
        "{list}"
    );
    let (_, disabled) = list.split_once("Not now, ").unwrap();
    assert!(
        disabled.contains("\n  guest-exec\n") && !disabled.contains("guest-ping"),
        "{list}"
    );
    let help = on(&host, &["exec", "--help"]).expect_code(0).stdout;
    for part in [
        "guest-exec\n",
        "  arg                       list, each text; optional\n",
        "  capture-output            true or false or one of: none, stdout,",
        "  pid                       integer\n",
        "This agent will not do it",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let told = reply(on(&host, &["--json", "exec", "--help"]));
    assert_eq!(
        (&told["command"], &told["enabled"]),
        (&json!("guest-exec"), &json!(false))
    );
    let told = reply(on(&host, &["--json", "--help"]));
    let ping =
        json!({ "command": "guest-ping", "arguments": [], "returns": null, "enabled": true });
    assert!(told.as_array().unwrap().contains(&ping), "{told}");
    let outcome = on(&host, &["exec", "path=/bin/true"]).expect_code(4);
    assert!(
        outcome
            .stderr
            .contains("blocked by the agent's configuration"),
        "{outcome:#?}"
    );
}

#[test]
fn a_guest_that_is_frozen_is_called_frozen() {
    let host = HostAgent::builder().frozen().start();
    let outcome = on(&host, &["get-osinfo"]).expect_code(4);
    assert!(outcome.stderr.contains("frozen"), "{outcome:#?}");
    assert!(outcome.stderr.contains("`qmpsh thaw VM`"), "{outcome:#?}");
    assert_eq!(
        on(&host, &["fsfreeze-status"]).expect_code(0).stdout,
        "frozen\n"
    );
}

#[test]
fn a_freeze_with_nobody_to_end_it_is_refused_and_the_guest_stays_thawed() {
    let guest = Guest::boot();
    for words in [
        &["fsfreeze-freeze"][..],
        &["guest-fsfreeze-freeze-list", "mountpoints.0=/data"],
    ] {
        let outcome = agent(&guest.target(), words).expect_code(2);
        for part in ["freeze-snapshot-thaw", "with v.agent.fsfreeze()"] {
            assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
        }
        assert!(!guest.is_frozen());
    }
    let trimmed = reply(agent(&guest.target(), &["fstrim"]));
    assert!(trimmed["paths"].is_array(), "{trimmed}");
}

#[test]
fn a_shutdown_has_no_reply_and_is_no_timeout() {
    let guest = Guest::boot();
    let mut monitor = guest.raw_qmp();
    let outcome = agent(&guest.target(), &["shutdown", "mode=powerdown"]).expect_code(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    monitor.event("SHUTDOWN");
}
