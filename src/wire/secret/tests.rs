//! What is hidden in a message and in a typed line, and what passes unchanged.

use serde_json::json;

use super::*;

#[test]
fn passwords_are_hidden_wherever_they_are() {
    for (message, shown) in [
        (
            json!({"execute": "set_password", "arguments": {"protocol": "vnc", "password": "geheim"}, "id": "1"}),
            json!({"execute": "set_password", "arguments": {"protocol": "vnc", "password": "***"}, "id": "1"}),
        ),
        (
            json!({"execute": "guest-set-user-password", "arguments": {"username": "u", "password": "Z2U=", "crypted": false}}),
            json!({"execute": "guest-set-user-password", "arguments": {"username": "u", "password": "***", "crypted": false}}),
        ),
        (
            json!({"execute": "transaction", "arguments": {"actions": [{"data": {"cookie": "a=b", "x": 1}}]}}),
            json!({"execute": "transaction", "arguments": {"actions": [{"data": {"cookie": "***", "x": 1}}]}}),
        ),
        (
            json!({"return": {"password": "p"}}),
            json!({"return": {"password": "***"}}),
        ),
    ] {
        assert_eq!(redacted(&message), shown);
    }
}

#[test]
fn the_data_of_secret_objects_is_hidden_and_that_of_others_is_not() {
    let add = |kind: &str, data: &str| json!({"execute": "object-add", "arguments": {"qom-type": kind, "id": "s", "data": data}});
    assert_eq!(redacted(&add("secret", "x")), add("secret", "***"));
    assert_eq!(redacted(&add("iothread", "x")), add("iothread", "x"));

    let old = |data: &str| json!({"execute": "object-add", "arguments": {"qom-type": "secret", "props": {"data": data}}});
    assert_eq!(redacted(&old("x")), old("***"));

    let set = |property: &str, value: &str| json!({"exec-oob": "qom-set", "arguments": {"property": property, "value": value}});
    assert_eq!(redacted(&set("data", "x")), set("data", "***"));
    assert_eq!(redacted(&set("size", "x")), set("size", "x"));
}

#[test]
fn what_a_program_in_the_guest_is_handed_is_hidden() {
    let exec = |input: &str, variable: &str| json!({"execute": "guest-exec", "arguments": {"path": "p", "arg": ["a"], "input-data": input, "env": [variable, "X"]}});
    assert_eq!(
        redacted(&exec("cHc=", "TOKEN=abc=d")),
        exec("***", "TOKEN=***")
    );
}

#[test]
fn a_human_monitor_line_that_sets_a_password_is_hidden() {
    let line = |text: &str| json!({"execute": "human-monitor-command", "arguments": {"command-line": text}});
    assert_eq!(
        redacted(&line("set_password vnc geheim keep")),
        line("set_password ***")
    );
    assert_eq!(
        redacted(&line(" change vnc password geheim")),
        line("change ***")
    );
    assert_eq!(redacted(&line("info block")), line("info block"));
}

#[test]
fn what_is_no_command_passes_unchanged() {
    for message in [
        json!(null),
        json!([1]),
        json!({"execute": 1}),
        json!({"execute": "x", "arguments": 3}),
    ] {
        assert_eq!(redacted(&message), message);
    }
}

#[test]
fn a_typed_line_with_a_word_that_goes_with_a_secret_is_known() {
    for line in [
        "v.agent.set_user_password(\"root\", \"x\")",
        "v.qmp(\"set_password\", #{ protocol: \"vnc\", password: \"x\" })",
        "v.qmp(\"block_passwd\", #{})",
        "v.qmp(\"object-add\", #{ \"qom-type\": \"secret\", id: \"s\", data: \"x\" })",
        "v.agent.exec(\"cat\", [], #{ input: \"x\" })",
        "let PASSWORD = \"x\";",
    ] {
        assert!(super::may_be_in(line), "{line}");
    }
    for line in [
        "v.status",
        "v.qmp(\"query-block\")",
        "v.agent.file_read(\"/etc/hosts\")",
    ] {
        assert!(!super::may_be_in(line), "{line}");
    }
}
