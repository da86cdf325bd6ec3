//! A peer, in memory or on a socket, that says what a test has it say.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::UnixListener;

use super::address::Address;
use super::agent::Agent;
use super::call::Call;
use super::connection::Stream;
use super::qmp::Qmp;
use super::random::random;
use super::transport::Transport;

pub(super) const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 2, "major": 10}, "package": ""}, "capabilities": ["oob"]}}"#;
pub(super) const GREETING_WITHOUT_OOB: &str = r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 5, "major": 2}, "package": ""}, "capabilities": []}}"#;
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// The other end of a connection.
pub(super) struct Peer {
    stream: Box<dyn Transport>,
    unread: Vec<u8>,
}

/// A connection in memory of this capacity.
pub(super) fn pair(capacity: usize) -> (DuplexStream, Peer) {
    let (ours, theirs) = duplex(capacity);
    (ours, Peer::on(theirs))
}

/// Where connecting fails at once.
pub(super) fn nowhere() -> Address {
    Address::Unix(PathBuf::from("/nowhere/to/be.found"))
}

/// A monitor that has greeted.
pub(super) async fn monitor(greeting: &str) -> (Qmp, Peer) {
    let (stream, mut peer) = pair(64 << 10);
    let script = async {
        peer.say(greeting).await;
        let request = peer.request().await;
        assert_eq!(request["execute"], "qmp_capabilities");
        peer.answer(&request, json!({})).await;
        peer
    };
    let (qmp, peer) = tokio::join!(Qmp::over(stream, nowhere(), DEADLINE, None), script);
    (qmp.unwrap(), peer)
}

/// An agent that has not been spoken to.
pub(super) fn agent() -> (Agent, Peer) {
    let (stream, peer) = pair(64 << 10);
    (Agent::over(stream, nowhere(), None), peer)
}

pub(super) fn call(command: &str) -> Call {
    Call::new(command, Map::new())
}

/// A folder for sockets, gone with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("qmpsh-test-{:x}", random()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn socket(&self) -> Address {
        Address::Unix(self.path("socket"))
    }

    pub(super) fn listener(&self) -> UnixListener {
        UnixListener::bind(self.path("socket")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Peer {
    pub(super) fn on(stream: impl Transport) -> Self {
        Self {
            stream: Box::new(stream),
            unread: Vec::new(),
        }
    }

    /// The next client of a listener.
    pub(super) async fn accept(listener: &UnixListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        Self::on(Stream::Unix(stream))
    }

    /// The next line as it came, or `None` at the end.
    pub(super) async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                return Some(self.unread.drain(..=end).collect());
            }
            if self.stream.read_buf(&mut self.unread).await.unwrap() == 0 {
                assert!(self.unread.is_empty(), "half a line: {:?}", self.unread);
                return None;
            }
        }
    }

    /// The next request.
    pub(super) async fn request(&mut self) -> Value {
        let line = self.line().await.expect("a request, not the end");
        serde_json::from_slice(&line).expect("a request in JSON")
    }

    pub(super) async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    /// Says this, and then no end of `x`, until nobody listens any more.
    pub(super) async fn say_without_end(&mut self, head: &str) {
        self.say(head).await;
        let chunk = vec![b'x'; 64 << 10];
        while self.stream.write_all(&chunk).await.is_ok() {}
    }

    /// Answers a request, with its id if it has one.
    pub(super) async fn answer(&mut self, request: &Value, value: Value) {
        let mut reply = json!({"return": value});
        if let Some(id) = request.get("id") {
            reply["id"] = id.clone();
        }
        self.say(reply.to_string() + "\r\n").await;
    }

    /// Takes the sync that brings an agent's client into step, and answers it as agents do, the error first that the 0xFF
    /// causes.
    pub(super) async fn take_sync(&mut self) {
        let id = self.sync_id().await;
        self.say(
            r#"{"error": {"class": "GenericError", "desc": "JSON parse error, stray '\\xff'"}}"#,
        )
        .await;
        self.say(
            [
                &b"\n\xff"[..],
                json!({"return": id}).to_string().as_bytes(),
                b"\n",
            ]
            .concat(),
        )
        .await;
    }

    /// Takes the sync, and leaves it unanswered.
    pub(super) async fn sync_id(&mut self) -> Value {
        let line = self.line().await.expect("a sync, not the end");
        let sentinel = line
            .iter()
            .rposition(|byte| *byte == 0xff)
            .expect("a sync begins with 0xFF");
        let request: Value = serde_json::from_slice(&line[sentinel + 1..]).unwrap();
        assert_eq!(request["execute"], "guest-sync-delimited");
        request["arguments"]["id"].clone()
    }
}
