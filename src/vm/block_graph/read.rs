//! The graph in what a QEMU replied. What makes no sense in it is left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BlockGraph, Drive, Edge, Export, Job, Node, Replies, Snapshot};
use crate::vm::disk;
use crate::vm::image;

pub(super) fn graph(replies: &Replies) -> BlockGraph {
    let edges = Edges::of(&replies.graph);
    let mut nodes: Vec<Node> = each(&replies.nodes).filter_map(node).collect();
    if let Some(edges) = &edges {
        for node in &mut nodes {
            node.children = edges.from("block-driver", &node.node);
        }
    } else if !nodes.iter().any(|node| !node.children.is_empty()) {
        join_by_files(&mut nodes, &replies.nodes);
    }
    let speeds: BTreeMap<String, u64> = each(&replies.block_jobs)
        .filter_map(|job| Some((text(&job["device"])?, job["speed"].as_u64()?)))
        .collect();
    // Before QEMU 3.0 there were jobs of blocks only.
    let jobs = match &replies.jobs {
        Value::Null => &replies.block_jobs,
        jobs => jobs,
    };
    let job = |told: &Value| {
        let mut job = job(told)?;
        job.speed = speeds.get(&job.id).copied().filter(|speed| *speed > 0);
        if let Some(edges) = &edges {
            job.nodes = edges.from("block-job", &job.id);
        }
        Some(job)
    };
    let mut graph = BlockGraph {
        drives: each(&replies.drives).filter_map(drive).collect(),
        jobs: each(jobs).filter_map(job).collect(),
        exports: each(&replies.exports).filter_map(export).collect(),
        nodes,
    };
    if let Some(edges) = &edges {
        take_out(&mut graph, edges);
    }
    let chain = |drive: &Drive| match &drive.node {
        Some(node) => graph.chain(node),
        None => Vec::new(),
    };
    let chains: Vec<Vec<String>> = graph.drives.iter().map(chain).collect();
    for (drive, chain) in graph.drives.iter_mut().zip(chains) {
        drive.chain = chain;
    }
    graph
}

/// Takes out the filters of jobs that have ended: QEMU shows them in a dry run in which the end was only pretended.
fn take_out(graph: &mut BlockGraph, edges: &Edges) {
    let has_ended = |job: &str| !graph.jobs.iter().any(|one| one.id == job);
    let filters: Vec<(String, String)> = edges
        .of_jobs()
        .filter(|(job, edge)| has_ended(job) && edge.role == "main node")
        .filter_map(|(_, edge)| {
            let below = graph.below_filter(&edge.node)?;
            Some((edge.node.clone(), below.to_owned()))
        })
        .collect();
    for (filter, below) in &filters {
        graph.nodes.retain(|node| node.node != *filter);
        let drives = graph.drives.iter_mut();
        let children = graph.nodes.iter_mut().flat_map(|node| &mut node.children);
        let over = drives.filter_map(|drive| drive.node.as_mut());
        for name in over.chain(children.map(|edge| &mut edge.node)) {
            if name == filter {
                name.clone_from(below);
            }
        }
    }
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn drive(told: &Value) -> Option<Drive> {
    let qdev = text(&told["qdev"]);
    let name = text(&told["device"]).or_else(|| qdev.as_deref().map(id_of));
    Some(Drive {
        name: name?,
        qdev,
        node: text(&told["inserted"]["node-name"]),
        removable: told["removable"] == true,
        chain: Vec::new(),
    })
}

/// The device's id in its path: `/machine/peripheral/ID/virtio-backend`.
pub(in crate::vm) fn id_of(qdev: &str) -> String {
    let id = qdev
        .strip_prefix("/machine/peripheral/")
        .and_then(|rest| rest.split('/').next());
    id.unwrap_or(qdev).to_owned()
}

fn node(told: &Value) -> Option<Node> {
    let child = |told: &Value| {
        Some(Edge {
            role: text(&told["child"])?,
            node: text(&told["node-name"])?,
        })
    };
    Some(Node {
        node: text(&told["node-name"])?,
        driver: text(&told["drv"]).unwrap_or_default(),
        file: text(&told["file"]).map(|file| image::file_of(&file)),
        virtual_size: told["image"]["virtual-size"].as_u64(),
        actual_size: told["image"]["actual-size"].as_u64(),
        writable: told["ro"] == false,
        encrypted: told["encrypted"] == true,
        bitmaps: each(&told["dirty-bitmaps"]).map(disk::bitmap).collect(),
        snapshots: each(&told["image"]["snapshots"])
            .filter_map(snapshot)
            .collect(),
        // Since QEMU 10.1.
        children: each(&told["children"]).filter_map(child).collect(),
    })
}

fn snapshot(told: &Value) -> Option<Snapshot> {
    Some(Snapshot {
        name: text(&told["name"])?,
        date: told["date-sec"].as_i64().unwrap_or(0),
        vm_state: told["vm-state-size"].as_u64().unwrap_or(0),
    })
}

fn job(told: &Value) -> Option<Job> {
    let number = |key: &str, of_blocks: &str| {
        let number = told[key].as_u64().or_else(|| told[of_blocks].as_u64());
        number.unwrap_or(0)
    };
    Some(Job {
        id: text(&told["id"]).or_else(|| text(&told["device"]))?,
        kind: text(&told["type"]).unwrap_or_default(),
        status: text(&told["status"]).unwrap_or_default(),
        current: number("current-progress", "offset"),
        total: number("total-progress", "len"),
        speed: None,
        nodes: Vec::new(),
    })
}

fn export(told: &Value) -> Option<Export> {
    Some(Export {
        id: text(&told["id"])?,
        kind: text(&told["type"]).unwrap_or_default(),
        node: text(&told["node-name"])?,
    })
}

/// The edges in a reply to `x-debug-query-block-graph`: what a node or a job, by type and name, leads to.
struct Edges(BTreeMap<(String, String), Vec<Edge>>);

impl Edges {
    fn of(reply: &Value) -> Option<Self> {
        reply.as_object()?;
        let end = |node: &Value| {
            let end = (text(&node["type"])?, text(&node["name"])?);
            Some((node["id"].as_u64()?, end))
        };
        let ends: BTreeMap<u64, (String, String)> = each(&reply["nodes"]).filter_map(end).collect();
        let mut edges: BTreeMap<(String, String), Vec<Edge>> = BTreeMap::new();
        for told in each(&reply["edges"]) {
            let of_end = |key: &str| ends.get(&told[key].as_u64()?);
            let (Some(parent), Some((kind, node))) = (of_end("parent"), of_end("child")) else {
                continue;
            };
            if kind == "block-driver" {
                edges.entry(parent.clone()).or_default().push(Edge {
                    role: text(&told["name"]).unwrap_or_default(),
                    node: node.clone(),
                });
            }
        }
        for edges in edges.values_mut() {
            // QEMU tells the newest first.
            edges.sort_by(|one, other| {
                (one.role == "backing", &one.role).cmp(&(other.role == "backing", &other.role))
            });
        }
        Some(Self(edges))
    }

    /// The jobs, each with a node that it works on.
    fn of_jobs(&self) -> impl Iterator<Item = (&str, &Edge)> {
        let jobs = self.0.iter().filter(|((kind, _), _)| kind == "block-job");
        jobs.flat_map(|((_, job), edges)| edges.iter().map(move |edge| (job.as_str(), edge)))
    }

    fn from(&self, kind: &str, name: &str) -> Vec<Edge> {
        let parent = (kind.to_owned(), name.to_owned());
        self.0.get(&parent).cloned().unwrap_or_default()
    }
}

/// Makes edges of the files' names, for a QEMU that tells none.
fn join_by_files(nodes: &mut [Node], told: &Value) {
    let backing: BTreeMap<String, String> = each(told)
        .filter_map(|node| Some((text(&node["node-name"])?, text(&node["backing_file"])?)))
        .collect();
    let by_file: BTreeMap<(String, bool), String> = nodes
        .iter()
        .filter_map(|node| {
            let file = node.file.clone()?;
            Some(((file, is_of_protocol(&node.driver)), node.node.clone()))
        })
        .collect();
    for node in nodes
        .iter_mut()
        .filter(|node| !is_of_protocol(&node.driver))
    {
        let ways = [
            ("file", node.file.clone().map(|file| (file, true))),
            (
                "backing",
                backing.get(&node.node).map(|file| (file.clone(), false)),
            ),
        ];
        let edge = |(role, way): (&str, Option<(String, bool)>)| {
            Some(Edge {
                role: role.to_owned(),
                node: by_file.get(&way?)?.clone(),
            })
        };
        node.children = ways.into_iter().filter_map(edge).collect();
    }
}

/// Whether the driver reaches data by itself, with no node below it.
fn is_of_protocol(driver: &str) -> bool {
    matches!(
        driver,
        "file"
            | "host_device"
            | "host_cdrom"
            | "nbd"
            | "iscsi"
            | "rbd"
            | "ssh"
            | "gluster"
            | "nfs"
            | "nvme"
            | "curl"
            | "http"
            | "https"
            | "ftp"
            | "ftps"
            | "null-co"
            | "null-aio"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Replies;
    use super::graph;

    fn nodes() -> Value {
        json!([
            { "node-name": "top", "drv": "qcow2", "file": "/srv/top", "backing_file": "/srv/base", "ro": false },
            { "node-name": "top-file", "drv": "file", "file": "/srv/top", "ro": false },
            { "node-name": "base", "drv": "qcow2", "file": "/srv/base", "ro": true },
            { "node-name": 5, "drv": "qcow2" },
            null,
        ])
    }

    fn replies(nodes: Value, graph: Value) -> Replies {
        Replies {
            drives: json!([{ "device": "", "qdev": "/machine/peripheral/vd0/virtio-backend",
                             "inserted": { "node-name": "top" } }, {}]),
            nodes,
            graph,
            jobs: Value::Null,
            block_jobs: json!([{ "device": "j0", "type": "mirror", "len": 10, "offset": 5, "speed": 7 }]),
            exports: Value::Null,
        }
    }

    #[track_caller]
    fn expect_chain(nodes: Value, told: Value) {
        let graph = graph(&replies(nodes, told));
        assert_eq!(graph.drives[0].name, "vd0");
        let below: Vec<_> = graph
            .node("top")
            .unwrap()
            .children
            .iter()
            .map(|edge| (edge.role.as_str(), edge.node.as_str()))
            .collect();
        assert_eq!(below, [("file", "top-file"), ("backing", "base")]);
        let job = &graph.jobs[0];
        assert_eq!(
            (job.id.as_str(), job.current, job.total, job.speed),
            ("j0", 5, 10, Some(7))
        );
    }

    #[test]
    fn the_edges_are_those_that_a_qemu_tells_in_its_way() {
        expect_chain(
            nodes(),
            json!({
                "nodes": [
                    { "id": 1, "type": "block-driver", "name": "top" }, { "id": 2, "type": "block-driver", "name": "top-file" },
                    { "id": 3, "type": "block-driver", "name": "base" }, { "id": "x" },
                ],
                "edges": [
                    { "parent": 1, "child": 3, "name": "backing" }, { "parent": 1, "child": 2, "name": "file" },
                    { "parent": 9, "child": 2, "name": "file" }, {},
                ],
            }),
        );
        let mut told = nodes();
        told[0]["children"] = json!([
            { "child": "file", "node-name": "top-file" }, { "child": "backing", "node-name": "base" }, { "child": "x" },
        ]);
        expect_chain(told, Value::Null);
    }

    #[test]
    fn a_job_that_is_told_no_more_has_no_filter() {
        let end = |id: u64, kind: &str, name: &str| json!({ "id": id, "type": kind, "name": name });
        let nodes = json!([
            { "node-name": "top", "drv": "qcow2" },
            { "node-name": "#cbw", "drv": "copy-before-write" },
        ]);
        let told = json!({
            "nodes": [
                end(1, "block-driver", "top"), end(2, "block-driver", "#cbw"), end(3, "block-job", "b"),
            ],
            "edges": [
                { "parent": 2, "child": 1, "name": "file" }, { "parent": 3, "child": 2, "name": "main node" },
            ],
        });
        for (jobs, node) in [(json!([{ "id": "b" }]), "#cbw"), (json!([]), "top")] {
            let mut replies = replies(nodes.clone(), told.clone());
            replies.drives[0]["inserted"]["node-name"] = json!("#cbw");
            replies.jobs = jobs;
            let graph = graph(&replies);
            assert_eq!(graph.drives[0].node.as_deref(), Some(node));
            assert_eq!(graph.drives[0].chain, ["top"]);
            assert_eq!(graph.node("#cbw").is_some(), node == "#cbw");
        }
    }

    #[test]
    fn where_it_tells_none_they_are_found_by_the_files() {
        expect_chain(nodes(), Value::Null);
    }

    #[test]
    fn replies_that_make_no_sense_are_an_empty_graph() {
        let graph = graph(&Replies {
            drives: json!({}),
            nodes: json!("x"),
            graph: json!([]),
            jobs: json!(5),
            block_jobs: json!(true),
            exports: json!(null),
        });
        assert_eq!(graph, super::BlockGraph::default());
    }
}
