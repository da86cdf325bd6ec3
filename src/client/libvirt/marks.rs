//! What one virsh writes for one command, cut out of its streams: each command is sent between marks that virsh echoes.
//!
//! Readline shows what is typed, prompts and all, and long lines in pieces. A mark is therefore typed in another way than
//! it is echoed, so that only the echo of the command itself is taken for it; and it holds random digits, so that no guest
//! can write it.

use memchr::memmem::Finder;

/// The marks of one command.
pub(super) struct Marks {
    name: String,
}

impl Marks {
    /// Marks of the command `number` to the virsh with this name.
    pub(super) fn new(name: &str, number: u64) -> Self {
        Self {
            name: format!("{name}-{number}"),
        }
    }

    /// The line that runs a command between them, without its end.
    pub(super) fn line(&self, command: &str) -> String {
        let typed = |what| format!("'qm''psh-{}-{what}'", self.name);
        format!(
            "echo {};{command};echo --err {};echo {}",
            typed("begins"),
            typed("ends"),
            typed("ends")
        )
    }

    fn echoed(&self, what: &str) -> String {
        format!("qmpsh-{}-{what}", self.name)
    }

    /// A cut for the standard output of that line.
    pub(super) fn output(&self, limit: usize) -> Cut {
        Cut {
            begins: Some(Finder::new(&self.echoed("begins")).into_owned()),
            ..self.errors(limit)
        }
    }

    /// A cut for the standard error of that line.
    pub(super) fn errors(&self, limit: usize) -> Cut {
        Cut {
            begins: None,
            ends: Finder::new(&self.echoed("ends")).into_owned(),
            bytes: Vec::new(),
            searched: 0,
            limit,
            state: State::Open,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Whole,
    TooLong,
}

/// What stands between two marks, as far as it has come.
pub(super) struct Cut {
    /// Looked for until it was found.
    begins: Option<Finder<'static>>,
    ends: Finder<'static>,
    bytes: Vec<u8>,
    searched: usize,
    limit: usize,
    state: State,
}

impl Cut {
    /// Takes what has come.
    pub(super) fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        if let Some(begins) = &self.begins {
            let Some(at) = begins.find(&self.bytes) else {
                // All but what may be the first half of the mark.
                let keep = begins.needle().len().min(self.bytes.len());
                self.bytes.drain(..self.bytes.len() - keep);
                return;
            };
            self.bytes.drain(..at + begins.needle().len());
            self.begins = None;
        }
        if let Some(at) = self.ends.find(&self.bytes[self.searched..]) {
            self.bytes.truncate(self.searched + at);
            self.state = State::Whole;
        } else if self.bytes.len() > self.limit {
            self.state = State::TooLong;
        } else {
            self.searched = self.bytes.len().saturating_sub(self.ends.needle().len());
        }
    }

    /// Whether all of it has come.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// Whether it is longer than it may be.
    pub(super) fn is_too_long(&self) -> bool {
        self.state == State::TooLong
    }

    /// What has come.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPED: &str =
        "virsh # echo 'qm''psh-ab-1-begins';qemu-monitor-command x;echo 'qm''psh-ab-1-ends'\n";

    fn cut(pieces: &[&str]) -> Cut {
        let mut cut = Marks::new("ab", 1).output(100);
        for piece in pieces {
            cut.push(piece.as_bytes());
        }
        cut
    }

    #[test]
    fn what_was_typed_is_not_taken_for_what_is_answered() {
        let cut = cut(&[TYPED, "qmpsh-ab-1-begins{}\nqmpsh-ab-1-endsvirsh # "]);
        assert!(cut.is_whole());
        assert_eq!(cut.into_bytes(), b"{}\n");
    }

    #[test]
    fn marks_are_found_however_the_bytes_are_split() {
        let text = format!("{TYPED}qmpsh-ab-1-begins{{\"a\"}}\nqmpsh-ab-1-ends");
        for at in 0..text.len() {
            let cut = cut(&[&text[..at], &text[at..]]);
            assert!(cut.is_whole(), "{at}");
            assert_eq!(cut.into_bytes(), b"{\"a\"}\n", "{at}");
        }
    }

    #[test]
    fn the_marks_of_another_command_are_none() {
        assert!(!cut(&["qmpsh-ab-2-begins{}qmpsh-ab-1-ends"]).is_whole());
    }

    #[test]
    fn what_has_no_end_is_given_up_and_what_comes_before_the_beginning_is_not_kept() {
        assert!(cut(&["qmpsh-ab-1-begins", &"x".repeat(101)]).is_too_long());
        let before = cut(&[&"x".repeat(1000)]);
        assert!(!before.is_too_long());
        assert!(before.into_bytes().len() < 100);
    }
}
