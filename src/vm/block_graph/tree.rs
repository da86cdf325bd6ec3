//! The graph as lines of text: each drive with the nodes below it, then what no drive uses, then the jobs.

use std::collections::{HashMap, HashSet};

use super::facts::{bitmaps, facts_of, facts_of_job, users};
use super::{BlockGraph, Node};
use crate::wire::escape::escaped;

/// What a piece of a line is, for who colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A drive, or a title.
    Title,
    /// The lines of the tree.
    Stem,
    /// What a node is to the one above.
    Role,
    /// A node's or a job's name.
    Name,
    /// What is told of it.
    Fact,
}

/// How deep it is drawn: deeper than any chain that works, and no more than a line can show.
const DEPTH: usize = 64;

/// The least that a line has for what is told, when its stem takes the most of it.
const LEAST: usize = 30;

impl BlockGraph {
    /// The lines of the graph as a tree, none of them longer than `width` where that can be; each piece of them is given to
    /// `paint`. Nothing in it acts on a terminal.
    pub fn tree(&self, width: usize, paint: &dyn Fn(Part, &str) -> String) -> Vec<String> {
        let mut drawing = Drawing {
            graph: self,
            nodes: self
                .nodes
                .iter()
                .map(|node| (node.node.as_str(), node))
                .collect(),
            users: users(self),
            drawn: HashSet::new(),
            width,
            paint,
            lines: Vec::new(),
        };
        drawing.drives();
        drawing.others();
        drawing.jobs();
        drawing.lines
    }
}

struct Drawing<'a> {
    graph: &'a BlockGraph,
    nodes: HashMap<&'a str, &'a Node>,
    users: HashMap<&'a str, Vec<String>>,
    drawn: HashSet<&'a str>,
    width: usize,
    paint: &'a dyn Fn(Part, &str) -> String,
    lines: Vec<String>,
}

/// Nodes to be drawn below something, each with its role there.
struct Below<'a> {
    ways: Vec<(&'a str, &'a str)>,
    /// The stem of the lines above.
    stem: String,
    /// The file that was told right above: what lies in the same one need not tell it again.
    file: Option<&'a str>,
    depth: usize,
}

impl<'a> Below<'a> {
    fn title(nodes: impl Iterator<Item = &'a str>) -> Self {
        Self {
            ways: nodes.map(|node| ("", node)).collect(),
            stem: String::new(),
            file: None,
            depth: 0,
        }
    }
}

impl<'a> Drawing<'a> {
    fn drives(&mut self) {
        let graph = self.graph;
        for drive in &graph.drives {
            let mut facts = Vec::new();
            if drive.removable {
                facts.push("removable".to_owned());
            }
            if drive.node.is_none() {
                facts.push("empty".to_owned());
            }
            self.entry(("", ""), "", (Part::Title, &drive.name), &facts);
            self.nodes(&Below::title(drive.node.as_deref().into_iter()));
        }
    }

    /// What no drive leads to: the targets of jobs, and what was made ready.
    fn others(&mut self) {
        let graph = self.graph;
        let edges = graph.nodes.iter().flat_map(|node| &node.children);
        let below: HashSet<&str> = edges.map(|edge| edge.node.as_str()).collect();
        let names = graph.nodes.iter().map(|node| node.node.as_str());
        let left: Vec<&str> = names.filter(|name| !self.drawn.contains(name)).collect();
        let is_top = |name: &&str| !below.contains(name);
        let mut tops: Vec<&str> = left.iter().copied().filter(is_top).collect();
        if left.is_empty() {
            return;
        }
        if tops.is_empty() {
            // No QEMU tells nodes in a circle; if one does, they are shown all the same.
            tops = left;
        }
        self.entry(("", ""), "", (Part::Title, "used by no drive"), &[]);
        self.nodes(&Below::title(tops.into_iter()));
    }

    fn jobs(&mut self) {
        let graph = self.graph;
        if !graph.jobs.is_empty() {
            self.entry(("", ""), "", (Part::Title, "jobs"), &[]);
        }
        for (number, job) in graph.jobs.iter().enumerate() {
            let (first, rest) = stems("", number + 1 == graph.jobs.len());
            self.entry(
                (&first, &rest),
                "",
                (Part::Name, &job.id),
                &facts_of_job(job),
            );
        }
    }

    fn nodes(&mut self, below: &Below<'a>) {
        for (number, (role, name)) in below.ways.iter().enumerate() {
            let (first, rest) = stems(&below.stem, number + 1 == below.ways.len());
            let mut facts = Vec::new();
            let node = self.nodes.get(name).copied();
            let is_new = self.drawn.insert(name);
            let (file, ways) = match node {
                None => (None, Vec::new()),
                Some(_) if !is_new => {
                    facts.push("drawn above".to_owned());
                    (None, Vec::new())
                }
                Some(node) => {
                    let told = node
                        .file
                        .as_deref()
                        .filter(|file| below.file != Some(file) && !self.is_filter(node));
                    facts = facts_of(node, told);
                    let ways = node
                        .children
                        .iter()
                        .map(|edge| (edge.role.as_str(), edge.node.as_str()));
                    (told, ways.collect())
                }
            };
            let is_too_deep = below.depth == DEPTH && !ways.is_empty();
            if is_too_deep {
                facts.push("and more below".to_owned());
            }
            self.entry((&first, &rest), role, (Part::Name, name), &facts);
            if !is_new || is_too_deep {
                continue;
            }
            let stem = if ways.is_empty() {
                format!("{rest}  ")
            } else {
                format!("{rest}│ ")
            };
            let mut notes = node.map(bitmaps).unwrap_or_default();
            notes.extend(self.users.remove(name).unwrap_or_default());
            for note in notes {
                let line = (self.paint)(Part::Stem, &format!("{stem}* "));
                let told = (self.paint)(Part::Fact, &note);
                self.lines.push(format!("{line}{told}"));
            }
            self.nodes(&Below {
                ways,
                stem: rest,
                file,
                depth: below.depth + 1,
            });
        }
    }

    /// Whether the node only stands before another one, whose file is told as its own.
    fn is_filter(&self, node: &Node) -> bool {
        node.children.iter().any(|edge| {
            self.nodes
                .get(edge.node.as_str())
                .is_some_and(|below| below.file == node.file && !below.children.is_empty())
        })
    }

    /// A line, and more where the facts do not fit into one.
    fn entry(
        &mut self,
        (first, rest): (&str, &str),
        role: &str,
        (part, name): (Part, &str),
        facts: &[String],
    ) {
        let name = escaped(name);
        let mut line = String::new();
        let mut used = 0;
        let mut add = |line: &mut String, part, text: &str| {
            used += text.chars().count();
            line.push_str(&(self.paint)(part, text));
        };
        add(&mut line, Part::Stem, first);
        if !role.is_empty() {
            add(&mut line, Part::Role, &format!("{}: ", escaped(role)));
        }
        add(&mut line, part, &name);
        let width = self.width.max(rest.chars().count() + LEAST);
        let mut separator = "  ";
        for (number, fact) in facts.iter().enumerate() {
            let comma = if number + 1 < facts.len() { "," } else { "" };
            let length = fact.chars().count() + comma.len();
            if used + separator.len() + length > width {
                self.lines.push(std::mem::take(&mut line));
                let stem = format!("{rest}    ");
                used = stem.chars().count();
                line.push_str(&(self.paint)(Part::Stem, &stem));
                separator = "";
            }
            used += separator.len() + length;
            line.push_str(separator);
            line.push_str(&(self.paint)(Part::Fact, &format!("{fact}{comma}")));
            separator = " ";
        }
        self.lines.push(line);
    }
}

/// The stems of an entry's first line and of the lines below it.
fn stems(above: &str, is_last: bool) -> (String, String) {
    if is_last {
        (format!("{above}└─ "), format!("{above}   "))
    } else {
        (format!("{above}├─ "), format!("{above}│  "))
    }
}

#[cfg(test)]
mod tests;
