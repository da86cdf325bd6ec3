//! Calls to an agent: one at a time, each with its deadline, and what ends the connection in the middle of one.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::scripted::{agent, call, nowhere};
use crate::client::{Ending, Error};
use crate::wire::FramingError;

/// How a call ends when the agent says this instead of a reply, and the next one when it is gone by then.
async fn ending_of(words: impl AsRef<[u8]>) -> Error {
    let (agent, mut peer) = agent();
    let script = async move {
        peer.take_sync().await;
        peer.request().await;
        peer.say(words).await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-info")), script);
    let next = agent.call(call("guest-info")).await;
    assert!(
        matches!(next, Err(Error::Connect { .. })),
        "a broken connection is used again: {next:?}"
    );
    reply.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn one_command_is_in_flight_however_many_tasks_call() {
    let (agent, mut peer) = agent();
    let mut calls = JoinSet::new();
    for number in 0..20 {
        let agent = agent.clone();
        calls.spawn(async move { (number, agent.call(call(&format!("c{number}"))).await) });
    }
    peer.take_sync().await;
    for _ in 0..20 {
        let request = peer.request().await;
        assert!(
            timeout(Duration::from_millis(1), peer.line())
                .await
                .is_err(),
            "a second one in flight"
        );
        peer.answer(&request, request["execute"].clone()).await;
    }
    while let Some(done) = calls.join_next().await {
        let (number, reply) = done.unwrap();
        assert_eq!(reply, Ok(json!(format!("c{number}"))));
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_another_tasks_call_ends_at_the_deadline() {
    let (agent, mut peer) = agent();
    let busy = {
        let agent = agent.clone();
        tokio::spawn(async move {
            agent
                .call(call("guest-fstrim").within(Duration::from_secs(100)))
                .await
        })
    };
    peer.take_sync().await;
    let request = peer.request().await;
    let after = Duration::from_secs(3);
    let waited = agent.call(call("guest-ping").within(after)).await;
    assert_eq!(
        waited,
        Err(Error::Timeout {
            address: nowhere(),
            command: "guest-ping".to_owned(),
            sent: false,
            after
        })
    );
    peer.answer(&request, json!({})).await;
    assert_eq!(busy.await.unwrap(), Ok(json!({})));
}

#[tokio::test(start_paused = true)]
async fn no_id_is_sent_for_agents_before_4_0_refuse_one() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        let request = peer.request().await;
        assert_eq!(request, json!({"execute": "guest-ping"}));
        peer.answer(&request, json!({})).await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-ping")), script);
    assert_eq!(reply, Ok(json!({})));
}

#[tokio::test(start_paused = true)]
async fn objects_of_no_known_kind_before_the_reply_are_passed_over() {
    let (agent, mut peer) = agent();
    let script = async {
        peer.take_sync().await;
        peer.request().await;
        peer.say("{\"event\": \"X\", \"timestamp\": {}}\n{\"new\": 1}\n\u{b}\t {\"return\": 7, \"more\": 8}\n".replace('\u{b}', "\r")).await;
    };
    let (reply, ()) = tokio::join!(agent.call(call("guest-ping")), script);
    assert_eq!(reply, Ok(json!(7)));
}

#[tokio::test(start_paused = true)]
async fn garbage_inf_and_endless_nesting_end_the_connection() {
    assert!(
        matches!(ending_of("\x1b[2Jlogin: ").await, Error::Malformed { what: FramingError::Garbage(found), .. } if found == "\\x1b[2Jlogin: ")
    );
    assert!(matches!(
        ending_of("{\"return\": inf}").await,
        Error::Malformed {
            what: FramingError::Invalid(..),
            ..
        }
    ));
    assert!(matches!(
        ending_of("{\"a\":".repeat(200)).await,
        Error::TooLarge {
            what: FramingError::TooDeep(127),
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_goes_in_mid_call_ends_the_call() {
    for (words, cause) in [
        ("", Ending::Closed),
        ("{\"return\": \"ha", Ending::ClosedWithin),
    ] {
        let command = Some("guest-info".to_owned());
        assert_eq!(
            ending_of(words).await,
            Error::Gone {
                address: nowhere(),
                command,
                sent: true,
                cause
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_end_ends_the_connection_at_the_limit() {
    for (command, limit) in [
        ("guest-file-read", 16 << 20),
        ("guest-exec-status", 46 << 20),
    ] {
        let (agent, mut peer) = agent();
        let endless = async {
            peer.take_sync().await;
            peer.request().await;
            peer.say_without_end("{\"return\": {\"buf-b64\": \"").await;
        };
        let (reply, ()) = tokio::join!(agent.call(call(command)), endless);
        assert_eq!(
            reply,
            Err(Error::TooLarge {
                address: nowhere(),
                what: FramingError::TooLong(limit)
            })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_output_of_a_program_may_be_as_large_as_agents_capture() {
    let (agent, mut peer) = agent();
    let stream = "A".repeat((16 << 20) / 3 * 4 + 4);
    let script = async {
        peer.take_sync().await;
        let request = peer.request().await;
        peer.answer(
            &request,
            json!({"exited": true, "out-data": stream, "err-data": stream}),
        )
        .await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
    };
    let client = async {
        let status = agent.call(call("guest-exec-status")).await.unwrap();
        assert_eq!(
            status["err-data"].as_str().map(str::len),
            Some(stream.len())
        );
        agent.call(call("guest-ping")).await
    };
    let (reply, ()) = tokio::join!(client, script);
    assert_eq!(reply, Ok(json!({})));
}
