//! The graph of a VM's block nodes: which drive, job and export uses which node, and what lies below it.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `read` | the graph in the replies of a QEMU, of whatever age |
//! | `chain` | the images that a drive is made of |
//! | `facts` | what is told of a node, a job, an export |
//! | `tree` | the graph as lines of text |
//! | `svg` | the graph as a picture |
//!
//! Here is the graph itself, and [`Vm::block_graph`], which asks for it.

mod chain;
mod facts;
mod read;
mod svg;
mod tree;

pub(super) use read::id_of;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::disk::Bitmap;
use super::error::{Error, ErrorKind};
use super::machine::{Vm, object};

pub use tree::Part;

/// All block nodes of a VM, and who uses them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockGraph {
    /// The drives of the machine.
    pub drives: Vec<Drive>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The jobs, with the nodes that they work on.
    pub jobs: Vec<Job>,
    /// What is served to others.
    pub exports: Vec<Export>,
}

/// A drive of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drive {
    /// What an operator calls it: its name from before `-blockdev`, else the id of its device.
    pub name: String,
    /// The device's id or path in the machine (`qdev`).
    pub qdev: Option<String>,
    /// The node at the top; none in an empty drive.
    pub node: Option<String>,
    /// Whether the medium can be changed.
    pub removable: bool,
    /// The nodes of its images, from the one that its guest writes to down to the base.
    pub chain: Vec<String>,
}

/// A block node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub node: String,
    /// Its driver, as in `qcow2` or `file`.
    pub driver: String,
    /// The image as QEMU knows it.
    pub file: Option<String>,
    /// The size that its user sees, in bytes.
    pub virtual_size: Option<u64>,
    /// The room that the image takes, in bytes.
    pub actual_size: Option<u64>,
    /// Whether it can be written to.
    pub writable: bool,
    /// Whether the image is encrypted.
    pub encrypted: bool,
    /// Its dirty bitmaps.
    pub bitmaps: Vec<Bitmap>,
    /// The internal snapshots in the image.
    pub snapshots: Vec<Snapshot>,
    /// The nodes right below it.
    pub children: Vec<Edge>,
}

/// An internal snapshot in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was taken, in seconds since 1970.
    pub date: i64,
    /// The bytes of the machine's memory and devices; 0 where the image has those of its disk alone.
    pub vm_state: u64,
}

/// A way from a node, or a job, to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// What the node is there, as in `file`, `backing` or `target`.
    pub role: String,
    /// The node's name.
    pub node: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What it does, as in `mirror` or `backup`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands, as in `running`.
    pub status: String,
    /// The work done so far, in bytes for block jobs.
    pub current: u64,
    /// The work in all as far as QEMU knows it.
    pub total: u64,
    /// The most bytes a second that it may do, if it is held back.
    pub speed: Option<u64>,
    /// The nodes that it works on; none where this QEMU does not tell.
    pub nodes: Vec<Edge>,
}

/// What is served to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its id.
    pub id: String,
    /// How it is served, as in `nbd`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The node that is served.
    pub node: String,
}

/// What a QEMU replied; null for what it does not know.
struct Replies {
    drives: Value,
    nodes: Value,
    graph: Value,
    jobs: Value,
    block_jobs: Value,
    exports: Value,
}

impl Vm {
    /// The VM's block nodes and who uses them, from `query-block`, `query-named-block-nodes`, `x-debug-query-block-graph`
    /// (QEMU 4.0), `query-jobs`, `query-block-jobs` and `query-block-exports`, as far as this QEMU has them.
    ///
    /// They are asked one after the other, so what is changed meanwhile may be seen half.
    pub async fn block_graph(&self) -> Result<BlockGraph, Error> {
        let nodes = "query-named-block-nodes";
        let replies = Replies {
            drives: self.call("query-block", Map::new()).await?,
            // Without it (QEMU 5.0) each node has the whole chain below it again.
            nodes: match self.call(nodes, object(json!({ "flat": true }))).await {
                Err(error) if error.is_refusal() => self.call(nodes, Map::new()).await?,
                reply => reply?,
            },
            graph: self.if_known("x-debug-query-block-graph").await?,
            jobs: self.if_known("query-jobs").await?,
            block_jobs: self.if_known("query-block-jobs").await?,
            exports: self.if_known("query-block-exports").await?,
        };
        Ok(read::graph(&replies))
    }

    /// The reply to a question; null where this QEMU does not know it.
    async fn if_known(&self, question: &str) -> Result<Value, Error> {
        match self.call(question, Map::new()).await {
            Err(error) if matches!(error.kind, ErrorKind::NoCommand { .. }) => Ok(Value::Null),
            reply => reply,
        }
    }
}

impl BlockGraph {
    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.node == name)
    }
}
