//! A domain's monitor, played to the QMP client: greeting, commands in order, events once somebody wants them.
//!
//! Each command is `virsh qemu-monitor-command` (libvirt 0.8.8). libvirt offers no out-of-band execution, so the greeting
//! does not either.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::io::DuplexStream;
use tokio::sync::watch;

use super::domain::Place;
use super::event;
use super::inbox::{Inbox, Outbox, ways};
use super::pool::Failure;
use super::quote;
use super::stream::Wish;
use super::words::{self, Meaning};
use crate::client::error::Obstacle;
use crate::wire::{Framer, Limits};

/// The version that QEMU tells (`query-version`): whether the monitor can be reached, and what its greeting says.
pub(super) async fn version(place: &Place) -> Result<Value, Obstacle> {
    match ask(place, &json!({ "execute": "query-version" })).await? {
        Ok(mut reply) => Ok(reply.remove("return").unwrap_or_default()),
        Err(met) => Err(match place.obstacle(met).await {
            Some(obstacle) => obstacle,
            None => Obstacle::Other("the domain's monitor is not ready".to_owned()),
        }),
    }
}

/// Plays the monitor until either side ends.
pub(super) async fn serve(
    place: Place,
    version: Value,
    stream: DuplexStream,
    wish: Arc<watch::Sender<Wish>>,
) {
    let (inbox, outbox) = ways(stream);
    let greeting = json!({ "QMP": { "version": version, "capabilities": [] } });
    if outbox.send(greeting.to_string().as_bytes()).await.is_err() {
        return;
    }
    tokio::select! {
        () = commands(&place, inbox, &outbox, wish.subscribe()) => {}
        // A monitor that tells no events any more is as good as gone to whoever waits for one.
        () = event::forward(&place, &outbox, &wish) => {}
    }
}

async fn commands(
    place: &Place,
    mut inbox: Inbox,
    outbox: &Outbox,
    mut wish: watch::Receiver<Wish>,
) {
    while let Some(mut request) = inbox.next().await {
        let Some(members) = request.as_object_mut() else {
            return;
        };
        let id = members.remove("id");
        let request = &request;
        let work = async {
            if request["execute"] == "qmp_capabilities" {
                return Some(Map::from_iter([("return".to_owned(), json!({}))]));
            }
            // Its own events are to be seen by whoever asked before the command.
            let ready = |wish: &Wish| *wish != Wish::Asked;
            wish.wait_for(ready).await.ok()?;
            reply(place, request).await
        };
        // Without a reply the stream ends, as a monitor's does with its VM.
        let Some(Some(mut reply)) = inbox.unless_gone(work).await else {
            return;
        };
        if let Some(id) = id {
            reply.insert("id".to_owned(), id);
        }
        let reply = Value::Object(reply).to_string();
        if outbox.send(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The reply to a command; nothing where the connection or the domain was lost.
async fn reply(place: &Place, request: &Value) -> Option<Map<String, Value>> {
    match ask(place, request).await {
        Ok(Ok(reply)) => Some(reply),
        Ok(Err(Meaning::Lost | Meaning::NotRunning | Meaning::NoDomain)) | Err(_) => None,
        Ok(Err(Meaning::Other(words) | Meaning::Refused(words))) => Some(refusal(&words)),
        Ok(Err(Meaning::Silent)) => Some(refusal(
            "libvirt waited in vain for another command to this domain to end",
        )),
        Ok(Err(Meaning::NoAgent)) => Some(refusal("the domain has no agent")),
    }
}

/// An error as QMP tells it, for what libvirt itself refuses.
fn refusal(words: &str) -> Map<String, Value> {
    let error = json!({ "class": "GenericError", "desc": format!("libvirt: {words}") });
    Map::from_iter([("error".to_owned(), error)])
}

/// What came of a command: QEMU's reply, or the meaning of libvirt's error.
async fn ask(
    place: &Place,
    request: &Value,
) -> Result<Result<Map<String, Value>, Meaning>, Failure> {
    let message = quote::message(request);
    let said = place.run("qemu-monitor-command", &message).await?;
    // Read with the limits of a monitor's own replies.
    let mut framer = Framer::new(Limits::QMP);
    framer.push(&said.output);
    match framer.next_object() {
        Ok(Some(Value::Object(mut reply))) => {
            // libvirt's own.
            reply.remove("id");
            Ok(Ok(reply))
        }
        Ok(_) => Ok(Err(words::meaning(&said.errors))),
        Err(error) => Ok(Err(Meaning::Other(error.to_string()))),
    }
}
