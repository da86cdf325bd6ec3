//! The greeting: what it tells, and peers that give none, half of one, or are another program.

use std::time::Duration;

use serde_json::json;

use crate::client::scripted::{
    DEADLINE, GREETING, GREETING_WITHOUT_OOB, Peer, call, monitor, nowhere, pair,
};
use crate::client::{Ending, Error, Qmp, Silence, Unreachable};
use crate::wire::FramingError;

/// What comes of greeting a peer that says this and then keeps its end open.
async fn greeting_of(script: impl AsyncFnOnce(&mut Peer)) -> Result<Qmp, Error> {
    let (stream, mut peer) = pair(64 << 10);
    let scripted = async {
        script(&mut peer).await;
        peer
    };
    let (qmp, _peer) = tokio::join!(Qmp::over(stream, nowhere(), DEADLINE, None), scripted);
    qmp
}

#[tokio::test(start_paused = true)]
async fn out_of_band_execution_is_enabled_where_it_is_offered() {
    for (greeting, arguments) in [
        (GREETING, json!({"enable": ["oob"]})),
        (GREETING_WITHOUT_OOB, json!(null)),
    ] {
        let qmp = greeting_of(async |peer: &mut Peer| {
            peer.say(greeting).await;
            let request = peer.request().await;
            assert_eq!(
                request.get("arguments").cloned().unwrap_or_default(),
                arguments
            );
            peer.answer(&request, json!({})).await;
        });
        let qmp = qmp.await.unwrap();
        assert_eq!(qmp.has_oob(), !arguments.is_null());
    }
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_kept() {
    let (qmp, _peer) = monitor(GREETING).await;
    assert_eq!(qmp.greeting().version.to_string(), "10.2.2");
    assert_eq!(qmp.address(), &nowhere());
}

#[tokio::test(start_paused = true)]
async fn late_words_to_the_client_before_are_passed_over() {
    let qmp = greeting_of(async |peer: &mut Peer| {
        peer.say(r#"{"return": {}, "id": "theirs-1"}"#).await;
        peer.say(GREETING).await;
        let request = peer.request().await;
        peer.say(r#"{"return": {}, "id": "theirs-2"} {"return": {}} {"error": {"class": "GenericError", "desc": "x"}}"#).await;
        peer.say(r#"{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 1}}"#)
            .await;
        peer.answer(&request, json!({})).await;
    });
    assert!(qmp.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_silent_at_the_deadline() {
    let error = greeting_of(async |_: &mut Peer| {}).await.unwrap_err();
    assert_eq!(
        error,
        Error::Silent {
            address: nowhere(),
            after: DEADLINE,
            why: Silence::default(),
        }
    );
}

#[tokio::test(start_paused = true)]
async fn half_a_greeting_is_silence_too() {
    let error = greeting_of(async |peer: &mut Peer| peer.say(&GREETING[..40]).await)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        Error::Silent {
            address: nowhere(),
            after: DEADLINE,
            why: Silence::default(),
        }
    );
}

#[tokio::test(start_paused = true)]
async fn another_programs_socket_is_told_by_its_first_words() {
    for (words, shown) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2\\r\\n"),
        (
            "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ",
            "QEMU 7.2.22 monitor - type 'help' for more information\\r\\n(qem...",
        ),
        (r#"{"hello": "world"}"#, r#"{"hello":"world"}"#),
        ("\x1b[31m\u{202e}", "\\x1b[31m\\u{202e}"),
    ] {
        let error = greeting_of(async |peer: &mut Peer| peer.say(words).await)
            .await
            .unwrap_err();
        assert_eq!(
            error,
            Error::NotQmp {
                address: nowhere(),
                excerpt: shown.to_owned()
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_greeting_without_end_is_too_large() {
    let (stream, mut peer) = pair(64 << 10);
    let endless = peer.say_without_end(r#"{"QMP": ""#);
    let (greeted, ()) = tokio::join!(Qmp::over(stream, nowhere(), DEADLINE, None), endless);
    let what = FramingError::TooLong(16 << 20);
    assert_eq!(
        greeted.unwrap_err(),
        Error::TooLarge {
            address: nowhere(),
            what
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_before_or_after_its_greeting_is_gone() {
    let gone = |cause| Error::Gone {
        address: nowhere(),
        command: None,
        sent: false,
        cause,
    };
    let left = Error::Connect {
        address: nowhere(),
        source: Unreachable::Left(Ending::Closed),
    };
    for (words, error) in [
        ("", gone(Ending::Closed)),
        ("{\"QMP\"", gone(Ending::ClosedWithin)),
        (GREETING, left),
    ] {
        let (stream, mut peer) = pair(64 << 10);
        let scripted = async move {
            peer.say(words).await;
            if !words.is_empty() && words.ends_with("}}") {
                peer.request().await;
            }
        };
        let (greeted, ()) = tokio::join!(Qmp::over(stream, nowhere(), DEADLINE, None), scripted);
        assert_eq!(greeted.unwrap_err(), error);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_or_unanswered_capabilities_are_told_apart() {
    let refused = greeting_of(async |peer: &mut Peer| {
        peer.say(GREETING).await;
        let id = peer.request().await["id"].clone();
        peer.say(json!({"error": {"class": "GenericError", "desc": "no"}, "id": id}).to_string())
            .await;
    });
    assert_eq!(refused.await.unwrap_err().desc(), Some("no"));

    let unanswered = greeting_of(async |peer: &mut Peer| peer.say(GREETING).await)
        .await
        .unwrap_err();
    assert!(matches!(unanswered, Error::Timeout { command, .. } if command == "qmp_capabilities"));
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_arrives_byte_by_byte_is_the_same() {
    let (stream, mut peer) = pair(1);
    let script = async {
        peer.say(GREETING.replace(' ', "\r\n    ")).await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
        let request = peer.request().await;
        peer.say("{\"timestamp\": {}, \"event\": \"RESUME\"}\r\n")
            .await;
        peer.answer(&request, json!({"status": "ru\"n\\ning}"}))
            .await;
    };
    let client = async {
        let qmp = Qmp::over(stream, nowhere(), DEADLINE, None).await.unwrap();
        (
            qmp.call(call("query-status").within(Duration::from_secs(1)))
                .await,
            qmp,
        )
    };
    let ((reply, _qmp), ()) = tokio::join!(client, script);
    assert_eq!(reply, Ok(json!({"status": "ru\"n\\ning}"})));
}
