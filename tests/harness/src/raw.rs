//! The plainest clients of the two protocols, as witnesses and as the floor of the benches: blocking, one call at a time.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::wait::{DEADLINE, until};

/// An event as it came: `event`, `data`, `timestamp`.
pub type Event = Value;

struct Lines {
    reader: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Lines {
    fn connect(socket: &Path) -> Self {
        let stream = until(DEADLINE, || UnixStream::connect(socket).ok())
            .unwrap_or_else(|| panic!("{}: nobody listens", socket.display()));
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a socket takes a timeout");
        Self {
            reader: BufReader::with_capacity(1 << 16, stream),
            line: Vec::new(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.reader
            .get_mut()
            .write_all(bytes)
            .expect("the peer reads what it is sent");
    }

    fn receive(&mut self) -> Value {
        self.line.clear();
        let count = self
            .reader
            .read_until(b'\n', &mut self.line)
            .expect("the peer answers within the deadline");
        assert!(count > 0, "the peer has closed the connection");
        serde_json::from_slice(self.line.trim_ascii_start().trim_ascii_end())
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.line)))
    }
}

fn request(command: &str, arguments: &Value) -> Vec<u8> {
    let mut message = json!({ "execute": command });
    if !arguments.is_null() {
        message["arguments"] = arguments.clone();
    }
    let mut bytes = message.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

fn outcome(mut reply: Value) -> Option<Result<Value, Value>> {
    let reply = reply.as_object_mut()?;
    match (reply.remove("return"), reply.remove("error")) {
        (Some(value), _) => Some(Ok(value)),
        (None, Some(error)) => Some(Err(error)),
        (None, None) => None,
    }
}

/// A QMP client. It holds the monitor until it is dropped, and nobody else gets in meanwhile.
pub struct RawQmp {
    lines: Lines,
    events: VecDeque<Event>,
}

impl RawQmp {
    /// Connects and negotiates; waits while nobody listens or another client is served.
    pub fn connect(socket: impl AsRef<Path>) -> Self {
        let mut lines = Lines::connect(socket.as_ref());
        loop {
            let first = lines.receive();
            if first.get("QMP").is_some() {
                break;
            }
            // QEMU may still have a word for the client before us.
            let is_late = ["event", "return", "error"]
                .iter()
                .any(|of| first.get(of).is_some());
            assert!(is_late, "no greeting: {first}");
        }
        let mut client = Self {
            lines,
            events: VecDeque::new(),
        };
        client.call("qmp_capabilities", &Value::Null);
        client
    }

    /// Runs a command (arguments or `Value::Null`); the value, or QEMU's `{class, desc}`.
    pub fn try_call(&mut self, command: &str, arguments: &Value) -> Result<Value, Value> {
        self.lines.send(&request(command, arguments));
        loop {
            let message = self.lines.receive();
            if message.get("event").is_some() {
                self.events.push_back(message);
            } else if let Some(outcome) = outcome(message) {
                return outcome;
            }
        }
    }

    /// Runs a command that has to succeed.
    pub fn call(&mut self, command: &str, arguments: &Value) -> Value {
        self.try_call(command, arguments)
            .unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Waits for an event of that name, among those that came already and those to come.
    pub fn event(&mut self, name: &str) -> Event {
        loop {
            let event = self
                .events
                .pop_front()
                .unwrap_or_else(|| self.lines.receive());
            if event["event"] == name {
                return event;
            }
        }
    }
}

/// A guest-agent client, synchronised when it is made.
pub struct RawAgent {
    lines: Lines,
}

impl RawAgent {
    /// Connects and synchronises; waits while the agent is not up yet.
    pub fn connect(socket: impl AsRef<Path>) -> Self {
        let mut lines = Lines::connect(socket.as_ref());
        let id = std::process::id();
        lines.send(b"\xff");
        lines.send(&request("guest-sync-delimited", &json!({ "id": id })));
        loop {
            lines.line.clear();
            let count = lines
                .reader
                .read_until(b'\n', &mut lines.line)
                .expect("the agent answers within the deadline");
            assert!(count > 0, "the agent has closed the connection");
            let after_mark = lines.line.iter().rposition(|&byte| byte == 0xff);
            let reply = after_mark
                .and_then(|at| serde_json::from_slice::<Value>(&lines.line[at + 1..]).ok());
            if reply.is_some_and(|reply| reply["return"] == id) {
                return Self { lines };
            }
        }
    }

    /// Runs a command (arguments or `Value::Null`); the value, or the agent's `{class, desc}`.
    pub fn try_call(&mut self, command: &str, arguments: &Value) -> Result<Value, Value> {
        self.send(command, arguments);
        outcome(self.lines.receive()).expect("an agent sends replies only")
    }

    /// Runs a command that has to succeed.
    pub fn call(&mut self, command: &str, arguments: &Value) -> Value {
        self.try_call(command, arguments)
            .unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Sends a command and waits for nothing, for those that have no reply and for leaving in mid-call.
    pub fn send(&mut self, command: &str, arguments: &Value) {
        self.lines.send(&request(command, arguments));
    }

    /// `guest-fsfreeze-status`: `frozen` or `thawed`, as the agent believes.
    pub fn freeze_status(&mut self) -> String {
        let status = self.call("guest-fsfreeze-status", &Value::Null);
        status.as_str().expect("a status is text").to_owned()
    }
}
