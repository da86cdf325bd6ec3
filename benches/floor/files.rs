//! Files of 16 MiB from and to an agent on this host, which shows our own cost, and one in a guest, where a transfer
//! is slow of itself. The floor uses the chunk size that turns out the fastest here.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Guest, HostAgent};
use memchr::memmem;
use qmpsh::vm::GuestAgent;
use serde_json::json;

use crate::qmpsh::{Layer, Script};
use crate::raw::{Raw, request};
use crate::rounds::{Contender, in_turn, timed};
use crate::table::{Quantity, Table, Target};

const SIZE: usize = 16 << 20;
const CHUNKS: [usize; 5] = [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20];
const TARGET: Target = Target::RatioAtLeast(0.90);

/// An agent, the files to be read and written by it, and how much of a round it is worth.
struct Place<'a> {
    name: &'static str,
    target: String,
    socket: &'a Path,
    read: String,
    write: String,
    /// Bytes transferred to find the best chunk size.
    probe: usize,
    rounds: usize,
    /// Whether the VM layer is looked at too.
    layer: bool,
}

/// The agent on this host.
pub(crate) fn on_host(table: &mut Table) {
    let content = content();
    let agent = HostAgent::start();
    let file = |name: &str| agent.folder().join(name).to_str().unwrap().to_owned();
    fs::write(file("read"), &content).unwrap();
    let socket = agent.socket();
    Place {
        name: "host",
        target: format!("qmp=/nonexistent,agent={}", socket.display()),
        socket: &socket,
        read: file("read"),
        write: file("write"),
        probe: SIZE,
        rounds: 15,
        layer: true,
    }
    .measure(&content, table);
    let written = fs::read(file("write")).unwrap();
    assert!(written == content, "what was written is something else");
}

/// The agent in a guest.
pub(crate) fn in_guest(table: &mut Table) {
    let content = content();
    let guest = Guest::boot();
    let socket = guest.agent();
    let place = Place {
        name: "guest",
        target: guest.target(),
        socket: &socket,
        read: "/tmp/read".into(),
        write: "/tmp/write".into(),
        probe: SIZE / 8,
        rounds: 5,
        layer: false,
    };
    write(&mut Raw::agent(&socket), &place.read, &content, 1 << 20);
    place.measure(&content, table);
    guest.shell_ok("cmp /tmp/read /tmp/write");
}

/// Bytes with no pattern to speak of.
fn content() -> Vec<u8> {
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
    (0..SIZE as u64).map(scattered).collect()
}

impl Place<'_> {
    fn measure(&self, content: &[u8], table: &mut Table) {
        let chunk = self.fastest(|raw, chunk| {
            read(raw, &self.read, chunk, self.probe);
        });
        let script = format!("v.agent.file_read_blob({:?})", self.read);
        let whole =
            |received: &[u8]| assert!(received == content, "what was read is something else");
        let floor = Box::new(|| {
            let mut raw = Raw::agent(self.socket);
            let mut received = Vec::new();
            let took = timed(|| received = read(&mut raw, &self.read, chunk, SIZE));
            whole(&received);
            took
        });
        let layer = Box::new(|| {
            let (layer, agent) = self.layer();
            let mut received = Vec::new();
            let took = timed(|| received = layer.wait(agent.file_read_blob(&self.read)));
            whole(&received);
            took
        });
        let script = Box::new(|| Script::new(&self.target, None, "v.agent.ping()").run(&script));
        self.compare(table, "read", chunk, vec![floor, script, layer]);

        let chunk =
            self.fastest(|raw, chunk| write(raw, &self.write, &content[..self.probe], chunk));
        // The script gets its bytes from the file that is on this host or was read before, in its warm-up.
        let script = format!("v.agent.file_write({:?}, b)", self.write);
        let load = format!(
            "v.agent.ping(); let b = v.agent.file_read_blob({:?});",
            self.read
        );
        let floor = Box::new(|| {
            let mut raw = Raw::agent(self.socket);
            timed(|| write(&mut raw, &self.write, content, chunk))
        });
        let layer = Box::new(|| {
            let (layer, agent) = self.layer();
            timed(|| {
                layer.wait(agent.file_write(&self.write, content));
            })
        });
        let script = Box::new(|| Script::new(&self.target, None, &load).run(&script));
        self.compare(table, "write", chunk, vec![floor, script, layer]);
    }

    /// Lets the floor, a script and the VM layer take turns.
    fn compare(
        &self,
        table: &mut Table,
        what: &str,
        chunk: usize,
        mut contenders: Vec<Contender<'_>>,
    ) {
        if !self.layer {
            contenders.truncate(2);
        }
        let rounds = in_turn(self.rounds, contenders);
        let what = format!(
            "{} file {what} by a script (floor: {} KiB)",
            self.name,
            chunk >> 10
        );
        let layer = self
            .layer
            .then_some((2, "  the same on the VM layer".to_owned(), None));
        for (contender, what, target) in [(1, what, Some(TARGET))].into_iter().chain(layer) {
            table.compare(
                what,
                Quantity::Rate(SIZE as u64, rounds.median(0)),
                Quantity::Rate(SIZE as u64, rounds.median(contender)),
                rounds.ratio(contender, 0).of_throughput(),
                target,
            );
        }
    }

    /// The VM layer, with the agent's connection made.
    fn layer(&self) -> (Layer, GuestAgent) {
        let layer = Layer::new(&self.target);
        let agent = layer.vm.agent();
        layer.wait(agent.ping());
        (layer, agent)
    }

    /// The chunk size with which the raw loop is done first.
    fn fastest(&self, mut transfer: impl FnMut(&mut Raw, usize)) -> usize {
        let mut best = (Duration::MAX, 0);
        for _ in 0..2 {
            for chunk in CHUNKS {
                let mut raw = Raw::agent(self.socket);
                let took = timed(|| transfer(&mut raw, chunk));
                best = best.min((took, chunk));
            }
        }
        best.1
    }
}

/// The first `size` bytes of a file, as few as a loop can do: one request after the other, the bytes decoded as they come.
fn read(raw: &mut Raw, path: &str, chunk: usize, size: usize) -> Vec<u8> {
    let handle = open(raw, path, "rb");
    let next = request(
        "guest-file-read",
        json!({ "handle": handle, "count": chunk }),
    );
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let reply = raw.exchange(&next);
        let data = &reply[base64_in(reply)];
        STANDARD.decode_vec(data, &mut bytes).unwrap();
    }
    raw.call("guest-file-close", json!({ "handle": handle }));
    bytes
}

fn write(raw: &mut Raw, path: &str, content: &[u8], chunk: usize) {
    let handle = open(raw, path, "wb");
    let head = format!(
        "{{\"execute\":\"guest-file-write\",\"arguments\":{{\"handle\":{handle},\"buf-b64\":\""
    );
    for piece in content.chunks(chunk) {
        let mut text = head.clone();
        STANDARD.encode_string(piece, &mut text);
        text.push_str("\"}}\n");
        raw.exchange(text.as_bytes());
    }
    raw.call("guest-file-close", json!({ "handle": handle }));
}

fn open(raw: &mut Raw, path: &str, mode: &str) -> i64 {
    let handle = raw.call("guest-file-open", json!({ "path": path, "mode": mode }));
    handle.as_i64().unwrap()
}

/// Where the data of a `guest-file-read` is.
fn base64_in(reply: &[u8]) -> Range<usize> {
    let key = b"\"buf-b64\": \"";
    let begin = memmem::find(reply, key).unwrap() + key.len();
    let end = begin + memchr::memchr(b'"', &reply[begin..]).unwrap();
    begin..end
}
