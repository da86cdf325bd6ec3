//! `:tree`: the block nodes of a VM, as a tree.

use nu_ansi_term::{Color, Style as Paint};

use crate::repl::session::{Answer, Session};
use crate::repl::show::Style;
use crate::report::Report;
use crate::vm::block_graph::Part;

pub(super) fn tree(session: &mut Session, target: &str) -> Result<Answer, Report> {
    let vm = session.vm(target)?;
    let graph = match session.block_graph(&vm) {
        Ok(graph) => graph,
        Err(answer) => return Ok(answer),
    };
    let style = session.style();
    let lines = graph.tree(style.width, &|part, text| painted(style, part, text));
    if lines.is_empty() {
        return Ok(session.tell("it has no drives and no block nodes"));
    }
    Ok(session.tell(&lines.join("\n")))
}

fn painted(style: Style, part: Part, text: &str) -> String {
    let paint = match part {
        Part::Title => Paint::new().bold(),
        Part::Name => Color::Cyan.normal(),
        Part::Stem | Part::Role => Paint::new().dimmed(),
        Part::Fact => Paint::new(),
    };
    style.paint(paint, text)
}
