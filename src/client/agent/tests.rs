//! The agent's client against a scripted peer in memory; the clock stands still but for deadlines.

mod calls;
mod reconnects;
mod refusals;
mod sends;
mod sync;

use serde_json::json;
use tokio::sync::oneshot;

use super::Agent;
use crate::client::scripted::{Peer, call};

/// Takes the next command, which must be this one, and answers it with its name.
async fn answer_next(peer: &mut Peer, command: &str) {
    let request = peer.request().await;
    assert_eq!(request["execute"], command);
    peer.answer(&request, json!(command)).await;
}

/// Calls a command, and drops the call when the peer says that it has arrived.
async fn call_and_drop(agent: &Agent, command: &str, arrived: oneshot::Receiver<()>) {
    tokio::select! {
        biased;
        _ = arrived => {}
        reply = agent.call(call(command)) => panic!("{reply:?}"),
    }
}
