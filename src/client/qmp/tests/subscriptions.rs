//! Events to their subscribers: all of them, in order, and bounded where nobody looks.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::scripted::{GREETING, Peer, call, monitor};
use crate::client::{Ending, Error, Events, Next, Qmp};

async fn say_event(peer: &mut Peer, name: &str, number: usize) {
    let event = json!({"event": name, "data": {"number": number}, "timestamp": {"seconds": 1, "microseconds": 2}});
    peer.say(event.to_string()).await;
}

/// Lets the client take in all that the peer has said.
async fn settle(qmp: &Qmp, peer: &mut Peer) {
    let script = async {
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("query-status")), script);
    reply.unwrap();
}

async fn number(events: &mut Events) -> Value {
    match events.next().await.unwrap() {
        Next::Event(event) => event.data["number"].clone(),
        Next::Dropped(count) => panic!("{count} dropped"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_subscriber_gets_every_event_in_order_known_or_not() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut both = [qmp.subscribe(), qmp.subscribe()];
    for number in 0..10 {
        say_event(&mut peer, "FROM_THE_FUTURE", number).await;
    }
    for events in &mut both {
        for expected in 0..10 {
            assert_eq!(number(events).await, json!(expected));
        }
        assert_eq!(events.try_next(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_gets_events_from_its_subscription_on() {
    let (qmp, mut peer) = monitor(GREETING).await;
    say_event(&mut peer, "BEFORE", 1).await;
    settle(&qmp, &mut peer).await;
    let mut events = qmp.subscribe();
    say_event(&mut peer, "AFTER", 2).await;
    assert_eq!(number(&mut events).await, json!(2));
}

#[tokio::test(start_paused = true)]
async fn waiting_wakes_on_an_event_and_may_be_given_up_without_losing_one() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut events = qmp.subscribe();
    assert!(
        timeout(Duration::from_secs(1), events.next())
            .await
            .is_err()
    );
    let waiting = tokio::spawn(async move { number(&mut events).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    say_event(&mut peer, "E", 7).await;
    assert_eq!(waiting.await.unwrap(), json!(7));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_does_not_look_is_told_how_many_it_missed() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut slow = qmp.subscribe();
    for number in 0..1500 {
        say_event(&mut peer, "E", number).await;
    }
    settle(&qmp, &mut peer).await;
    assert_eq!(slow.next().await, Ok(Next::Dropped(1500 - 1024)));
    for expected in 1500 - 1024..1500 {
        assert_eq!(number(&mut slow).await, json!(expected));
    }
    say_event(&mut peer, "E", 1500).await;
    assert_eq!(number(&mut slow).await, json!(1500));
}

#[tokio::test(start_paused = true)]
async fn large_events_are_bounded_by_their_bytes() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut slow = qmp.subscribe();
    for _ in 0..10 {
        peer.say(json!({"event": "E", "data": "x".repeat(1 << 20), "timestamp": {}}).to_string())
            .await;
    }
    settle(&qmp, &mut peer).await;
    assert_eq!(slow.next().await, Ok(Next::Dropped(7)));
    for _ in 0..3 {
        assert!(matches!(slow.next().await, Ok(Next::Event(_))));
    }
    assert_eq!(slow.try_next(), None);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_the_connection_after_its_last_event() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut events = qmp.subscribe();
    say_event(&mut peer, "LAST", 1).await;
    drop(peer);
    assert_eq!(number(&mut events).await, json!(1));
    let ended = events.next().await.unwrap_err();
    assert!(matches!(
        ended,
        Error::Gone {
            cause: Ending::Closed,
            ..
        }
    ));
    assert_eq!(events.next().await, Err(ended.clone()));
    assert_eq!(qmp.subscribe().next().await, Err(ended));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_holds_up_nobody() {
    let (qmp, mut peer) = monitor(GREETING).await;
    drop(qmp.subscribe());
    let mut events = qmp.subscribe();
    say_event(&mut peer, "E", 1).await;
    assert_eq!(number(&mut events).await, json!(1));
}
