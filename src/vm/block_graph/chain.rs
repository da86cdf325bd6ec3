//! The images that a drive is made of: the one that its guest writes to, and those below it.

use super::{BlockGraph, Node};

/// Drivers that hold no data of their own, but stand before another node.
const FILTERS: &[&str] = &[
    "backup-top",
    "blkdebug",
    "blklogwrites",
    "blkreplay",
    "blkverify",
    "commit_top",
    "compress",
    "copy-before-write",
    "copy-on-read",
    "mirror_top",
    "preallocate",
    "replication",
    "throttle",
];

impl BlockGraph {
    /// The nodes of the images from `node` down, each the backing file of the one before it; filters are left out.
    pub fn chain(&self, node: &str) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next = Some(node);
        // As many steps as there are nodes: no QEMU tells nodes in a circle.
        for _ in 0..self.nodes.len() {
            let Some(node) = next.and_then(|name| self.node(name)) else {
                break;
            };
            next = if is_filter(node) {
                below(node)
            } else {
                chain.push(node.node.clone());
                child(node, "backing")
            };
        }
        chain
    }

    /// The node that a filter stands before; nothing for what is no filter.
    pub(super) fn below_filter(&self, name: &str) -> Option<&str> {
        let node = self.node(name).filter(|node| is_filter(node))?;
        below(node)
    }
}

fn is_filter(node: &Node) -> bool {
    FILTERS.contains(&node.driver.as_str())
}

fn below(filter: &Node) -> Option<&str> {
    child(filter, "file").or_else(|| child(filter, "backing"))
}

fn child<'a>(node: &'a Node, role: &str) -> Option<&'a str> {
    let edge = node.children.iter().find(|edge| edge.role == role)?;
    Some(&edge.node)
}
