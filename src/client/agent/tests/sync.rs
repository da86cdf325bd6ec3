//! Getting into step with an agent, at first and again after what was late, dropped or half written.

use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{answer_next, call_and_drop};
use crate::client::scripted::{agent, call, nowhere, pair};
use crate::client::{Agent, Error, Unreachable};

const INSTANT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn the_first_call_gets_into_step_and_the_next_ones_need_not() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        answer_next(&mut peer, "a").await;
        answer_next(&mut peer, "b").await;
    };
    let client = async { (agent.call(call("a")).await, agent.call(call("b")).await) };
    let (replies, ()) = tokio::join!(client, script);
    assert_eq!(replies, (Ok(json!("a")), Ok(json!("b"))));
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_still_had_to_say_to_others_is_thrown_away() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.say("half an answer\": [[[\"}\n{\"return\": {}}\n\u{0}\u{1b}")
            .await;
        peer.say(b"\xff{\"return\": 1}\n{\"return\": \"late\"}\n\xff{\"return\": \"no number\"}\n\xff\xff{\"ret").await;
        peer.take_sync().await;
        answer_next(&mut peer, "guest-ping").await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-ping")), script);
    assert_eq!(reply, Ok(json!("guest-ping")));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_is_down_and_gets_no_command() {
    let (agent, mut peer) = agent();
    let after = Duration::from_secs(5);
    let down = Error::AgentDown {
        address: nowhere(),
        after,
    };
    assert_eq!(
        agent.call(call("guest-fsfreeze-freeze")).await,
        Err(down.clone())
    );
    assert_eq!(agent.sync(after).await, Err(down));
    peer.sync_id().await;
    peer.sync_id().await;
    assert!(timeout(INSTANT, peer.line()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_sync_keeps_to_the_shorter_of_its_deadline_and_the_calls() {
    let (agent, _peer) = agent();
    let agent = agent.with_sync_deadline(Duration::from_secs(20));
    for (of_call, after) in [(2, 2), (60, 20)] {
        let after = Duration::from_secs(after);
        let reply = agent
            .call(call("guest-ping").within(Duration::from_secs(of_call)))
            .await;
        assert_eq!(
            reply,
            Err(Error::AgentDown {
                address: nowhere(),
                after
            })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_only_babbles_is_down_too() {
    let (agent, mut peer) = agent();
    let babble = async {
        loop {
            peer.say(b"\xff{\"return\": 1}\nblah").await;
            sleep(INSTANT).await;
        }
    };
    tokio::select! {
        reply = agent.call(call("guest-ping")) => assert!(matches!(reply, Err(Error::AgentDown { .. }))),
        () = babble => {}
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_wakes_up_later_answers_the_sync_of_then() {
    let (agent, mut peer) = agent();
    assert!(agent.call(call("guest-ping")).await.is_err());
    let script = async {
        let late = peer.sync_id().await;
        let current = peer.sync_id().await;
        for id in [late, current] {
            peer.say(b"\xff").await;
            peer.say(json!({"return": id}).to_string()).await;
        }
        answer_next(&mut peer, "guest-ping").await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-ping")), script);
    assert_eq!(reply, Ok(json!("guest-ping")));
}

#[tokio::test(start_paused = true)]
async fn after_a_timeout_the_late_reply_is_not_taken_for_the_next_one() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        let late = peer.request().await;
        sleep(Duration::from_secs(40)).await;
        peer.answer(&late, json!("late")).await;
        peer.take_sync().await;
        answer_next(&mut peer, "b").await;
    };
    let client = async {
        let after = Duration::from_secs(30);
        let late = agent.call(call("a").within(after)).await;
        assert_eq!(
            late,
            Err(Error::Timeout {
                address: nowhere(),
                command: "a".to_owned(),
                sent: true,
                after
            })
        );
        sleep(Duration::from_secs(15)).await;
        agent.call(call("b")).await
    };
    let (reply, ()) = tokio::join!(client, script);
    assert_eq!(reply, Ok(json!("b")));
}

#[tokio::test(start_paused = true)]
async fn after_a_call_that_was_dropped_waiting_the_next_gets_into_step() {
    let (agent, mut peer) = agent();
    let (taken, arrived) = oneshot::channel();
    let script = async {
        peer.take_sync().await;
        let dropped = peer.request().await;
        taken.send(()).unwrap();
        peer.answer(&dropped, json!("dropped")).await;
        peer.take_sync().await;
        answer_next(&mut peer, "b").await;
    };
    let client = async {
        call_and_drop(&agent, "a", arrived).await;
        agent.call(call("b")).await
    };
    let (reply, ()) = tokio::join!(client, script);
    assert_eq!(reply, Ok(json!("b")));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_half_written_is_ended_by_the_next_sync() {
    // Too small for the command: the call is dropped in the middle of its write.
    let (stream, mut peer) = pair(64);
    let agent = Agent::over(stream, nowhere(), None);
    let synced = async { tokio::join!(agent.sync(Duration::from_secs(1)), peer.take_sync()) };
    synced.await.0.unwrap();
    let large = call(&"x".repeat(1000));
    assert!(timeout(INSTANT, agent.call(large)).await.is_err());
    let script = async {
        peer.take_sync().await;
        answer_next(&mut peer, "b").await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("b")), script);
    assert_eq!(reply, Ok(json!("b")));
}

#[tokio::test(start_paused = true)]
async fn what_comes_beside_a_reply_is_not_taken_for_the_next_one() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        peer.request().await;
        peer.say("{\"return\": \"a\"}\n{\"return\": \"twice\"}\n")
            .await;
        peer.take_sync().await;
        answer_next(&mut peer, "b").await;
    };
    let client = async { (agent.call(call("a")).await, agent.call(call("b")).await) };
    let (replies, ()) = tokio::join!(client, script);
    assert_eq!(replies, (Ok(json!("a")), Ok(json!("b"))));
}

#[tokio::test(start_paused = true)]
async fn disconnecting_closes_and_the_next_call_connects_again() {
    let (agent, mut peer) = agent();
    agent.disconnect().await;
    assert_eq!(peer.line().await, None);
    let error = agent.call(call("guest-ping")).await.unwrap_err();
    assert_eq!(
        error,
        Error::Connect {
            address: nowhere(),
            source: Unreachable::Missing
        }
    );
}
