//! `blockdev-add`, `blockdev-snapshot` and `blockdev-del`, on a QEMU of today and in the words of one of 2015.

use std::path::Path;
use std::process::Command;

use harness::FakePeer;
use serde_json::{Value, json};

use super::device::run;
use super::{document, eval, machine, nodes};

fn create(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("qemu-img");
    command
        .args(["create", "-q", "-f", "qcow2"])
        .args(arguments);
    assert!(command.current_dir(folder).status().unwrap().success());
}

#[test]
fn an_overlay_is_opened_and_put_on_a_disk() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let folder = qemu.folder().path();
    create(folder, &["-b", "a.qcow2", "-F", "qcow2", "top.qcow2"]);
    create(folder, &["bare.qcow2", "16M"]);
    create(folder, &["small.qcow2", "4M"]);
    let before = nodes(&qemu.qmp());
    let open = |name: &str| {
        let file = folder.join(format!("{name}.qcow2"));
        let node = format!("node-name={name}");
        let file = format!("file.filename={}", file.display());
        run(
            &[
                "blockdev-add",
                &target,
                "driver=qcow2",
                &node,
                "file.driver=file",
                &file,
                "backing=null",
            ],
            0,
        )
    };
    assert_eq!(document(&open("top"))["result"], "top is open");
    open("bare");
    open("small");

    for (words, message) in [
        (
            &["blockdev-snapshot", "disk-a", "small"][..],
            "small is 12582912 bytes smaller than a",
        ),
        (
            &["blockdev-snapshot", "a", "b"],
            "b is in use by the drive disk-b",
        ),
        (
            &["blockdev-snapshot", "a", "nope"],
            "no node is called nope; there are ",
        ),
        (
            &["blockdev-del", "a-file"],
            "a-file is in use by a (as its file)",
        ),
        (&["blockdev-del", "disk-a"], "no node is called disk-a"),
    ] {
        let outcome = run(&[&[words[0], target.as_str()], &words[1..]].concat(), 1);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
    }

    // The overlay's image names what is below it, so nothing is to be told.
    let outcome = run(&["blockdev-snapshot", &target, "disk-a", "top"], 0);
    let told = format!("top ({}/top.qcow2) is on a now", folder.display());
    assert_eq!(outcome.stderr, format!("{told}\n"), "{outcome:#?}");
    assert_eq!(document(&outcome)["result"], told);
    let top = "v.disks().find(|one| one.qdev.contains(\"disk-a\")).node";
    assert_eq!(eval(&target, top), "top");

    // This one does not.
    let outcome = run(&["blockdev-snapshot", &target, "top", "bare"], 0);
    assert!(
        outcome
            .stderr
            .contains("bare.qcow2 names no backing file, not ")
            && outcome
                .stderr
                .contains("top.qcow2: the VM cannot be started from it"),
        "{outcome:#?}"
    );
    assert_eq!(eval(&target, top), "bare");
    let outcome = run(&["blockdev-snapshot", &target, "b", "bare"], 1);
    assert!(
        outcome.stderr.contains("bare has a backing file already"),
        "{outcome:#?}"
    );
    let outcome = run(&["blockdev-del", &target, "top"], 1);
    assert!(
        outcome
            .stderr
            .contains("top is in use by bare (as its backing)"),
        "{outcome:#?}"
    );

    assert_eq!(
        document(&run(&["blockdev-del", &target, "small"], 0))["result"],
        "small is closed"
    );
    let left = nodes(&qemu.qmp());
    assert!(left.contains(&"top".to_owned()) && !left.contains(&"small".to_owned()));
    assert_eq!(
        left.iter().filter(|node| !node.starts_with('#')).count(),
        before.len() + 2
    );
}

#[test]
fn settings_are_checked_before_they_are_sent() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let json = r#"{"driver": "null-co", "node-name": "n0", "size": 1048576}"#;
    run(&["blockdev-add", &target, "--options", json], 0);
    assert!(nodes(&qemu.qmp()).contains(&"n0".to_owned()));
    for (words, code, message) in [
        (
            &["driver=null-co", "nod-name=x"][..],
            1,
            "did you mean `node-name`?",
        ),
        (&["driver=null-co", "node-name=x", "size=much"], 1, "`size`"),
        (
            &["--options", "{\"driver\": \"null-co\""],
            1,
            "the text is no JSON",
        ),
        (&["--options", "[]"], 1, "no JSON object"),
        (
            &["driver=null-co", "--options", "{}"],
            1,
            "either as words or with --options",
        ),
        (&["driver=null-co", "node-name=n0"], 4, "uplicate node"),
    ] {
        let outcome = run(&[&["blockdev-add", target.as_str()], words].concat(), code);
        assert!(outcome.stderr.contains(message), "{words:?}: {outcome:#?}");
    }
}

/// The schema of a QEMU in which the options of a node are an argument, as they were before 2.9.
fn schema() -> Value {
    json!([
        { "meta-type": "command", "name": "blockdev-add", "arg-type": "1", "ret-type": "4" },
        { "meta-type": "object", "name": "1", "members": [{ "name": "options", "type": "2" }] },
        { "meta-type": "object", "name": "2", "members": [
            { "name": "driver", "type": "str" }, { "name": "node-name", "type": "str", "default": null },
            { "name": "size", "type": "int", "default": null } ] },
        { "meta-type": "object", "name": "4", "members": [] },
        { "meta-type": "builtin", "name": "str", "json-type": "string" },
        { "meta-type": "builtin", "name": "int", "json-type": "int" },
    ])
}

#[test]
fn an_old_qemu_gets_the_options_wrapped() {
    for words in [
        &["driver=null-co", "node-name=5", "size=5"][..],
        &[
            "--options",
            r#"{"driver": "null-co", "node-name": "5", "size": 5}"#,
        ],
    ] {
        let peer = FakePeer::builder()
            .greet()
            .expect("query-qmp-schema")
            .reply(schema())
            .expect("query-qmp-schema")
            .reply(schema())
            .expect("query-qmp-schema")
            .reply(schema())
            .expect("blockdev-add")
            .reply(json!({}))
            .start();
        let socket = peer.socket();
        run(
            &[&["blockdev-add", socket.to_str().unwrap()], words].concat(),
            0,
        );
        let sent = peer.finish().pop().unwrap();
        assert_eq!(
            sent["arguments"],
            json!({ "options": { "driver": "null-co", "node-name": "5", "size": 5 } })
        );
    }
}

#[test]
fn an_old_qemu_closes_a_drive_without_a_device_by_its_name() {
    let commands = json!([{ "name": "x-blockdev-del" }]);
    let drive =
        json!({ "device": "drive0", "locked": false, "removable": false, "type": "unknown" });
    let peer = FakePeer::builder()
        .greet()
        .expect("query-qmp-schema")
        .reply(schema())
        .expect("query-named-block-nodes")
        .reply(json!([]))
        .expect("query-commands")
        .reply(commands.clone())
        .expect("query-block")
        .reply(json!([drive]))
        .expect("query-commands")
        .reply(commands)
        .expect("x-blockdev-del")
        .reply(json!({}))
        .start();
    run(
        &["blockdev-del", peer.socket().to_str().unwrap(), "drive0"],
        0,
    );
    let sent = peer.finish().pop().unwrap();
    assert_eq!(sent["arguments"], json!({ "id": "drive0" }));
}
