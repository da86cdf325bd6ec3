//! What only a real socket shows: a connection that has ended, another client before us, an inherited descriptor.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{answer_next, call_and_drop};
use crate::client::scripted::{Folder, Peer, call};
use crate::client::{Agent, Channel, Error, Holder, Stream, connect};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// The next client of an agent's socket, its sync answered.
async fn in_step(listener: &UnixListener) -> Peer {
    let mut peer = Peer::accept(listener).await;
    peer.take_sync().await;
    peer
}

#[tokio::test]
async fn a_connection_that_has_ended_is_made_again_before_a_command_leaves() {
    let folder = Folder::new();
    let listener = folder.listener();
    let agent = Agent::new(folder.socket(), None);
    let script = async {
        let mut peer = in_step(&listener).await;
        answer_next(&mut peer, "guest-ping").await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-ping")), script);
    reply.unwrap();

    // The agent, or its VM, was started again in between.
    let script = async {
        let mut peer = in_step(&listener).await;
        answer_next(&mut peer, "guest-set-time").await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-set-time")), script);
    assert_eq!(reply, Ok(json!("guest-set-time")));
}

#[tokio::test]
async fn a_command_that_has_left_is_never_sent_again() {
    let folder = Folder::new();
    let listener = folder.listener();
    let agent = Agent::new(folder.socket(), None);
    let script = async {
        let mut peer = in_step(&listener).await;
        peer.request().await;
        drop(peer);
        timeout(SHORT, Peer::accept(&listener)).await.is_err()
    };
    let (reply, left_alone) = tokio::join!(agent.call(call("guest-set-time")), script);
    assert!(matches!(reply, Err(Error::Gone { sent: true, .. })));
    assert!(left_alone);
}

#[tokio::test]
async fn a_connection_that_ended_in_the_middle_of_a_sync_is_made_again() {
    let folder = Folder::new();
    let listener = folder.listener();
    let agent = Agent::new(folder.socket(), None);
    let (taken, arrived) = oneshot::channel();
    let script = async {
        let mut peer = in_step(&listener).await;
        peer.request().await;
        taken.send(()).unwrap();
        peer.sync_id().await;
        drop(peer);
        let mut peer = in_step(&listener).await;
        answer_next(&mut peer, "b").await;
    };
    let client = async {
        call_and_drop(&agent, "a", arrived).await;
        agent.call(call("b")).await
    };
    let (reply, ()) = tokio::join!(client, script);
    assert_eq!(reply, Ok(json!("b")));
}

#[tokio::test]
async fn a_busy_agent_names_who_holds_it() {
    let folder = Folder::new();
    let listener = folder.listener();
    let address = folder.socket();
    let _holder = connect(&address, Channel::Agent, LONG).await.unwrap();
    let _served = Peer::accept(&listener).await;
    let program = fs::read_to_string("/proc/self/comm")
        .unwrap()
        .trim_end()
        .to_owned();
    let holder = Some(Holder {
        pid: std::process::id(),
        program,
    });
    let agent = Agent::new(address.clone(), None).with_sync_deadline(SHORT);
    assert_eq!(
        agent.call(call("guest-ping")).await,
        Err(Error::Busy { address, holder })
    );
}

#[tokio::test]
async fn a_duplicate_keeps_the_connection_when_the_agent_handle_is_gone() {
    let folder = Folder::new();
    let listener = folder.listener();
    let agent = Agent::new(folder.socket(), None);
    let (duplicate, mut peer) = tokio::join!(agent.duplicate(), in_step(&listener));
    drop(agent);

    let stream = Stream::from_fd(duplicate.unwrap()).unwrap();
    let heir = Agent::over(stream, folder.socket(), None);
    let script = async {
        peer.take_sync().await;
        answer_next(&mut peer, "guest-fsfreeze-thaw").await;
    };
    let (reply, ()) = tokio::join!(heir.call(call("guest-fsfreeze-thaw")), script);
    assert_eq!(reply, Ok(json!("guest-fsfreeze-thaw")));
}

#[tokio::test]
async fn a_connection_without_a_descriptor_cannot_be_duplicated() {
    let (agent, mut peer) = crate::client::scripted::agent();
    let (duplicate, ()) = tokio::join!(agent.duplicate(), peer.take_sync());
    assert!(matches!(duplicate, Err(Error::Connect { .. })));
}
