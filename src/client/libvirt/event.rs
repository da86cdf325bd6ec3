//! A domain's events, by `virsh qemu-monitor-event --loop` (libvirt 1.2.3), once somebody wants them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::watch;
use tokio::time::timeout;

use super::domain::Place;
use super::inbox::Outbox;
use super::process::{self, Process};
use super::stream::Wish;
use super::virsh::no_pipes;
use crate::client::error::Obstacle;
use crate::wire::Limits;

/// What libvirt's client logs when its daemon has answered the registration: virsh itself says nothing then, and an event
/// before it would be missed. The program is libvirt's part for QEMU, its fourth call the registration.
const REGISTERED: [&str; 4] = ["RPC_CLIENT_MSG_RX", "prog=536903815", "proc=4 ", "type=1 "];

/// How long that is waited for: on a busy host virsh needs seconds to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// Passes the domain's events on from when they are wanted, until libvirt or the domain goes.
pub(super) async fn forward(place: &Place, outbox: &Outbox, wish: &watch::Sender<Wish>) {
    let mut wanted = wish.subscribe();
    if wanted.wait_for(|wish| *wish != Wish::None).await.is_err() {
        return;
    }
    let Ok(mut listener) = Listener::start(place).await else {
        return;
    };
    // All that is to be missed is what was before. Without an answer nobody can tell what is, so the connection ends.
    if !matches!(timeout(PATIENCE, listener.registered()).await, Ok(true)) {
        return;
    }
    wish.send_replace(Wish::Granted);
    while let Some(line) = listener.line().await {
        if let Some(event) = read(&line) {
            if outbox.send(event.to_string().as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// A virsh that tells events.
struct Listener {
    _process: Process,
    /// At its end virsh would end.
    _stdin: Sender,
    stdout: BufReader<Receiver>,
    stderr: BufReader<Receiver>,
    log: Vec<u8>,
    line: Vec<u8>,
}

impl Listener {
    async fn start(place: &Place) -> Result<Self, Obstacle> {
        let variables = [
            ("LIBVIRT_LOG_FILTERS", "2:rpc.netclient"),
            ("LIBVIRT_LOG_OUTPUTS", "2:stderr"),
        ];
        let (process, streams) = process::start(&place.uri, &variables).await?;
        let mut stdin = Sender::from_owned_fd(streams.stdin.into()).map_err(no_pipes)?;
        let stdout = Receiver::from_owned_fd(streams.stdout.into()).map_err(no_pipes)?;
        let stderr = Receiver::from_owned_fd(streams.stderr.into()).map_err(no_pipes)?;
        let line = format!("qemu-monitor-event --loop {}\n", place.option);
        stdin.write_all(line.as_bytes()).await.map_err(no_pipes)?;
        Ok(Self {
            _process: process,
            _stdin: stdin,
            stdout: BufReader::new(stdout),
            stderr: BufReader::new(stderr),
            log: Vec::new(),
            line: Vec::new(),
        })
    }

    /// Waits until libvirt's daemon knows that events are wanted; not so where virsh ends before.
    async fn registered(&mut self) -> bool {
        while let Some(line) = next(&mut self.stderr, &mut self.log).await {
            if REGISTERED.iter().all(|part| line.contains(part)) {
                return true;
            }
        }
        false
    }

    /// The next line of its output; nothing at its end, which may also be that of its connection.
    async fn line(&mut self) -> Option<String> {
        loop {
            tokio::select! {
                biased;
                line = next(&mut self.stdout, &mut self.line) => return line,
                line = next(&mut self.stderr, &mut self.log) => {
                    if line?.starts_with("error: ") {
                        return None;
                    }
                }
            }
        }
    }
}

/// The next line. What has come of one is kept in `begun` when the future is dropped.
async fn next(stream: &mut BufReader<Receiver>, begun: &mut Vec<u8>) -> Option<String> {
    let room = Limits::QMP.bytes.saturating_sub(begun.len()) as u64;
    let read = stream.take(room).read_until(b'\n', begun).await;
    if !matches!(read, Ok(1..)) || begun.last() != Some(&b'\n') {
        return None;
    }
    let line = String::from_utf8_lossy(begun).trim_end().to_owned();
    begun.clear();
    Some(line)
}

/// An event as virsh tells it: `event NAME at SECONDS.MICROSECONDS for domain 'DOMAIN': DATA`, the data `<null>` where there
/// is none.
fn read(line: &str) -> Option<Value> {
    // The first line begins with what was typed.
    let (name, rest) = line.strip_prefix("event ")?.split_once(" at ")?;
    let (time, rest) = rest.split_once(" for domain ")?;
    let (seconds, microseconds) = time.split_once('.')?;
    let mut event = json!({
        "event": name,
        "timestamp": {
            "seconds": seconds.parse::<i64>().ok()?,
            "microseconds": microseconds.parse::<i64>().ok()?,
        },
    });
    // A domain's name may hold anything but a line's end; where it ends, data begins.
    let data = rest
        .match_indices(": ")
        .map(|(at, colon)| &rest[at + colon.len()..])
        .find_map(|data| match data {
            "<null>" | "(null)" => Some(None),
            data => serde_json::from_str::<Value>(data)
                .ok()
                .filter(Value::is_object)
                .map(Some),
        })?;
    if let Some(data) = data {
        event["data"] = data;
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_with_its_time_and_data() {
        assert_eq!(
            read("event STOP at 1795226302.000072 for domain 'web01': <null>"),
            Some(json!({
                "event": "STOP",
                "timestamp": { "seconds": 1_795_226_302, "microseconds": 72 },
            }))
        );
        assert_eq!(
            read("event JOB_STATUS_CHANGE at 1.2 for domain 'it's: {a}': {\"status\":\"x': {}\"}")
                .unwrap()["data"],
            json!({ "status": "x': {}" })
        );
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        for line in [
            "",
            "virsh # qemu-monitor-event --loop --domain='web01'",
            "event loop interrupted",
            "event STOP at x.y for domain 'a': <null>",
            "event STOP at 1.2 for domain 'a': {broken",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
