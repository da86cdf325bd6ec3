//! The header of a script, as the page on writing scripts shows one.

use super::text::wrapped;
use crate::script::argument::Kind;

const PAGE: &str = include_str!("../../../docs/scripts.md");

const ABOUT: &str =
    "The `//!` lines at the top of a script say what it does, takes, touches and needs:";

/// The topic; one of its tables in brackets asks for it too.
pub(super) const TOPIC: &str = "header";

/// What a header says, where `topic` is that.
pub(super) fn about(topic: &str, width: usize) -> Option<String> {
    let asked = [TOPIC, "[args]", "[allow]", "[needs]"].contains(&topic);
    let script = PAGE.split("```rhai\n").nth(1)?.split("\n```").next()?;
    let header: Vec<&str> = script
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let more = format!(
        "Types: {}. `many = true` takes several values. More: docs/scripts.md",
        Kind::NAMES.join(", ")
    );
    asked.then(|| {
        format!(
            "{}\n\n        {}\n\n{}",
            wrapped(ABOUT, width, ""),
            header.join("\n        "),
            wrapped(&more, width, "")
        )
    })
}
