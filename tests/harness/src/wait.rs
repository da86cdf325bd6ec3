//! Waiting for a condition that sends no wake-up, always with a deadline and never longer than it takes.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest that anything here may take on a slow and busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Asks until there is an answer; `None` when there was none within the deadline.
pub(crate) fn until<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(Duration::from_millis(5));
    }
}

/// Whether someone listens on the unix socket, without connecting to it: a monitor serves one client at a time.
pub(crate) fn is_listening(socket: &Path) -> bool {
    const ACCEPTS_CONNECTIONS: &str = "00010000";
    let sockets = std::fs::read_to_string("/proc/net/unix").expect("/proc is mounted");
    sockets.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.nth(3) == Some(ACCEPTS_CONNECTIONS)
            && words.nth(3).is_some_and(|path| Path::new(path) == socket)
    })
}
