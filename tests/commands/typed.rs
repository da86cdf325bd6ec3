//! `KEY=VALUE` becomes what this very QEMU takes.

use harness::{Folder, Qemu, RawQmp};
use serde_json::{Value, json};

use super::{qmp, qmpsh, reply, with_cdrom};

#[test]
fn a_text_stays_text_and_a_number_is_a_number() {
    let qemu = Qemu::bare().start();
    // QEMU looks for a device of that name, and so was given text.
    let outcome = qmp(&qemu.qmp(), &["eject", "id=5"]).expect_code(4);
    assert!(
        outcome.stderr.contains("Device '5' not found"),
        "{outcome:#?}"
    );
    let outcome = qmp(&qemu.qmp(), &["eject", "id=true"]).expect_code(4);
    assert!(
        outcome.stderr.contains("Device 'true' not found"),
        "{outcome:#?}"
    );
    let words = [
        "object-add",
        "qom-type=memory-backend-ram",
        "id=m",
        "size=0x100000",
        "prealloc=off",
    ];
    qmp(&qemu.qmp(), &words).expect_code(0);
    let size = qmp(
        &qemu.qmp(),
        &["qom-get", "path=/objects/m", "property=size"],
    );
    assert_eq!(reply(size), json!(0x10_0000));
    let words = [
        "object-add",
        "qom_type=memory-backend-ram",
        "id=n",
        "size=2M",
    ];
    qmp(&qemu.qmp(), &words).expect_code(0);
    let size = qmp(
        &qemu.qmp(),
        &["qom-get", "path=/objects/n", "property=size"],
    );
    assert_eq!(reply(size), json!(2 << 20));
}

#[test]
fn dotted_keys_build_the_objects_of_a_node() {
    let qemu = Qemu::bare().image("disk.qcow2", "3M").start();
    let words = [
        "blockdev_add",
        "driver=qcow2",
        "node_name=disk",
        "cache.direct=off",
        "cache-size=1M",
        "file.driver=file",
        "file.filename=disk.qcow2",
        "file.node-name=file",
        "backing=null",
    ];
    qmp(&qemu.qmp(), &words).expect_code(0);
    let nodes = qmp(&qemu.qmp(), &["query-named-block-nodes", "flat=true"]);
    let nodes = reply(nodes);
    let node = |name: &str| {
        nodes
            .as_array()
            .unwrap()
            .iter()
            .find(|node| node["node-name"] == name)
    };
    assert_eq!(node("disk").unwrap()["image"]["virtual-size"], 3 << 20);
    assert_eq!(node("disk").unwrap()["cache"]["direct"], false);
    assert_eq!(node("file").unwrap()["drv"], "file");
}

#[test]
fn lists_are_numbered_and_their_objects_keyed() {
    let qemu = Qemu::bare().image("disk.qcow2", "1M").start();
    let add = [
        "blockdev-add",
        "driver=qcow2",
        "node-name=disk",
        "file.driver=file",
        "file.filename=disk.qcow2",
    ];
    qmp(&qemu.qmp(), &add).expect_code(0);
    let words = [
        "transaction",
        "actions.0.type=block-dirty-bitmap-add",
        "actions.0.data.node=disk",
        "actions.0.data.name=7",
        "actions.1.type=block-dirty-bitmap-add",
        "actions.1.data.node=disk",
        "actions.1.data.name=b",
        "actions.1.data.granularity=64K",
    ];
    qmp(&qemu.qmp(), &words).expect_code(0);
    let nodes = RawQmp::connect(qemu.qmp()).call("query-named-block-nodes", &json!({"flat": true}));
    let bitmaps = nodes[0]["dirty-bitmaps"].as_array().unwrap();
    let names: Vec<&Value> = bitmaps.iter().map(|bitmap| &bitmap["name"]).collect();
    assert!(
        names.contains(&&json!("7")) && names.contains(&&json!("b")),
        "{bitmaps:?}"
    );
}

#[test]
fn arguments_come_as_json_from_the_line_a_file_or_standard_input_and_words_add_to_them() {
    let qemu = with_cdrom().start();
    let (socket, folder) = (qemu.qmp(), Folder::new());
    let file = folder.join("arguments.json");
    std::fs::write(&file, r#"{"id": "cd0", "format": "raw"}"#).unwrap();
    let file = format!("@{}", file.display());
    let medium = || {
        let blocks = RawQmp::connect(&socket).call("query-block", &Value::Null);
        blocks[0]["inserted"]["file"].as_str().map(str::to_owned)
    };
    qmp(
        &socket,
        &[
            "blockdev-change-medium",
            "--args",
            &file,
            "filename=two.raw",
        ],
    )
    .expect_code(0);
    assert_eq!(medium().as_deref(), Some("two.raw"));
    qmp(
        &socket,
        &[
            "blockdev-open-tray",
            "--args",
            r#"{"id": "cd0", "force": true}"#,
        ],
    )
    .expect_code(0);
    qmpsh()
        .args(["qmp", socket.to_str().unwrap(), "--args", "@-", "eject"])
        .stdin(r#"{"id": "cd0"}"#)
        .run()
        .expect_code(0);
    assert_eq!(medium(), None);
    for (args, why) in [
        ("{\"id\":", "`--args` is no JSON: EOF"),
        ("[1]", "`--args` is no JSON object"),
        ("@/nowhere", "`/nowhere` cannot be read: No such file"),
    ] {
        let outcome = qmp(&socket, &["eject", "--args", args]).expect_code(2);
        assert!(outcome.stderr.contains(why), "{outcome:#?}");
    }
    let outcome = qmp(&socket, &["eject", "--args", &file, "id=cd1"]).expect_code(2);
    assert!(
        outcome.stderr.contains("`id` is given twice"),
        "{outcome:#?}"
    );
}

#[test]
fn the_properties_of_a_new_device_have_the_types_that_qemu_lists_for_it() {
    let qemu = with_cdrom()
        .args("-device pcie-root-port,id=port0,chassis=1 -device pcie-root-port,id=port1,chassis=2")
        .args("-blockdev driver=null-co,node-name=disk")
        .start();
    let words = [
        "device-add",
        "driver=virtio-blk-pci",
        "id=added",
        "bus=port0",
        "drive=disk",
        "serial=5",
        "num-queues=2",
        "write_cache=off",
        "share-rw=on",
    ];
    qmp(&qemu.qmp(), &words).expect_code(0);
    let get = |property: &str| {
        let property = format!("property={property}");
        reply(qmp(
            &qemu.qmp(),
            &[
                "qom-get",
                "path=/machine/peripheral/added",
                &property,
                "--json",
            ],
        ))
    };
    assert_eq!(get("num-queues"), json!(2));
    assert_eq!(get("share-rw"), json!(true));
    assert_eq!(get("serial"), json!("5"));
    // QEMU tells itself what is no property of the device.
    let outcome = qmp(
        &qemu.qmp(),
        &[
            "device_add",
            "driver=virtio-rng-pci",
            "bus=port1",
            "wings=2",
        ],
    )
    .expect_code(4);
    assert!(outcome.stderr.contains("wings"), "{outcome:#?}");
}
