//! The prompt: the VM in use, and which guests this session keeps frozen, with the time that is left.

use std::time::Instant;

use nu_ansi_term::{Color, Style as Paint};

use crate::script::kept::Held;
use crate::wire::escape::escaped;

/// A prompt, drawn anew as time passes.
#[derive(Clone)]
pub struct Prompt {
    /// What is asked instead.
    question: Option<String>,
    in_use: Option<String>,
    marks: Vec<&'static str>,
    held: Held,
    color: bool,
}

impl Prompt {
    /// A prompt for a session that has this VM in use, is marked so, and holds this.
    pub fn new(
        in_use: Option<&str>,
        marks: impl IntoIterator<Item = &'static str>,
        held: Held,
        color: bool,
    ) -> Self {
        Self {
            question: None,
            in_use: in_use.map(str::to_owned),
            marks: marks.into_iter().collect(),
            held,
            color,
        }
    }

    /// A question, fit for a terminal.
    pub fn asking(question: &str, color: bool) -> Self {
        Self {
            question: Some(question.to_owned()),
            ..Self::new(None, [], Held::default(), color)
        }
    }

    /// The prompt without colours.
    pub fn plain(&self) -> String {
        if let Some(question) = &self.question {
            return question.clone();
        }
        let (name, frozen) = self.parts();
        format!("{name}{}{frozen}> ", self.marked())
    }

    fn marked(&self) -> String {
        self.marks.iter().map(|mark| format!(" {mark}")).collect()
    }

    /// The prompt as it is now, as wide as it was when it was `begun`.
    pub fn now(&self, begun: &str) -> String {
        if let Some(question) = &self.question {
            if self.color {
                return Color::Yellow.bold().paint(question).to_string();
            }
            return question.clone();
        }
        let (name, frozen) = self.parts();
        let marks = self.marked();
        let now = format!("{name}{marks}{frozen}> ").chars().count();
        let fill = " ".repeat(begun.chars().count().saturating_sub(now));
        if !self.color {
            return format!("{name}{marks}{frozen}{fill}> ");
        }
        let frozen = match frozen.as_str() {
            "" => String::new(),
            frozen => Color::White
                .on(Color::Red)
                .bold()
                .paint(&frozen[1..])
                .to_string(),
        };
        let gap = if frozen.is_empty() { "" } else { " " };
        let name = Paint::new().bold().paint(name);
        let marks = Color::Yellow.paint(marks);
        format!("{name}{marks}{gap}{frozen}{fill}> ")
    }

    fn parts(&self) -> (String, String) {
        let in_use = self.in_use.as_deref().unwrap_or("qmpsh");
        let name = short(in_use);
        let mut frozen = String::new();
        for guest in self.held.frozen() {
            let left = guest.until.saturating_duration_since(Instant::now());
            // Up, so that it says 1 s until the very end.
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            let vm = match short(&guest.vm) {
                vm if vm == name => String::new(),
                vm => format!(" {vm}"),
            };
            frozen.push_str(&format!(" FROZEN{vm} {seconds}s"));
        }
        (name, frozen)
    }
}

/// Names of sockets that tell nothing of their VM: what tells is the folder.
const COMMON: [&str; 5] = ["qmp", "monitor", "mon", "qemu", "socket"];

/// What of a VM's name is told at each line: a socket's file without its folder, where that tells enough.
pub(super) fn short(target: &str) -> String {
    let first = target.split(',').next().unwrap_or(target);
    let mut parts = first.rsplit('/');
    let last = parts
        .next()
        .filter(|last| !last.is_empty())
        .unwrap_or(first);
    let folder = parts.next().filter(|folder| !folder.is_empty());
    let name = last.strip_suffix(".qmp").unwrap_or(last);
    let stem = last.split('.').next().unwrap_or_default();
    let told = match folder {
        Some(folder) if COMMON.contains(&stem) => format!("{folder}/{name}"),
        _ => name.to_owned(),
    };
    escaped(&told).chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::{Prompt, short};
    use crate::script::kept::Held;

    #[test]
    fn the_prompt_tells_the_vm_in_use_by_the_last_part_of_its_name() {
        let prompt = |in_use| Prompt::new(in_use, [], Held::default(), false).plain();
        assert_eq!(prompt(None), "qmpsh> ");
        assert_eq!(prompt(Some("web01")), "web01> ");
        for (target, name) in [
            ("/run/web01.qmp", "web01"),
            ("qmp=/run/a.qmp,agent=/run/a.qga", "a"),
            ("/run/vms/alpha/qmp", "alpha/qmp"),
            ("qmp=/run/b/monitor.sock,agent=/x", "b/monitor.sock"),
            ("qmp", "qmp"),
            ("tcp:127.0.0.1:4444", "tcp:127.0.0.1:4444"),
            ("a\u{1b}[2J", "a\\x1b[2J"),
        ] {
            assert_eq!(short(target), name);
        }
    }

    #[test]
    fn it_stays_as_wide_as_it_began() {
        let prompt = Prompt::new(None, ["dry-run", "rec"], Held::default(), false);
        assert_eq!(prompt.plain(), "qmpsh dry-run rec> ");
        let prompt = Prompt::new(None, [], Held::default(), false);
        assert_eq!(prompt.now("qmpsh FROZEN 10s> "), "qmpsh           > ");
    }
}
