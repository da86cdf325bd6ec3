//! The check of arguments: what QEMU would take passes, all else is told with its place and the nearest name.

use serde_json::{Value, json};

use super::super::{Finding, Problem};
use super::{object, small};

fn findings(command: &str, arguments: Value) -> Vec<Finding> {
    small().check(command, &object(arguments))
}

#[track_caller]
fn told(command: &str, arguments: Value, expected: &[&str]) {
    let told: Vec<String> = findings(command, arguments.clone())
        .iter()
        .map(Finding::to_string)
        .collect();
    assert_eq!(told, expected, "{command} {arguments}");
}

#[test]
fn what_qemu_would_take_is_not_found_fault_with() {
    for (command, arguments) in [
        ("stop", json!({})),
        ("eject", json!({"id": "cd0", "force": true})),
        (
            "blockdev-add",
            json!({"driver": "qcow2", "file": "x", "backing": null}),
        ),
        (
            "blockdev-add",
            json!({"driver": "qcow2", "file": {"driver": "file", "filename": "/a"}}),
        ),
        ("blockdev-add", json!({"driver": "null-co"})),
        (
            "set",
            json!({"ratio": 1, "pages": [1], "ports": [], "value": {"a": [null]}}),
        ),
        ("device_add", json!({"driver": "d", "anything": 1})),
        ("set", json!({"flag": true})),
        ("set", json!({"flag": "file"})),
    ] {
        told(command, arguments, &[]);
    }
}

#[test]
fn an_unknown_command_or_argument_is_told_with_the_nearest() {
    let found = findings("ejct", json!({}));
    assert!(
        matches!(&found[0].problem, Problem::NoCommand { nearest } if nearest.as_deref() == Some("eject"))
    );
    let found = findings("eject", json!({"forc": true}));
    let Problem::NoMember { nearest, known, .. } = &found[0].problem else {
        panic!("{found:?}");
    };
    assert_eq!(nearest.as_deref(), Some("force"));
    assert_eq!(known, &["device", "id", "force"]);
    told("stop", json!({"x": 1}), &["`stop` takes no argument `x`"]);
    told(
        "blockdev-add",
        json!({"driver": "qcow2", "file": {"driver": "file", "filename": "a", "fil": 1}}),
        &["`blockdev-add` with `file.driver=file` takes no argument `file.fil`"],
    );
}

#[test]
fn missing_arguments_are_told_with_their_types() {
    told(
        "blockdev-add",
        json!({"driver": "file"}),
        &["`blockdev-add` needs `filename`: text"],
    );
    // Which others there are is not known without it, so those that may be are not blamed.
    told(
        "blockdev-add",
        json!({"filename": "a", "x": 1}),
        &[
            "`blockdev-add` needs `driver`: `file`, `qcow2`, `null-co` or `old`",
            "`blockdev-add` takes no argument `x`",
        ],
    );
    told(
        "blockdev-add",
        json!({"driver": "qcow2"}),
        &["`blockdev-add` needs `file`: an object or text"],
    );
}

#[test]
fn wrong_types_and_values_are_told_where_they_are() {
    told(
        "eject",
        json!({"id": 5, "force": "maybe"}),
        &[
            "`id` of `eject` takes text, not the number `5`",
            "`force` of `eject` takes `true` or `false`, not `maybe`",
        ],
    );
    told(
        "set",
        json!({"ports": [1, 1.0], "names": "a", "flag": "x", "pages": "x", "nodes": [{"driver": "qcow3"}]}),
        &[
            "`ports.1` of `set` takes an integer, not the number `1.0`",
            "`names` of `set` takes a list of texts, not `a`",
            "`flag` of `set` takes `true` or `false` or `file`, `qcow2`, `null-co` or `old`, not `x`",
            "`pages` of `set` takes an integer, `true` or `false` or a list of integers, not `x`",
            "`nodes.0.driver` of `set` cannot be `qcow3`",
        ],
    );
    let found = findings("blockdev-add", json!({"driver": "qcow3"}));
    assert!(
        matches!(&found[0].problem, Problem::WrongValue { nearest, allowed, .. }
            if nearest.as_deref() == Some("qcow2") && allowed.len() == 4)
    );
    // What is shown of a value cannot act on a terminal.
    told(
        "eject",
        json!({"force": "\x1b[2J"}),
        &["`force` of `eject` takes `true` or `false`, not `\\x1b[2J`"],
    );
}

#[test]
fn what_is_marked_is_notable_and_no_error() {
    for (command, arguments, text) in [
        (
            "query-old",
            json!({}),
            "the command `query-old` is deprecated: a newer QEMU may not have it",
        ),
        (
            "x-new",
            json!({}),
            "the command `x-new` is unstable: another QEMU may do it otherwise",
        ),
        (
            "eject",
            json!({"device": "x"}),
            "`device` of `eject` is deprecated: a newer QEMU may not have it",
        ),
        (
            "blockdev-add",
            json!({"driver": "old"}),
            "`driver=old` of `blockdev-add` is deprecated: a newer QEMU may not have it",
        ),
    ] {
        let found = findings(command, arguments);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].to_string(), text);
        assert!(!found[0].is_error());
    }
}
