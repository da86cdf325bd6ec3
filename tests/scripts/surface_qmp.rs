//! `vm(...)`, what it tells of itself, and QMP: by name, as methods, the human monitor, transactions.

use harness::Qemu;
use serde_json::{Value, json};

use super::lent::lent;
use super::{assert_error, caught, eval, machine, nodes, qmpsh};

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

#[test]
fn a_vm_tells_what_it_is_and_how_it_is() {
    let guest = lent();
    let version = guest.raw_qmp().call("query-version", &Value::Null);
    let version = ["major", "minor", "micro"]
        .map(|part| version["qemu"][part].to_string())
        .join(".");
    assert_eq!(
        eval(
            &guest.target(),
            "[v.name, v.uuid, v.status, v.version, v.to_string(), `${v}`, v == vm(args[0]), v == vm(\"/x\")]"
        ),
        json!([
            "web01",
            "0e4d9e6a-0000-4000-8000-000000000001",
            "running",
            version,
            guest.qmp(),
            guest.qmp(),
            true,
            false
        ])
    );
    let bare = Qemu::bare().start();
    assert_eq!(
        eval(&monitor(&bare), "[v.name, v.uuid]"),
        json!([null, null])
    );
    assert_eq!(eval(&monitor(&machine()), "v.status"), "prelaunch");
}

#[test]
fn nothing_is_connected_until_it_is_asked() {
    assert_eq!(eval("/no/such.qmp", "`${v}`"), "/no/such.qmp");
    let error = caught("/no/such.qmp", "v.status");
    assert_error(
        &error,
        &json!({ "kind": "gone", "vm": "/no/such.qmp", "message": "/no/such.qmp", "hint": "is the VM running?" }),
    );
    for target in ["web01", "", "qmp=/a,qga=/b"] {
        let outcome = qmpsh(["eval", "vm(args[0])", target]).run();
        assert!(matches!(outcome.code, Some(1 | 3)), "{outcome:#?}");
    }
}

#[test]
fn a_command_goes_by_its_name_or_as_a_method() {
    let qemu = Qemu::bare().start();
    let target = monitor(&qemu);
    for script in [
        "v.qmp(\"query-status\").status",
        "v.qmp(\"query-status\", #{}).status",
        "v.qmp.query_status().status",
        "v.qmp.query_status(#{}).status",
        "let commands = v.qmp; commands.query_status().status",
    ] {
        assert_eq!(eval(&target, script), "running", "{script}");
    }
    // Arguments as QMP names them, words of Rhai's among them; `()` is left out.
    assert_eq!(
        eval(
            &target,
            "v.qmp.object_add(#{ \"qom-type\": \"secret\", id: \"s\", data: \"x\", format: () });
             v.qmp(\"qom-get\", #{ path: \"/objects/s\", property: \"type\" })"
        ),
        "secret"
    );
    // A whole float is an integer to QEMU, which takes no other.
    eval(
        &target,
        "v.qmp(\"blockdev-add\", #{ driver: \"null-co\", \"node-name\": \"n\", size: 1048576.0, \"read-zeroes\": true })",
    );
    assert_eq!(nodes(&qemu.qmp()), ["n"]);
}

#[test]
fn numbers_cross_exactly() {
    let qemu = Qemu::bare().start();
    let large = 9_223_372_036_854_775_807_u64;
    let script = format!(
        "v.qmp(\"object-add\", #{{ \"qom-type\": \"iothread\", id: \"t\", \"poll-max-ns\": {large} }});
         v.qmp(\"qom-get\", #{{ path: \"/objects/t\", property: \"poll-max-ns\" }})"
    );
    assert_eq!(eval(&monitor(&qemu), &script), large);
    // What is beyond a script's own integers reaches QEMU as an integer too.
    let script = "v.qmp(\"blockdev-add\", #{ driver: \"null-co\", \"node-name\": \"n\", size: from_json(\"18446744073709551615\") })";
    assert_error(
        &caught(&monitor(&qemu), script),
        &json!({ "kind": "qmp", "message": "size" }),
    );
}

#[test]
fn a_refusal_says_which_command_in_qemus_own_words() {
    let qemu = Qemu::bare().start();
    let target = monitor(&qemu);
    for script in [
        "v.qmp(\"eject\", #{ id: \"cd9\" })",
        "v.qmp.eject(#{ id: \"cd9\" })",
    ] {
        assert_error(
            &caught(&target, script),
            &json!({
                "kind": "qmp", "class": "DeviceNotFound", "desc": "Device 'cd9' not found", "command": "eject",
                "vm": target, "message": "`eject` was refused: Device 'cd9' not found",
            }),
        );
    }
    for (script, nearest) in [
        ("v.qmp(\"query-comands\")", "`query-commands`"),
        ("v.qmp.query_comands()", "`query_commands`"),
    ] {
        let message = format!("did you mean {nearest}?");
        assert_error(
            &caught(&target, script),
            &json!({ "kind": "qmp", "class": "CommandNotFound", "message": message }),
        );
    }
    for script in [
        "v.qmp.eject(\"cd0\")",
        "v.qmp.eject(#{}, 1)",
        "v.qmp(\"eject\", #{ id: |x| x })",
        "v.qmp.eject(#{ id: v })",
    ] {
        assert_error(&caught(&target, script), &json!({ "kind": "usage" }));
    }
}

#[test]
fn an_uncaught_refusal_of_a_method_is_shown_with_its_line() {
    let qemu = Qemu::bare().start();
    let script =
        "let v = vm(args[0]);\nlet used = || v\n    .qmp.eject(#{ id: \"cd9\" });\nused.call();";
    let outcome = qmpsh(["eval", script, &monitor(&qemu)])
        .run()
        .expect_code(4);
    assert!(outcome.stderr.contains("--> <eval>:3:6\n"), "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .contains("in the call of a closure\n --> <eval>:4:6\n"),
        "{outcome:#?}"
    );
    // Where the commands are passed on, it is the call that led there.
    let script = "fn used(commands) { commands.nope() }\nused(vm(args[0]).qmp)";
    let outcome = qmpsh(["eval", script, &monitor(&qemu)])
        .run()
        .expect_code(4);
    assert!(outcome.stderr.contains("--> <eval>:2:1\n"), "{outcome:#?}");
    assert!(!outcome.stderr.contains("<eval>:1:"), "{outcome:#?}");
}

#[test]
fn a_human_monitor_line_gives_its_text_and_its_errors_as_text() {
    let qemu = Qemu::bare().start();
    assert_eq!(
        eval(&monitor(&qemu), "v.hmp(\"info status\")"),
        "VM status: running\n"
    );
    let text = eval(&monitor(&qemu), "v.hmp(\"nonsense\")");
    assert!(text.as_str().unwrap().contains("unknown command"), "{text}");
}

#[test]
fn a_transaction_does_all_or_nothing() {
    let qemu = machine();
    let target = monitor(&qemu);
    let bitmaps = "v.disks().map(|disk| disk.bitmaps.map(|bitmap| bitmap.name))";
    let add = |node: &str| {
        format!(
            "#{{ type: \"block-dirty-bitmap-add\", data: #{{ node: \"{node}\", name: \"b0\" }} }}"
        )
    };
    let error = caught(
        &target,
        &format!("v.transaction([{}, {}])", add("a"), add("nope")),
    );
    assert_error(
        &error,
        &json!({ "kind": "qmp", "command": "transaction", "message": "nope" }),
    );
    assert_eq!(eval(&target, bitmaps), json!([[], []]));
    assert_eq!(
        eval(
            &target,
            &format!("v.transaction([{}, {}]); {bitmaps}", add("a"), add("b"))
        ),
        json!([["b0"], ["b0"]])
    );
    let error = caught(
        &target,
        "v.transaction([#{ type: \"abort\", data: #{} }], #{ \"completion-mode\": \"grouped\" })",
    );
    assert_error(&error, &json!({ "kind": "qmp", "command": "transaction" }));
    assert_error(
        &caught(&target, "v.transaction([|x| x])"),
        &json!({ "kind": "usage", "message": "actions[0]" }),
    );
}
