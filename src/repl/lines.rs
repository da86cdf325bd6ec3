//! The lines of a session that succeeded, and which of them somebody wants as a script.

use std::ops::Range;

use super::code::{Code, Kind};

/// The lines that succeeded, oldest first.
#[derive(Debug, Default)]
pub struct Lines {
    all: Vec<String>,
    recorded: Option<Stretch>,
}

/// Lines that were recorded, or are being.
#[derive(Debug)]
struct Stretch {
    from: usize,
    to: Option<usize>,
    /// What the lines found as `v`, as a line of a script.
    in_use: Option<String>,
}

/// The variable of the VM in use.
pub(super) const IN_USE: &str = "v";

impl Lines {
    /// Adds a line.
    pub(super) fn push(&mut self, line: &str) {
        self.all.push(line.to_owned());
    }

    /// Takes the last line back.
    pub(super) fn pop(&mut self) {
        self.all.pop();
    }

    /// The last line; empty if there is none.
    pub fn last(&self) -> &str {
        self.all.last().map_or("", String::as_str)
    }

    /// Records from here on, anew if it was recorded before; `in_use` is the line that takes the VM into use which is now.
    pub(super) fn record(&mut self, in_use: Option<String>) {
        self.recorded = Some(Stretch {
            from: self.all.len(),
            to: None,
            in_use,
        });
    }

    /// Ends the recording, and gives how many lines it has. None if nothing is being recorded.
    pub(super) fn end_record(&mut self) -> Option<usize> {
        let count = self.all.len();
        let stretch = self.recorded.as_mut().filter(|one| one.to.is_none())?;
        stretch.to = Some(count);
        Some(count - stretch.from)
    }

    /// Whether the next line is recorded.
    pub fn is_recording(&self) -> bool {
        self.recorded.as_ref().is_some_and(|one| one.to.is_none())
    }

    /// Whether something was recorded, or is being.
    pub(super) fn has_record(&self) -> bool {
        self.recorded.is_some()
    }

    /// The lines that are wanted as a script: those that were recorded, with the VM that they were about, or else all.
    pub(super) fn wanted(&self) -> Vec<&str> {
        let range = self.range();
        let lines: Vec<&str> = self.all[range].iter().map(String::as_str).collect();
        let in_use = self.recorded.as_ref().and_then(|one| one.in_use.as_deref());
        let is_meant = lines.iter().any(|line| {
            let tokens = Code::of(line).tokens;
            let mut names = tokens.iter().filter(|token| token.kind == Kind::Name);
            names.any(|name| name.text == IN_USE)
        });
        let first = in_use.filter(|_| is_meant);
        first.into_iter().chain(lines).collect()
    }

    fn range(&self) -> Range<usize> {
        let all = self.all.len();
        let recorded = self.recorded.as_ref();
        recorded.map_or(0..all, |one| one.from..one.to.unwrap_or(all))
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn what_is_recorded_is_wanted_with_the_vm_that_it_is_about() {
        let mut lines = Lines::default();
        lines.push("let a = 1");
        assert_eq!(lines.wanted(), ["let a = 1"]);
        assert_eq!(lines.end_record(), None);
        let in_use = "let v = vm(\"web01\");";
        lines.record(Some(in_use.to_owned()));
        assert!(lines.wanted().is_empty() && lines.is_recording());
        lines.push("1 + 1");
        assert_eq!(lines.wanted(), ["1 + 1"]);
        lines.push("parallel([1], |n| v.status)");
        let recorded = [in_use, "1 + 1", "parallel([1], |n| v.status)"];
        assert_eq!(lines.end_record(), Some(2));
        assert_eq!(lines.end_record(), None);
        lines.push("let b = 2");
        assert_eq!(lines.wanted(), recorded);
        lines.record(None);
        lines.push("v.status");
        assert_eq!(lines.wanted(), ["v.status"]);
    }
}
