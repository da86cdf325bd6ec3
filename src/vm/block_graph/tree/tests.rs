//! What a graph looks like as a tree.

use crate::vm::block_graph::{BlockGraph, Drive, Edge, Export, Job, Node};
use crate::vm::disk::Bitmap;

fn node(name: &str, driver: &str, file: &str, children: &[(&str, &str)]) -> Node {
    Node {
        node: name.to_owned(),
        driver: driver.to_owned(),
        file: Some(file.to_owned()),
        virtual_size: Some(1 << 20),
        actual_size: Some(200 << 10),
        writable: true,
        encrypted: false,
        bitmaps: Vec::new(),
        snapshots: Vec::new(),
        children: edges(children),
    }
}

fn edges(ways: &[(&str, &str)]) -> Vec<Edge> {
    let edge = |(role, node): &(&str, &str)| Edge {
        role: (*role).to_owned(),
        node: (*node).to_owned(),
    };
    ways.iter().map(edge).collect()
}

fn drive(name: &str, node: Option<&str>) -> Drive {
    Drive {
        name: name.to_owned(),
        qdev: None,
        node: node.map(str::to_owned),
        removable: node.is_none(),
        chain: Vec::new(),
    }
}

fn graph() -> BlockGraph {
    let mut base = node("base", "qcow2", "/srv/base", &[("file", "base-file")]);
    base.writable = false;
    base.bitmaps.push(Bitmap {
        name: Some("b0".to_owned()),
        count: 65536,
        granularity: 65536,
        recording: true,
        persistent: true,
        inconsistent: false,
    });
    BlockGraph {
        drives: vec![drive("vd0", Some("filter")), drive("cd0", None)],
        nodes: vec![
            node("filter", "mirror_top", "/srv/top", &[("backing", "top")]),
            node(
                "top",
                "qcow2",
                "/srv/top",
                &[("file", "top-file"), ("backing", "base")],
            ),
            node("top-file", "file", "/srv/top", &[]),
            base,
            node("base-file", "file", "/srv/base", &[]),
            node("target", "file", "/srv/copy", &[]),
        ],
        jobs: vec![Job {
            id: "j0".to_owned(),
            kind: "mirror".to_owned(),
            status: "running".to_owned(),
            current: 1,
            total: 4 << 20,
            speed: Some(1 << 20),
            nodes: edges(&[("main node", "filter"), ("target", "target")]),
        }],
        exports: vec![Export {
            id: "e0".to_owned(),
            kind: "nbd".to_owned(),
            node: "base".to_owned(),
        }],
    }
}

fn drawn(graph: &BlockGraph, width: usize) -> String {
    graph.tree(width, &|_, text| text.to_owned()).join("\n")
}

#[test]
fn each_drive_is_drawn_with_its_chain_and_what_uses_it() {
    assert_eq!(
        drawn(&graph(), 100),
        "\
vd0
└─ filter  mirror_top
   │ * job j0: main node
   └─ backing: top  qcow2, 1 MiB (200 KiB used), /srv/top
      ├─ file: top-file  file
      └─ backing: base  qcow2, 1 MiB (200 KiB used), read-only, /srv/base
         │ * bitmap b0: 64 KiB dirty, persistent
         │ * export e0: nbd
         └─ file: base-file  file
cd0  removable, empty
used by no drive
└─ target  file, 1 MiB (200 KiB used), /srv/copy
     * job j0: target
jobs
└─ j0  mirror, running, 0 % of 4 MiB, at most 1 MiB/s"
    );
}

#[test]
fn what_does_not_fit_goes_on_in_the_next_line() {
    let narrow = drawn(&graph(), 50);
    assert!(
        narrow.contains("\n   └─ backing: top  qcow2, 1 MiB (200 KiB used),\n          /srv/top\n"),
        "{narrow}"
    );
}

#[test]
fn a_graph_that_no_qemu_has_ends_and_acts_on_nothing() {
    let mut graph = BlockGraph::default();
    assert_eq!(drawn(&graph, 80), "");
    // In a circle, with nodes that there are not.
    graph.nodes = vec![
        node("a", "raw", "/a", &[("file", "b"), ("backing", "nobody")]),
        node("b", "raw\u{1b}[2J", "/b", &[("file", "a")]),
    ];
    assert_eq!(
        drawn(&graph, 80),
        "\
used by no drive
├─ a  raw, 1 MiB (200 KiB used), /a
│  ├─ file: b  raw\\x1b[2J, 1 MiB (200 KiB used), /b
│  │  └─ file: a  drawn above
│  └─ backing: nobody
└─ b  drawn above"
    );
    // A chain of a hundred thousand.
    let link = |number: usize| {
        node(
            &number.to_string(),
            "qcow2",
            "/a",
            &[("backing", &(number + 1).to_string())],
        )
    };
    graph.nodes = (0..100_000).map(link).collect();
    assert!(drawn(&graph, 80).contains("and more below"));
}
