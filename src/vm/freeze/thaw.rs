//! The thaw that does not give up: thaw, and believe only the agent's own word that the guest is thawed.

use std::time::Duration;

use serde_json::Map;
use tokio::time::{Instant, sleep, timeout};

use super::lifeline::Lifeline;
use crate::client::Obstacle;
use crate::client::{self, Agent, Call, Unreachable};
use crate::vm::process::Process;

/// The longest that one command of a thaw is waited for before the next try: a command that an agent took with it when it
/// died must not use up the time in which a guest is to be thawed.
const EACH: Duration = Duration::from_secs(5);

/// The longest that the connection and its synchronization take before such a command.
const BEFORE: Duration = Duration::from_secs(5);

/// The pause after a try that failed, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The longest that one try takes, with the pause before it.
pub(super) const TRY: Duration =
    Duration::from_secs(2 * (BEFORE.as_secs() + EACH.as_secs()) + LONGEST_PAUSE.as_secs());

/// A guest that was seen thawed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thawed {
    /// The file systems that our thaws found frozen; unknown when a reply was lost on the way.
    pub(super) count: Option<i64>,
    /// When the thaw was answered.
    pub(super) at: Instant,
}

/// Why a guest could not be seen thawed.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The VM has ended, and its freeze with it.
    Gone(client::Error),
    /// The time is over.
    Patience(client::Error),
}

/// Thaws the guest (`guest-fsfreeze-thaw`) and asks whether it is (`guest-fsfreeze-status`), again and again until it is,
/// the VM is gone, or `patience` is over. A guardian on the line is told of each try, which takes [`TRY`] at most.
///
/// A thaw is also right after a freeze whose reply was lost: the agent works in order, so by the time it answers the
/// synchronization of a new try it has done the freeze, late or not.
pub(super) async fn surely(
    agent: &Agent,
    server: Option<Process>,
    patience: Duration,
    mut guardian: Option<&mut Lifeline>,
) -> Result<Thawed, Failure> {
    let end = Instant::now() + patience;
    let mut count = Some(0);
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(line) = guardian.as_deref_mut() {
            line.thawing().await;
        }
        let error = match once(agent, &mut count).await {
            Ok(at) => return Ok(Thawed { count, at }),
            Err(error) => error,
        };
        if is_off(&error) {
            return Err(Failure::Gone(error));
        }
        // Both: who listened may have handed the socket on and ended, and a socket may be missing for a moment.
        if server.is_some_and(Process::has_ended) && is_nobody_there(&error) {
            return Err(Failure::Gone(error));
        }
        if Instant::now() + pause >= end {
            return Err(Failure::Patience(error));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether libvirt, who starts the VM and knows when it ends, says that it does not run.
fn is_off(error: &client::Error) -> bool {
    matches!(
        error,
        client::Error::Connect {
            source: Unreachable::Libvirt(Obstacle::ShutOff | Obstacle::NoDomain),
            ..
        }
    )
}

fn is_nobody_there(error: &client::Error) -> bool {
    matches!(
        error,
        client::Error::Connect {
            source: Unreachable::Missing | Unreachable::Refused,
            ..
        }
    )
}

async fn once(agent: &Agent, count: &mut Option<i64>) -> Result<Instant, client::Error> {
    match call(agent, "guest-fsfreeze-thaw").await {
        Ok(thawed) => *count = count.zip(thawed.as_i64()).map(|(before, now)| before + now),
        Err(error) => {
            *count = None;
            return Err(error);
        }
    }
    let at = Instant::now();
    let status = call(agent, "guest-fsfreeze-status").await?;
    if status == "thawed" {
        return Ok(at);
    }
    Err(client::Error::Refused {
        command: "guest-fsfreeze-thaw".to_owned(),
        class: "GenericError".to_owned(),
        desc: format!("the agent still answers `{status}` when asked for the status"),
    })
}

async fn call(agent: &Agent, command: &str) -> Result<serde_json::Value, client::Error> {
    let call = Call::new(command, Map::new()).within(EACH);
    // The call has a deadline of its own; this one covers a connection that cannot be made either.
    let late = BEFORE + EACH;
    match timeout(late, agent.call(call)).await {
        Ok(reply) => reply,
        Err(_) => Err(client::Error::Timeout {
            address: agent.address().clone(),
            command: command.to_owned(),
            sent: true,
            after: late,
        }),
    }
}
