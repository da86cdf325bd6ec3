//! The graph as a picture: drives, jobs and exports at the top, each node below all that uses it. Where things go is for
//! `layout-rs` to find; `canvas` writes what it placed.

mod canvas;

use std::collections::HashMap;

use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use self::canvas::{Canvas, FONT, LETTER, LINE, MARGIN, number};
use super::facts::{bitmaps, by_node, facts_of, facts_of_job};
use super::{BlockGraph, Edge, Node};
use crate::wire::escape::escaped;

/// The most letters in a line of a box; the names of files are longer.
const LETTERS: usize = 40;

impl BlockGraph {
    /// The graph as a picture (SVG). Names are escaped as for a terminal, and for XML.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::default();
        if !self.drives.is_empty() || !self.nodes.is_empty() || !self.jobs.is_empty() {
            let mut drawing = Drawing {
                graph: VisualGraph::new(Orientation::TopToBottom),
                nodes: HashMap::new(),
            };
            drawing.all(self);
            drawing.graph.do_it(false, false, false, &mut canvas);
        }
        canvas.finish()
    }
}

type Handle = layout::adt::dag::NodeHandle;

struct Drawing<'a> {
    graph: VisualGraph,
    nodes: HashMap<&'a str, Handle>,
}

impl<'a> Drawing<'a> {
    fn all(&mut self, graph: &'a BlockGraph) {
        for node in &graph.nodes {
            let mut lines = vec![escaped(&node.node).into_owned()];
            let file = node.file.as_deref().filter(|_| tells_its_file(node, graph));
            lines.extend(facts_of(node, file));
            // Who uses it has a box of its own.
            lines.extend(bitmaps(node));
            let color = if node.writable { "white" } else { "whitesmoke" };
            let handle = self.add(&lines, color, 0);
            self.nodes.insert(&node.node, handle);
        }
        for node in &graph.nodes {
            if let Some(from) = self.nodes.get(node.node.as_str()).copied() {
                self.connect(from, &node.children, LineStyleKind::Normal);
            }
        }
        for drive in &graph.drives {
            let mut lines = vec![escaped(&drive.name).into_owned()];
            for (is, word) in [
                (drive.removable, "removable"),
                (drive.node.is_none(), "empty"),
            ] {
                lines.extend(is.then(|| word.to_owned()));
            }
            let handle = self.add(&lines, "lightblue", 10);
            self.use_node(handle, drive.node.as_deref(), LineStyleKind::Normal);
        }
        for export in &graph.exports {
            let lines = [
                format!("export {}", escaped(&export.id)),
                escaped(&export.kind).into_owned(),
            ];
            let handle = self.add(&lines, "lightgreen", 10);
            self.use_node(handle, Some(&export.node), LineStyleKind::Dashed);
        }
        for job in &graph.jobs {
            let mut lines = vec![format!("job {}", escaped(&job.id))];
            lines.extend(facts_of_job(job));
            let handle = self.add(&lines, "khaki", 10);
            self.connect(handle, &job.nodes, LineStyleKind::Dashed);
        }
    }

    /// A box of these lines, the first of which is its title.
    fn add(&mut self, lines: &[String], color: &str, rounded: usize) -> Handle {
        let lines: Vec<String> = lines.iter().flat_map(|line| folded(line)).collect();
        let longest = lines.iter().map(|line| line.chars().count()).max();
        let size = Point::new(
            number(longest.unwrap_or(0)) * LETTER + 2.0 * MARGIN,
            number(lines.len()) * LINE + MARGIN,
        );
        let look = StyleAttr::new(
            Color::fast("black"),
            1,
            Some(Color::fast(color)),
            rounded,
            FONT,
        );
        let shape = ShapeKind::new_box(&lines.join("\n"));
        self.graph
            .add_node(Element::create(shape, look, Orientation::TopToBottom, size))
    }

    fn use_node(&mut self, from: Handle, node: Option<&str>, style: LineStyleKind) {
        let edge = node.map(|node| Edge {
            role: String::new(),
            node: node.to_owned(),
        });
        self.connect(from, edge.as_slice(), style);
    }

    fn connect(&mut self, from: Handle, edges: &[Edge], style: LineStyleKind) {
        // Of two ways to the same node the layout draws one.
        for (node, roles) in by_node(edges) {
            let to = self.nodes.get(node).copied().filter(|to| *to != from);
            let Some(to) = to else { continue };
            let (roles, end) = (roles.join(", "), LineEndKind::Arrow);
            let look = StyleAttr::new(Color::fast("black"), 1, None, 0, FONT);
            let text = escaped(&roles);
            let arrow = Arrow::new(LineEndKind::None, end, style, &text, &look, &None, &None);
            self.graph.add_edge(arrow, from, to);
        }
    }
}

/// Of the nodes with the same file, that one tells it which makes a disk of it: not one that only stands before another, nor
/// the file itself below.
fn tells_its_file(node: &Node, graph: &BlockGraph) -> bool {
    let is_same = |one: &Node, other: &Node| one.file == other.file;
    let mut below = node
        .children
        .iter()
        .filter_map(|edge| graph.node(&edge.node));
    let is_filter = below.any(|below| is_same(below, node) && !below.children.is_empty());
    let leads_here = |other: &Node| other.children.iter().any(|edge| edge.node == node.node);
    let mut above = graph.nodes.iter().filter(|other| leads_here(other));
    let is_told = node.children.is_empty() && above.any(|above| is_same(above, node));
    !is_filter && !is_told
}

/// A line in pieces that fit into a box: all of a name is to be read.
fn folded(line: &str) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    letters
        .chunks(LETTERS)
        .map(|part| part.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{BlockGraph, Drive, Edge, Node};

    fn node(name: &str, below: &[(&str, &str)]) -> Node {
        Node {
            node: name.to_owned(),
            driver: "qcow2".to_owned(),
            file: Some(format!("/srv/{name}")),
            virtual_size: None,
            actual_size: None,
            writable: true,
            encrypted: false,
            bitmaps: Vec::new(),
            snapshots: Vec::new(),
            children: below
                .iter()
                .map(|(role, node)| Edge {
                    role: (*role).to_owned(),
                    node: (*node).to_owned(),
                })
                .collect(),
        }
    }

    fn count(svg: &str, part: &str) -> usize {
        svg.matches(part).count()
    }

    #[test]
    fn each_node_is_a_box_and_each_way_an_arrow() {
        let graph = BlockGraph {
            drives: vec![Drive {
                name: "vda".to_owned(),
                qdev: None,
                node: Some("top".to_owned()),
                removable: false,
                chain: Vec::new(),
            }],
            nodes: vec![
                node("top", &[("file", "top-file"), ("backing", "base")]),
                node("top-file", &[]),
                node("base", &[]),
            ],
            ..BlockGraph::default()
        };
        let svg = graph.svg();
        // The background is one.
        assert_eq!(count(&svg, "<rect "), 5, "{svg}");
        assert_eq!(count(&svg, "marker-end"), 3, "{svg}");
        for text in [">vda<", ">top-file<", ">backing<", ">/srv/base<"] {
            assert_eq!(count(&svg, text), 1, "{text}: {svg}");
        }
    }

    #[test]
    fn what_qemu_tells_cannot_end_the_text_it_stands_in() {
        let graph = BlockGraph {
            nodes: vec![node("a<b>&\"\u{1b}\u{0}]]>", &[])],
            ..BlockGraph::default()
        };
        let svg = graph.svg();
        assert!(
            svg.contains("a&lt;b&gt;&amp;&quot;\\x1b\\0]]&gt;")
                || svg.contains("a&lt;b&gt;&amp;&quot;\\x1b\\x00]]&gt;"),
            "{svg}"
        );
    }

    #[test]
    fn graphs_that_make_no_sense_are_drawn_all_the_same() {
        for nodes in [
            vec![],
            vec![node("a", &[("file", "a")])],
            vec![node("a", &[("file", "b")]), node("b", &[("file", "a")])],
            vec![
                node("a", &[("file", "b"), ("backing", "b"), ("x", "none")]),
                node("b", &[]),
            ],
            vec![node("a", &[]), node("a", &[])],
            vec![node("", &[])],
        ] {
            let boxes = nodes.len();
            let graph = BlockGraph {
                nodes,
                ..BlockGraph::default()
            };
            let svg = graph.svg();
            assert!(count(&svg, "<rect ") == boxes + 1, "{svg}");
        }
    }

    #[test]
    fn a_chain_as_long_as_any_that_works_is_drawn() {
        let names: Vec<String> = (0..201).map(|number| format!("n{number}")).collect();
        let nodes = names
            .windows(2)
            .map(|pair| node(&pair[0], &[("backing", &pair[1])]));
        let graph = BlockGraph {
            nodes: nodes.collect(),
            ..BlockGraph::default()
        };
        assert_eq!(count(&graph.svg(), "<rect "), 201);
    }
}
