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
use crate::rounds::{Rounds, in_turn, timed};
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
}

pub(crate) fn measure(table: &mut Table) {
    let content: Vec<u8> = (0..SIZE as u64)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0])
        .collect();

    let agent = HostAgent::start();
    let host = |name: &str| agent.folder().join(name).to_str().unwrap().to_owned();
    fs::write(host("read"), &content).unwrap();
    let socket = agent.socket();
    Place {
        name: "host",
        target: format!("qmp=/nonexistent,agent={}", socket.display()),
        socket: &socket,
        read: host("read"),
        write: host("write"),
        probe: SIZE,
        rounds: 15,
    }
    .measure(&content, table);
    assert!(
        fs::read(host("write")).unwrap() == content,
        "what was written is something else"
    );

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
    };
    write(&mut Raw::agent(&socket), &place.read, &content, 1 << 20);
    place.measure(&content, table);
    guest.shell_ok("cmp /tmp/read /tmp/write");
}

impl Place<'_> {
    fn measure(&self, content: &[u8], table: &mut Table) {
        let name = self.name;
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
        let rounds = in_turn(self.rounds, vec![floor, script, layer]);
        compare(table, &format!("{name} file read"), &rounds, chunk);

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
        let rounds = in_turn(self.rounds, vec![floor, script, layer]);
        compare(table, &format!("{name} file write"), &rounds, chunk);
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
        for _ in 0..3 {
            for chunk in CHUNKS {
                let mut raw = Raw::agent(self.socket);
                let took = timed(|| transfer(&mut raw, chunk));
                best = best.min((took, chunk));
            }
        }
        best.1
    }
}

fn compare(table: &mut Table, what: &str, rounds: &Rounds, chunk: usize) {
    let rate = |contender| Quantity::Rate(SIZE as u64, rounds.median(contender));
    let ratio = |contender| rounds.ratio(contender, 0).of_throughput();
    let chunk = chunk >> 10;
    table.compare(
        format!("{what} by a script (floor: {chunk} KiB)"),
        rate(0),
        rate(1),
        ratio(1),
        Some(TARGET),
    );
    table.compare(
        "  the same on the VM layer",
        rate(0),
        rate(2),
        ratio(2),
        None,
    );
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
