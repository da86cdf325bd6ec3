//! Commands that are sent for good because success has no reply, as `guest-shutdown`.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::client::scripted::{Peer, agent, call, nowhere};
use crate::client::{Error, Sent};

/// Takes the command and the sync behind it; the id of that.
async fn take_shutdown(peer: &mut Peer) -> serde_json::Value {
    peer.take_sync().await;
    assert_eq!(peer.request().await["execute"], "guest-shutdown");
    let sync = peer.request().await;
    assert_eq!(sync["execute"], "guest-sync-delimited");
    sync["arguments"]["id"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_command_without_reply_is_taken_once_the_sync_behind_it_is_answered() {
    let (agent, mut peer) = agent();
    let script = async {
        let id = take_shutdown(&mut peer).await;
        peer.say(b"\xff").await;
        peer.say(json!({"return": id}).to_string()).await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
    };
    let client = async {
        (
            agent.send(call("guest-shutdown")).await,
            agent.call(call("guest-ping")).await,
        )
    };
    let (done, ()) = tokio::join!(client, script);
    assert_eq!(done, (Ok(Sent::Taken), Ok(json!({}))));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_and_the_next_call_gets_into_step() {
    let (agent, mut peer) = agent();
    let script = async {
        let id = take_shutdown(&mut peer).await;
        peer.say(r#"{"error": {"class": "GenericError", "desc": "child process has failed to shut down"}}"#).await;
        peer.say(b"\n\xff").await;
        peer.say(json!({"return": id}).to_string()).await;
        peer.take_sync().await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
    };
    let client = async {
        (
            agent.send(call("guest-shutdown")).await,
            agent.call(call("guest-ping")).await,
        )
    };
    let ((refused, next), ()) = tokio::join!(client, script);
    assert_eq!(
        refused.unwrap_err().desc(),
        Some("child process has failed to shut down")
    );
    assert_eq!(next, Ok(json!({})));
}

#[tokio::test(start_paused = true)]
async fn silence_or_the_end_behind_it_is_what_a_shutdown_leaves() {
    let (agent, mut peer) = agent();
    let silent = async {
        take_shutdown(&mut peer).await;
        peer
    };
    let (sent, _peer) = tokio::join!(agent.send(call("guest-shutdown")), silent);
    assert_eq!(sent, Ok(Sent::Unanswered));

    let (agent, mut peer) = crate::client::scripted::agent();
    let leaves = async move { drop(take_shutdown(&mut peer).await) };
    let (sent, ()) = tokio::join!(agent.send(call("guest-shutdown")), leaves);
    assert_eq!(sent, Ok(Sent::Unanswered));
}

#[tokio::test(start_paused = true)]
async fn it_is_not_sent_to_an_agent_that_has_stopped_since() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-ping")), script);
    reply.unwrap();

    let sent = agent.send(call("guest-shutdown")).await;
    assert_eq!(
        sent,
        Err(Error::AgentDown {
            address: nowhere(),
            after: Duration::from_secs(5)
        })
    );
    peer.sync_id().await;
    assert!(
        timeout(Duration::from_millis(1), peer.line())
            .await
            .is_err()
    );
}
