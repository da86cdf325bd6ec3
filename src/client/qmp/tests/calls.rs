//! Calls to a monitor: replies find their callers in any order, deadlines, what is dropped, out-of-band commands.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::scripted::{
    DEADLINE, GREETING, GREETING_WITHOUT_OOB, call, monitor, nowhere, pair,
};
use crate::client::{Call, Error, Qmp, Tap, TapLine};

const INSTANT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_call_gives_what_return_holds_exactly() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let arguments = json!({"size": u64::MAX, "x": -0.5});
    let script = async {
        let request = peer.request().await;
        assert_eq!(request["execute"], "x-echo");
        peer.answer(&request, request["arguments"].clone()).await;
    };
    let call = Call::new("x-echo", arguments.as_object().unwrap().clone());
    let (reply, ()) = tokio::join!(qmp.call(call), script);
    assert_eq!(reply, Ok(arguments));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_class_and_words() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async {
        let id = peer.request().await["id"].clone();
        peer.say(json!({"id": id, "error": {"class": "DeviceNotFound", "desc": "Device '\u{1b}' not found"}}).to_string()).await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("eject")), script);
    let error = reply.unwrap_err();
    assert_eq!(error.class(), Some("DeviceNotFound"));
    assert_eq!(error.desc(), Some("Device '\u{1b}' not found"));
    assert_eq!(
        error.to_string(),
        "`eject` was refused: Device '\\x1b' not found"
    );
}

#[tokio::test(start_paused = true)]
async fn ids_are_unique_strings_also_between_connections() {
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let (qmp, mut peer) = monitor(GREETING).await;
        for _ in 0..3 {
            let script = async {
                let request = peer.request().await;
                peer.answer(&request, json!({})).await;
                request
            };
            let (_, request) = tokio::join!(qmp.call(call("stop")), script);
            assert!(ids.insert(request["id"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(ids.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn many_tasks_get_each_its_own_reply_in_whatever_order_they_come() {
    let (qmp, mut peer) = monitor(GREETING_WITHOUT_OOB).await;
    let mut calls = JoinSet::new();
    for number in 0..8 {
        let qmp = qmp.clone();
        calls.spawn(async move { (number, qmp.call(call(&format!("c{number}"))).await) });
    }
    let mut requests = Vec::new();
    while requests.len() < 8 {
        requests.push(peer.request().await);
    }
    for request in requests.iter().rev() {
        peer.answer(request, request["execute"].clone()).await;
    }
    while let Some(done) = calls.join_next().await {
        let (number, reply) = done.unwrap();
        assert_eq!(reply, Ok(json!(format!("c{number}"))));
    }
}

#[tokio::test(start_paused = true)]
async fn replies_that_answer_nobody_are_dropped() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async {
        let request = peer.request().await;
        let id = request["id"].as_str().unwrap();
        for stray in [
            json!("theirs-1"),
            json!(1),
            json!(null),
            json!({"a": 1}),
            json!(format!("{id}0")),
            json!("qmpsh-00000000-1"),
        ] {
            peer.say(json!({"return": "stray", "id": stray}).to_string())
                .await;
        }
        peer.say(r#"{"return": "stray"} {"error": {"class": "GenericError", "desc": "stray"}} {"new": 1}"#).await;
        peer.answer(&request, json!("right")).await;
        peer.answer(&request, json!("a second time")).await;
        let request = peer.request().await;
        peer.answer(&request, json!("next")).await;
    };
    let client = async { (qmp.call(call("a")).await, qmp.call(call("b")).await) };
    let (replies, ()) = tokio::join!(client, script);
    assert_eq!(replies, (Ok(json!("right")), Ok(json!("next"))));
}

#[tokio::test(start_paused = true)]
async fn an_error_without_id_that_tells_of_broken_json_ends_the_oldest_call() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async {
        peer.request().await;
        let second = peer.request().await;
        peer.say(r#"{"error": {"class": "GenericError", "desc": "JSON parse error, too deep"}}"#)
            .await;
        peer.answer(&second, json!(2)).await;
    };
    let (first, second, ()) = tokio::join!(qmp.call(call("a")), qmp.call(call("b")), script);
    assert_eq!(
        first.unwrap_err().desc(),
        Some("JSON parse error, too deep")
    );
    assert_eq!(second, Ok(json!(2)));
}

#[tokio::test(start_paused = true)]
async fn no_more_commands_are_in_flight_than_qemu_queues() {
    for (greeting, window) in [(GREETING_WITHOUT_OOB, 8), (GREETING, 7)] {
        let (qmp, mut peer) = monitor(greeting).await;
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            let qmp = qmp.clone();
            calls.spawn(async move { qmp.call(call("query-block")).await });
        }
        let mut in_flight = Vec::new();
        for _ in 0..window {
            in_flight.push(peer.request().await);
        }
        for answered in 0..20 {
            let more = timeout(INSTANT, peer.request()).await;
            assert!(more.is_err(), "more than {window} in flight");
            peer.answer(&in_flight.remove(0), json!(answered)).await;
            if answered + window < 20 {
                in_flight.push(peer.request().await);
            }
        }
        let replies = calls.join_all().await;
        assert!(replies.iter().all(Result::is_ok));
    }
}

#[tokio::test(start_paused = true)]
async fn an_out_of_band_command_overtakes_a_full_queue() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let mut calls = JoinSet::new();
    for _ in 0..9 {
        let qmp = qmp.clone();
        calls.spawn(async move { qmp.call(call("query-block")).await });
    }
    for _ in 0..7 {
        assert_eq!(peer.request().await["execute"], "query-block");
    }
    let script = async {
        let request = peer.request().await;
        assert_eq!(request["exec-oob"], "migrate-pause");
        peer.answer(&request, json!({})).await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("migrate-pause").out_of_band()), script);
    assert_eq!(reply, Ok(json!({})));
    assert!(
        timeout(INSTANT, peer.request()).await.is_err(),
        "its reply made no room for an in-band command"
    );
}

#[tokio::test(start_paused = true)]
async fn out_of_band_where_it_is_not_offered_is_refused_here() {
    let (qmp, mut peer) = monitor(GREETING_WITHOUT_OOB).await;
    let error = qmp
        .call(call("migrate-pause").out_of_band())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        Error::NoOutOfBand {
            command: "migrate-pause".to_owned()
        }
    );
    assert!(timeout(INSTANT, peer.request()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_and_its_late_reply_is_nobodys() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async {
        let late = peer.request().await;
        let request = peer.request().await;
        peer.answer(&late, json!("late")).await;
        peer.answer(&request, json!("right")).await;
    };
    let client = async {
        let before = Instant::now();
        let after = Duration::from_secs(2);
        let error = qmp.call(call("a").within(after)).await.unwrap_err();
        assert_eq!(
            error,
            Error::Timeout {
                address: nowhere(),
                command: "a".to_owned(),
                sent: true,
                after
            }
        );
        assert_eq!(before.elapsed().as_secs(), 2);
        qmp.call(call("b")).await
    };
    let (reply, ()) = tokio::join!(client, script);
    assert_eq!(reply, Ok(json!("right")));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_one_call_leaves_the_others_alone() {
    let (qmp, mut peer) = monitor(GREETING).await;
    let script = async {
        peer.request().await;
        let request = peer.request().await;
        sleep(Duration::from_secs(20)).await;
        peer.answer(&request, json!("in time")).await;
    };
    let (short, long, ()) = tokio::join!(
        qmp.call(call("a").within(INSTANT)),
        qmp.call(call("b")),
        script
    );
    assert!(matches!(short, Err(Error::Timeout { .. })));
    assert_eq!(long, Ok(json!("in time")));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_before_it_was_sent_is_not_sent() {
    let (qmp, mut peer) = monitor(GREETING_WITHOUT_OOB).await;
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let qmp = qmp.clone();
        calls.spawn(async move { qmp.call(call("slow")).await });
    }
    let first = peer.request().await;
    let dropped = timeout(INSTANT, qmp.call(call("dropped"))).await;
    assert!(dropped.is_err());
    for _ in 1..8 {
        assert_eq!(peer.request().await["execute"], "slow");
    }
    peer.answer(&first, json!({})).await;
    assert!(timeout(INSTANT, peer.line()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_in_flight_keeps_its_place_until_it_is_answered() {
    let (qmp, mut peer) = monitor(GREETING_WITHOUT_OOB).await;
    let mut given_up = Vec::new();
    for _ in 0..8 {
        assert!(timeout(INSTANT, qmp.call(call("slow"))).await.is_err());
        given_up.push(peer.request().await);
    }
    let script = async {
        assert!(
            timeout(DEADLINE, peer.request()).await.is_err(),
            "QEMU still works on eight"
        );
        peer.answer(&given_up[3], json!("nobody's")).await;
        let request = peer.request().await;
        peer.answer(&request, json!("right")).await;
    };
    let (reply, ()) = tokio::join!(qmp.call(call("next")), script);
    assert_eq!(reply, Ok(json!("right")));
}

#[tokio::test(start_paused = true)]
async fn a_large_request_to_a_slow_reader_holds_up_no_events_and_no_replies() {
    let (stream, mut peer) = pair(1000);
    let script = async {
        peer.say(GREETING).await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
        let first = peer.request().await;
        // Far more than fits, while the large request is on its way here.
        for number in 0..100 {
            peer.say(
                json!({"event": "E", "data": {"number": number}, "timestamp": {}}).to_string(),
            )
            .await;
        }
        peer.answer(&first, json!("first")).await;
        let large = peer.request().await;
        peer.answer(
            &large,
            json!(large["arguments"]["text"].as_str().unwrap().len()),
        )
        .await;
    };
    let client = async {
        let qmp = Qmp::over(stream, nowhere(), DEADLINE, None).await.unwrap();
        let arguments: Map<String, Value> = [("text".to_owned(), json!("x".repeat(1 << 20)))]
            .into_iter()
            .collect();
        tokio::join!(
            qmp.call(call("first")),
            qmp.call(Call::new("large", arguments))
        )
    };
    let (replies, ()) = tokio::join!(client, script);
    assert_eq!(replies, (Ok(json!("first")), Ok(json!(1 << 20))));
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Tap for Notes {
    fn message(&self, line: &TapLine<'_>) {
        self.0.lock().unwrap().push(format!(
            "{:?} {:?} {}",
            line.channel,
            line.direction,
            line.message.redacted()
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tap_sees_each_message_with_its_secrets_hidden() {
    let (stream, mut peer) = pair(64 << 10);
    let notes = Arc::new(Notes::default());
    let script = async {
        peer.say(GREETING_WITHOUT_OOB).await;
        for _ in 0..2 {
            let request = peer.request().await;
            peer.answer(&request, json!({})).await;
        }
    };
    let client = async {
        let qmp = Qmp::over(
            stream,
            nowhere(),
            DEADLINE,
            Some(Arc::clone(&notes) as Arc<dyn Tap>),
        )
        .await
        .unwrap();
        let arguments = json!({"protocol": "vnc", "password": "geheim"});
        qmp.call(Call::new(
            "set_password",
            arguments.as_object().unwrap().clone(),
        ))
        .await
        .unwrap();
    };
    tokio::join!(client, script);
    let notes = notes.0.lock().unwrap();
    let starts = [
        "Qmp Received {\"QMP\"",
        "Qmp Sent {\"execute\":\"qmp_cap",
        "Qmp Received {\"id\"",
        "Qmp Sent {\"arguments\"",
        "Qmp Received {\"id\"",
    ];
    assert_eq!(notes.len(), starts.len());
    for (note, start) in notes.iter().zip(starts) {
        assert!(
            note.starts_with(start) && !note.contains("geheim"),
            "{note}"
        );
    }
    assert!(notes[3].contains("\"password\":\"***\""));
}
