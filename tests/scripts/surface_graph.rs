//! `v.block_graph()` and `v.block_tree()`.

use harness::Qemu;
use serde_json::{Value, json};

use super::{assert_error, caught, eval, machine, qmpsh};

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

/// Gives the machine an overlay on `a`, a bitmap, an export, and a job from `b` to a file.
fn busy() -> Qemu {
    let qemu = machine();
    let folder = qemu.folder().path().display();
    let script = format!(
        "with v.overlays([#{{ node: \"a\", file: \"{folder}/top.qcow2\" }}]) as o {{ v.transaction(o.actions); o.keep(); }}
         v.qmp.block_dirty_bitmap_add(#{{ node: \"a\", name: \"b0\" }});
         v.qmp.blockdev_add(#{{ driver: \"null-co\", size: 8388608, \"node-name\": \"copy\" }});
         v.qmp.blockdev_mirror(#{{ \"job-id\": \"j0\", device: \"b\", target: \"copy\", sync: \"full\", speed: 1, \
            \"filter-node-name\": \"filter\" }});
         v.qmp.nbd_server_start(#{{ addr: #{{ type: \"unix\", data: #{{ path: \"{folder}/nbd\" }} }} }});
         v.qmp.block_export_add(#{{ type: \"nbd\", id: \"e0\", \"node-name\": \"a\" }});"
    );
    eval(&monitor(&qemu), &script);
    qemu
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let all = list.as_array().unwrap();
    let found = all.iter().find(|one| one[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value}: {list}"))
}

#[test]
fn the_block_graph_has_drives_nodes_jobs_and_exports() {
    let qemu = busy();
    let graph = eval(&monitor(&qemu), "v.block_graph()");
    let drive = find(&graph["drives"], "name", "disk-a");
    assert_eq!(drive["qdev"], "/machine/peripheral/disk-a/virtio-backend");
    let top = find(&graph["nodes"], "node", drive["node"].as_str().unwrap());
    assert_eq!(
        find(&top["children"], "role", "backing"),
        &json!({ "role": "backing", "node": "a" })
    );
    let a = find(&graph["nodes"], "node", "a");
    for (key, expected) in [
        ("driver", json!("qcow2")),
        ("file", json!("a.qcow2")),
        ("virtual_size", json!(16 << 20)),
        ("writable", json!(false)),
        ("encrypted", json!(false)),
        ("children", json!([{ "role": "file", "node": "a-file" }])),
    ] {
        assert_eq!(a[key], expected, "{key}: {a}");
    }
    assert_eq!(a["bitmaps"][0]["name"], "b0");
    let job = find(&graph["jobs"], "id", "j0");
    assert_eq!((&job["type"], &job["speed"]), (&json!("mirror"), &json!(1)));
    assert_eq!(find(&job["nodes"], "role", "target")["node"], "copy");
    assert_eq!(
        graph["exports"],
        json!([{ "id": "e0", "type": "nbd", "node": "a" }])
    );
}

#[test]
fn the_block_tree_tells_each_node_where_it_lies_also_to_a_run_that_only_reads() {
    let qemu = busy();
    for script in [
        "vm(args[0]).block_tree()",
        "let v = vm(args[0]); v.block_tree(v.block_graph())",
    ] {
        let outcome = qmpsh(["--read-only", "eval", script, &monitor(&qemu)]).run();
        assert_is_whole(&outcome.expect_code(0).stdout);
    }
    let error = caught(&monitor(&qemu), "v.block_tree(#{ nodes: [] })");
    let expected = json!({ "kind": "usage", "message": "this is no graph of `block_graph`" });
    assert_error(&error, &expected);
}

#[track_caller]
fn assert_is_whole(tree: &str) {
    // How much room a file system gives to an image is its own affair.
    let without_used: Vec<String> = tree
        .lines()
        .map(|line| match (line.find(" ("), line.find(" used)")) {
            (Some(begin), Some(end)) => format!("{}{}", &line[..begin], &line[end + 6..]),
            _ => line.to_owned(),
        })
        .collect();
    let tree = without_used.join("\n");
    let top = tree.lines().nth(1).unwrap();
    assert!(top.starts_with("└─ qmpsh-"), "{tree}");
    assert!(top.ends_with("/top.qcow2"), "{tree}");
    for told in [
        "   └─ backing: a  qcow2, 16 MiB, read-only, a.qcow2\n      │ * bitmap b0: 0 B dirty\n      │ * export e0: nbd\n      \
         └─ file: a-file  file\n",
        "disk-b\n└─ filter  mirror_top\n   │ * job j0: main node\n   └─ backing: b  raw, 8 MiB, b.raw\n      │ * job j0: source\n",
        "used by no drive\n└─ copy  null-co, ",
        "     * job j0: target\n",
        "jobs\n└─ j0  mirror, running, ",
        ", at most 1 B/s",
    ] {
        assert!(tree.contains(told), "{told}\nis not in\n{tree}");
    }
}
