//! Whether the process at the other end of a connection ended with it.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::time::sleep;

use super::error::Ending;

/// A QEMU's connections end a moment before its process does.
const LAST_BREATH: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(5);

/// How a connection ended that the peer closed, where the process that served it can be seen: it may have ended itself.
pub(super) async fn seen(cause: Ending, peer: Option<u32>) -> Ending {
    match (&cause, peer) {
        (Ending::Closed | Ending::ClosedWithin, Some(peer)) if has_ended(peer).await => {
            Ending::Ended
        }
        _ => cause,
    }
}

async fn has_ended(process: u32) -> bool {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    let Some(number) = number.filter(|_| process != std::process::id()) else {
        return false;
    };
    let process = match pidfd_open(number, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(error) => return error == Errno::SRCH,
    };
    for _ in 0..LAST_BREATH.as_millis() / LOOK.as_millis() {
        // It can be read from once the process has ended.
        let mut seen = [PollFd::new(&process, PollFlags::IN)];
        match poll(&mut seen, Some(&Timespec::default())) {
            Ok(0) => sleep(LOOK).await,
            ended => return ended.is_ok(),
        }
    }
    false
}
