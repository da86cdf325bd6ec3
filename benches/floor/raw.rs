//! The floor: a blocking socket, requests that are encoded before, and replies that are not parsed beyond what the work
//! needs. Nothing that talks to a monitor or an agent can be faster than this by much.

use std::io::{Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use memchr::memchr;
use serde_json::{Value, json};

/// Holds the largest reply asked for, so that a reply is read in as few reads as the socket gives.
const BUFFER: usize = 4 << 20;

/// A connection to a monitor or an agent.
pub(crate) struct Raw {
    stream: UnixStream,
    buffer: Vec<u8>,
    /// The part of the buffer that was read and not taken yet.
    begin: usize,
    end: usize,
}

/// A command as it goes over the wire.
pub(crate) fn request(command: &str, arguments: Value) -> Vec<u8> {
    let mut message = json!({ "execute": command });
    if !arguments.is_null() {
        message["arguments"] = arguments;
    }
    format!("{message}\n").into_bytes()
}

impl Raw {
    /// Connects to a monitor and negotiates, once the client before it is gone.
    pub(crate) fn monitor(socket: &Path) -> Self {
        let mut raw = Self::connect(socket);
        raw.line();
        raw.call("qmp_capabilities", Value::Null);
        raw
    }

    /// Connects to an agent and synchronises.
    pub(crate) fn agent(socket: &Path) -> Self {
        let mut raw = Self::connect(socket);
        raw.stream.write_all(b"\xff").unwrap();
        let sync = request("guest-sync-delimited", json!({ "id": std::process::id() }));
        raw.stream.write_all(&sync).unwrap();
        loop {
            let line = raw.line();
            if raw.buffer[line.start] == 0xff {
                return raw;
            }
        }
    }

    fn connect(socket: &Path) -> Self {
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                // The host's agent listens again only once it has seen the last client go.
                Err(_) => sleep(Duration::from_millis(1)),
            }
        };
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Self {
            stream,
            buffer: vec![0; BUFFER],
            begin: 0,
            end: 0,
        }
    }

    /// Sends a command and gives its reply as it came, one line.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).unwrap();
        loop {
            let line = self.line();
            if self.buffer[line.clone()].starts_with(b"{\"timestamp\"") {
                continue; // an event
            }
            // With an id, or a command's value.
            let reply = &self.buffer[line.clone()];
            let text = String::from_utf8_lossy(&reply[..reply.len().min(64)]);
            assert!(!text.starts_with("{\"error\""), "{text}");
            return &self.buffer[line];
        }
    }

    /// The value of a command's reply, where that is of interest.
    pub(crate) fn call(&mut self, command: &str, arguments: Value) -> Value {
        let reply = self.exchange(&request(command, arguments));
        serde_json::from_slice::<Value>(reply).unwrap()["return"].take()
    }

    /// Where in the buffer the next line is.
    fn line(&mut self) -> Range<usize> {
        let mut looked = self.begin;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[looked..self.end]) {
                let line = self.begin..looked + at + 1;
                self.begin = line.end;
                return line;
            }
            if self.begin == self.end {
                (self.begin, self.end) = (0, 0);
            }
            looked = self.end;
            let count = self.stream.read(&mut self.buffer[self.end..]).unwrap();
            assert!(count > 0, "the peer has closed the connection");
            self.end += count;
        }
    }
}
