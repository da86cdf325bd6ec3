//! What ends a monitor's connection, and what its callers and subscribers are told then.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::scripted::{GREETING, GREETING_WITHOUT_OOB, call, monitor, nowhere};
use crate::client::{Ending, Error};
use crate::wire::FramingError;

/// How a pending call ends when the peer says this.
async fn ending_of(words: impl AsRef<[u8]>) -> Error {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async {
        peer.request().await;
        peer.say(words).await;
        peer
    };
    let (reply, _peer) = tokio::join!(qmp.call(call("query-status")), script);
    let error = reply.unwrap_err();
    assert!(qmp.is_closed());
    // The same cause for whoever comes later, at once.
    let later = qmp.call(call("query-status")).await.unwrap_err();
    assert_eq!(later, error);
    error
}

fn malformed(error: Error) -> FramingError {
    match error {
        Error::Malformed { what, .. } => what,
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_ends_the_connection_and_is_shown() {
    let what = malformed(ending_of("HTTP/1.1 400 Bad Request\r\n").await);
    assert_eq!(
        what,
        FramingError::Garbage("HTTP/1.1 400 Bad Request\\r\\n".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_number_that_json_does_not_know_ends_the_connection_and_is_shown() {
    let error = ending_of(r#"{"return": {"speed": inf}, "id": "x"}"#).await;
    assert_eq!(
        error.to_string(),
        "/nowhere/to/be.found sent what is no message: not valid JSON near `\"return\": {\"speed\": inf}, \"id\": \"x\"}`: expected value"
    );
    assert!(matches!(
        malformed(ending_of(r#"{"return": 1e400}"#).await),
        FramingError::Invalid(..)
    ));
}

#[tokio::test(start_paused = true)]
async fn nesting_without_end_ends_the_connection() {
    let error = ending_of(format!("{{\"return\": [{}", "[".repeat(30_000))).await;
    assert_eq!(
        error,
        Error::TooLarge {
            address: nowhere(),
            what: FramingError::TooDeep(127)
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_end_ends_the_connection_at_the_limit() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let endless = async {
        peer.request().await;
        peer.say_without_end(r#"{"return": ""#).await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("query-status")), endless);
    let what = FramingError::TooLong(16 << 20);
    assert_eq!(
        reply,
        Err(Error::TooLarge {
            address: nowhere(),
            what
        })
    );
}

#[tokio::test(start_paused = true)]
async fn when_the_peer_goes_every_call_ends_and_knows_whether_it_had_left() {
    let (qmp, mut peer) = monitor(GREETING_WITHOUT_OOB).await;
    let mut events = qmp.subscribe();
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let qmp = qmp.clone();
        calls.spawn(async move { (number, qmp.call(call(&format!("c{number}"))).await) });
    }
    for _ in 0..8 {
        peer.request().await;
    }
    drop(peer);
    while let Some(done) = calls.join_next().await {
        let (number, reply) = done.unwrap();
        let command = Some(format!("c{number}"));
        let gone = Error::Gone {
            address: nowhere(),
            command,
            sent: number < 8,
            cause: Ending::Closed,
        };
        assert_eq!(reply, Err(gone));
    }
    assert!(matches!(
        events.next().await,
        Err(Error::Gone { command: None, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_end_within_a_message_is_told() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async move {
        peer.request().await;
        peer.say("{\"return\": {\"half").await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("quit")), script);
    assert!(matches!(
        reply,
        Err(Error::Gone {
            cause: Ending::ClosedWithin,
            sent: true,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_last_is_still_heard() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut events = qmp.subscribe();
    let script = async move {
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
        peer.say(r#"{"event": "SHUTDOWN", "timestamp": {"seconds": 1, "microseconds": 2}}"#)
            .await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("quit")), script);
    assert_eq!(reply, Ok(json!({})));
    // The peer is gone by now: a call that cannot be written does not hide what came before.
    let late = qmp.call(call("late")).await.unwrap_err();
    assert!(matches!(late, Error::Gone { sent: false, .. }), "{late}");
    assert!(events.next().await.is_ok());
    assert!(events.next().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn closing_ends_the_calls_of_all_handles_and_frees_the_monitor() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let other = qmp.clone();
    let pending = tokio::spawn(async move { other.call(call("slow")).await });
    peer.request().await;
    qmp.close().await;
    let gone = pending.await.unwrap().unwrap_err();
    assert!(
        matches!(
            gone,
            Error::Gone {
                cause: Ending::Released,
                sent: true,
                ..
            }
        ),
        "{gone}"
    );
    assert_eq!(peer.line().await, None);
    qmp.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_that_is_dropped_closes_the_connection() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let other = qmp.clone();
    drop(qmp);
    assert!(timeout(Duration::from_secs(1), peer.line()).await.is_err());
    drop(other);
    assert_eq!(peer.line().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_hangs_costs_no_memory_for_calls_that_were_given_up() {
    let (qmp, mut peer) = monitor(GREETING_WITHOUT_OOB).await;
    for number in 0..1000 {
        let given_up = qmp
            .call(call("hangs").within(Duration::from_millis(1)))
            .await;
        // QEMU's queue takes eight.
        let is_sent = number < 8;
        assert!(matches!(given_up, Err(Error::Timeout { sent, .. }) if sent == is_sent));
    }
    let mut sent: Vec<Value> = Vec::new();
    while let Ok(request) = timeout(Duration::from_millis(1), peer.request()).await {
        sent.push(request);
    }
    assert_eq!(sent.len(), 8);
    // Not one of the other 992 is sent once the monitor works again.
    let script = async {
        for request in &sent {
            peer.answer(request, json!({})).await;
        }
        let next = peer.request().await;
        assert_eq!(next["execute"], "works");
        peer.answer(&next, json!({})).await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("works")), script);
    assert_eq!(reply, Ok(json!({})));
}
