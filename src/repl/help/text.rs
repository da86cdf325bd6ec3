//! Documentation in the lines of a terminal.

use nu_ansi_term::{Color, Style as Paint};

use crate::repl::show::Style;

/// Markdown in lines of the terminal's width; examples are set off and stay as they are.
pub(super) fn prose(text: &str, style: Style) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let mut in_example = false;
    for line in text.lines().chain([""]) {
        let is_fence = line.trim_start().starts_with("```");
        let is_text = !in_example && !is_fence && !line.starts_with("    ");
        if is_text && !line.trim().is_empty() {
            if !line.starts_with("# ") {
                paragraph.push_str(line);
                paragraph.push(' ');
            }
            continue;
        }
        if !paragraph.is_empty() {
            lines.push(wrapped(&paragraph, style.width, "    "));
            paragraph.clear();
        }
        if is_fence {
            in_example = !in_example;
        } else if line.trim().is_empty() {
            lines.push(String::new());
        } else {
            let color = if in_example {
                Color::Green.normal()
            } else {
                Paint::new()
            };
            lines.push(format!("        {}", style.paint(color, line)));
        }
    }
    lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
    lines.join("\n").trim_end().to_owned()
}

pub(super) fn bold(style: Style, text: &str) -> String {
    style.paint(Paint::new().bold(), text)
}

/// The words in lines of no more than `width` characters.
pub(super) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}
