//! A domain's guest agent, played to the agent's client.
//!
//! Each command is `virsh qemu-agent-command` (libvirt 0.10.0). libvirt synchronizes with the agent before each; a
//! synchronization of the client's is answered here once the agent has answered libvirt.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::sleep;

use super::domain::Place;
use super::inbox::ways;
use super::pieces::{self, Write};
use super::pool::Failure;
use super::quote;
use super::words::{self, Meaning};
use crate::client::error::Obstacle;

/// How long libvirt waits for an agent's answer, in seconds. The client's own deadline is shorter; but libvirt lets no other
/// command to the agent before that, so this is no more than a command may need.
const SECONDS: u32 = 120;
/// The same for commands that take as long as the guest has work.
const SECONDS_OF_LONG: u32 = 3600;
/// The same for commands without an answer: a refusal comes at once.
const SECONDS_OF_UNANSWERED: u32 = 3;

/// How often an agent that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// Whether there may be an agent: asked once, for what would keep it from ever answering.
pub(super) async fn knock(place: &Place) -> Result<(), Obstacle> {
    match ask(place, &json!({ "execute": "guest-ping" })).await? {
        Ok(_) => Ok(()),
        Err(met) => place.obstacle(met).await.map_or(Ok(()), Err),
    }
}

/// Plays the agent until either side ends.
pub(super) async fn serve(place: Place, stream: DuplexStream) {
    let (mut inbox, outbox) = ways(stream);
    while let Some(request) = inbox.next().await {
        let Some(answer) = inbox.unless_gone(answer(&place, &request)).await else {
            return;
        };
        let sent = match answer {
            Answer::Reply(reply) => outbox.send(&reply).await,
            // The client has a deadline, and synchronizes after it.
            Answer::None => Ok(()),
            Answer::End => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

enum Answer {
    Reply(Vec<u8>),
    /// The agent did not answer.
    None,
    /// The connection or the domain was lost.
    End,
}

async fn answer(place: &Place, request: &Value) -> Answer {
    if request["execute"] == "guest-sync-delimited" {
        return synchronized(place, &request["arguments"]["id"]).await;
    }
    let Some(write) = Write::of(request) else {
        return once(place, request).await;
    };
    let mut written = 0;
    for (piece, count) in write.pieces() {
        let reply = match once(place, &piece).await {
            Answer::Reply(reply) => reply,
            other => return other,
        };
        let taken = serde_json::from_slice::<Value>(&reply);
        let taken = taken
            .ok()
            .and_then(|reply| reply["return"]["count"].as_u64());
        let Some(taken) = taken else {
            return Answer::Reply(reply);
        };
        written += taken;
        // What is behind a gap must not be written.
        if taken != count {
            break;
        }
    }
    let reply = json!({ "return": { "count": written, "eof": false } });
    Answer::Reply(reply.to_string().into_bytes())
}

async fn once(place: &Place, request: &Value) -> Answer {
    match ask(place, request).await {
        Ok(Ok(reply)) => Answer::Reply(reply),
        Ok(Err(Meaning::Refused(words))) => Answer::Reply(refusal(&words)),
        Ok(Err(Meaning::Other(words))) => Answer::Reply(refusal(&format!("libvirt: {words}"))),
        Ok(Err(Meaning::Silent)) => Answer::None,
        // Whoever connects anew learns why.
        Ok(Err(Meaning::Lost | Meaning::NotRunning | Meaning::NoDomain | Meaning::NoAgent))
        | Err(_) => Answer::End,
    }
}

/// Answers once the agent does; asks again until then, or until the client gives up.
async fn synchronized(place: &Place, id: &Value) -> Answer {
    loop {
        match ask(place, &json!({ "execute": "guest-ping" })).await {
            Ok(Ok(_) | Err(Meaning::Refused(_))) => {
                let mut reply = vec![0xff];
                reply.extend(json!({ "return": id }).to_string().into_bytes());
                return Answer::Reply(reply);
            }
            Ok(Err(met)) => {
                if place.obstacle(met).await.is_some() {
                    return Answer::End;
                }
            }
            Err(_) => return Answer::End,
        }
        sleep(AGAIN).await;
    }
}

/// A refusal as the agent words it. libvirt passes its words on and not its class, which follows from them: the client asks
/// the agent what is meant where a command is not there.
fn refusal(words: &str) -> Vec<u8> {
    let is_missing = words.contains("has not been found") || words.contains("has been disabled");
    let class = if is_missing {
        "CommandNotFound"
    } else {
        "GenericError"
    };
    json!({ "error": { "class": class, "desc": words } })
        .to_string()
        .into_bytes()
}

/// What came of a command: the agent's reply, or the meaning of libvirt's error.
async fn ask(place: &Place, request: &Value) -> Result<Result<Vec<u8>, Meaning>, Failure> {
    let seconds = match request["execute"].as_str().unwrap_or_default() {
        "guest-shutdown" | "guest-suspend-disk" | "guest-suspend-ram" | "guest-suspend-hybrid" => {
            SECONDS_OF_UNANSWERED
        }
        "guest-fstrim" => SECONDS_OF_LONG,
        command if command.starts_with("guest-fsfreeze-") => SECONDS_OF_LONG,
        _ => SECONDS,
    };
    let message = quote::message(request);
    if message.len() > pieces::LONGEST {
        let words = format!(
            "a command of {} bytes is more than it passes on to an agent, which is {}",
            message.len(),
            pieces::LONGEST
        );
        return Ok(Err(Meaning::Other(words)));
    }
    let rest = format!("--timeout {seconds} {message}");
    let said = place.run("qemu-agent-command", &rest).await?;
    let reply = said.output.trim_ascii();
    if reply.starts_with(b"{") {
        return Ok(Ok(reply.to_vec()));
    }
    Ok(Err(words::meaning(&said.errors)))
}
