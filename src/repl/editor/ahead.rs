//! What was typed before there was a prompt to type at. The terminal keeps it for the next one, where the editor finds it; all but
//! Ctrl-D, of which the terminal makes the end of a line of its own, and that no editor sees.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{ioctl_fionread, read};

/// The lines that were typed ahead, as far as the editor may still have them.
#[derive(Default)]
pub(super) struct Ahead {
    /// Their bytes, or more.
    kept: u64,
}

impl Ahead {
    /// Whether the end of the input was typed, and no line before it. It is taken. To be called before the editor has the terminal.
    pub(super) fn ends(&mut self) -> bool {
        let stdin = io::stdin();
        // The terminal counts whole lines, and no ends.
        self.kept += ioctl_fionread(&stdin).unwrap_or(0);
        if self.kept > 0 {
            return false;
        }
        let now = Timespec::default();
        let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
        poll(&mut watched, Some(&now)).is_ok_and(|ready| ready > 0)
            && read(&stdin, &mut [0_u8; 1]) == Ok(0)
    }

    /// The editor gave this line, or none.
    pub(super) fn given(&mut self, line: Option<&str>) {
        let taken = line.map_or(u64::MAX, |line| line.len() as u64 + 1);
        self.kept = self.kept.saturating_sub(taken);
    }
}
