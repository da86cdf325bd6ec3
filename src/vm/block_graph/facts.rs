//! What is told of nodes, jobs and exports in words, whether the graph is a tree of lines or a picture. Names in it are escaped.

use std::collections::HashMap;

use super::{BlockGraph, Edge, Job, Node};
use crate::vm::size::human;
use crate::wire::escape::escaped;

/// What is told of a node; of one whose `file` is told elsewhere, no more than what differs.
pub(super) fn facts_of(node: &Node, file: Option<&str>) -> Vec<String> {
    let mut facts = vec![escaped(&node.driver).into_owned()];
    if file.is_none() && node.file.is_some() {
        return facts;
    }
    match (node.virtual_size, node.actual_size) {
        (Some(size), Some(used)) => facts.push(format!("{} ({} used)", human(size), human(used))),
        (Some(size), None) => facts.push(human(size)),
        (None, _) => {}
    }
    if !node.writable {
        facts.push("read-only".to_owned());
    }
    if node.encrypted {
        facts.push("encrypted".to_owned());
    }
    facts.extend(file.map(|file| escaped(file).into_owned()));
    facts
}

pub(super) fn facts_of_job(job: &Job) -> Vec<String> {
    let mut facts: Vec<String> = [&job.kind, &job.status]
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(|word| escaped(word).into_owned())
        .collect();
    if job.total > 0 {
        let percent = u128::from(job.current) * 100 / u128::from(job.total);
        facts.push(format!("{percent} % of {}", human(job.total)));
    }
    facts.extend(job.speed.map(|speed| format!("at most {}/s", human(speed))));
    facts
}

/// A node's bitmaps.
pub(super) fn bitmaps(node: &Node) -> Vec<String> {
    let mut all = Vec::new();
    for bitmap in &node.bitmaps {
        // Those that belong to jobs have no name.
        let Some(name) = &bitmap.name else { continue };
        let mut told = format!("bitmap {}: {} dirty", escaped(name), human(bitmap.count));
        for (is, word) in [
            (bitmap.persistent, ", persistent"),
            (!bitmap.recording, ", not recording"),
            (
                bitmap.inconsistent,
                ", inconsistent: good only to be removed",
            ),
        ] {
            if is {
                told.push_str(word);
            }
        }
        all.push(told);
    }
    all
}

/// The jobs and exports that use a node, by its name.
pub(super) fn users(graph: &BlockGraph) -> HashMap<&str, Vec<String>> {
    let mut users: HashMap<&str, Vec<String>> = HashMap::new();
    for job in &graph.jobs {
        for (node, roles) in by_node(&job.nodes) {
            let told = format!("job {}: {}", escaped(&job.id), escaped(&roles.join(", ")));
            users.entry(node).or_default().push(told);
        }
    }
    for export in &graph.exports {
        let told = format!("export {}: {}", escaped(&export.id), escaped(&export.kind));
        users.entry(&export.node).or_default().push(told);
    }
    users
}

/// The nodes that these lead to, each once, with all that it is there.
pub(super) fn by_node(edges: &[Edge]) -> Vec<(&str, Vec<&str>)> {
    let mut nodes: Vec<(&str, Vec<&str>)> = Vec::new();
    for Edge { role, node } in edges {
        match nodes.iter_mut().find(|(known, _)| known == node) {
            Some((_, roles)) => roles.push(role),
            None => nodes.push((node, vec![role])),
        }
    }
    nodes
}
