//! `v.block_graph()`, `v.block_tree()` and `v.block_svg()`: the VM's block nodes, who uses them, and what lies below them.

use rhai::{Engine, Map};

use super::{Outcome, data, json, method, wait};
use crate::script::error;
use crate::vm::{BlockGraph, Vm};

pub(super) fn register(engine: &mut Engine) {
    method(
        "block_graph",
        &["vm", "map"],
        r"
        The VM's block nodes and who uses them, as QEMU sees them now (QMP `query-block`, `query-named-block-nodes`,
        `x-debug-query-block-graph`, `query-jobs`, `query-block-exports`, as far as this QEMU has them), as a map:

        - `drives`: `#{ name, qdev, node, removable, chain }`; an empty one has no `node`; `chain` are the nodes of its images,
          from the one that the guest writes to down to the base
        - `nodes`: `#{ node, driver, file, virtual_size, actual_size, writable, encrypted, bitmaps, snapshots, children }`;
          `snapshots` are the internal ones in the image, each `#{ name, date, vm_state }`, `children` the nodes right below,
          each `#{ role, node }`, as in `file` and `backing`
        - `jobs`: `#{ id, type, status, current, total, speed, nodes }`; `nodes` are those that it works on, each
          `#{ role, node }`, as in `source` and `target`
        - `exports`: `#{ id, type, node }`

        ```rhai
        for node in v.block_graph().nodes {
            for below in node.children { print(`${node.node} -> ${below.node} (${below.role})`) }
        }
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| data(&ask(vm)?));
    method(
        "block_tree",
        &["vm", "string"],
        r"
        The same as text: each drive with the nodes below it, their files, sizes and bitmaps, and the jobs and exports that
        use them; then the nodes that no drive uses, and how far the jobs are.

        ```rhai
        print(v.block_tree());
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| Outcome::Ok(tree(&ask(vm)?)));
    method(
        "block_tree",
        &["vm", "graph: map", "string"],
        r"
        The same of what `block_graph` gave before, without asking again.

        ```rhai
        let graph = v.block_graph();
        graph.jobs.len() > 0 || v.block_tree(graph) == v.block_tree()
        ```",
    )
    .register_into_engine(engine, |_: &mut Vm, graph: Map| {
        Outcome::Ok(tree(&read("block_tree", graph)?))
    });
    method(
        "block_svg",
        &["vm", "string"],
        r#"
        The same as a picture (SVG): each node below all that uses it.

        ```rhai
        v.block_svg().contains("<svg")
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm| Outcome::Ok(ask(vm)?.svg()));
    method(
        "block_svg",
        &["vm", "graph: map", "string"],
        r#"
        The same of what `block_graph` gave before, without asking again.

        ```rhai
        v.block_svg(v.block_graph()).contains("<svg")
        ```"#,
    )
    .register_into_engine(engine, |_: &mut Vm, graph: Map| {
        Outcome::Ok(read("block_svg", graph)?.svg())
    });
}

fn tree(graph: &BlockGraph) -> String {
    graph
        .tree(usize::MAX, &|_, text| text.to_owned())
        .join("\n")
}

/// A graph that a script has.
fn read(function: &str, graph: Map) -> Outcome<BlockGraph> {
    let graph = json("graph", &graph.into())?;
    serde_json::from_value(graph).map_err(|wrong| {
        error::usage(format!(
            "{function}: this is no graph of `block_graph`: {wrong}"
        ))
    })
}

fn ask(vm: &Vm) -> Outcome<BlockGraph> {
    wait(
        format_args!("{}: the block nodes", vm.label()),
        vm.block_graph(),
    )
}
