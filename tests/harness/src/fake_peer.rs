//! A scripted peer on a unix socket, for what no QEMU and no agent does on purpose.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

use crate::Folder;
use crate::wait::DEADLINE;

/// A peer that runs its script. Its socket stays until this is dropped.
pub struct FakePeer {
    thread: Option<JoinHandle<Vec<Value>>>,
    folder: Folder,
}

/// The script of a peer: what it does, in order, from the first connection on.
#[derive(Default)]
pub struct FakePeerBuilder {
    steps: Vec<Step>,
}

/// Makes the bytes to send of the last request.
type Answer = Box<dyn FnOnce(&Value) -> Vec<u8> + Send>;

enum Step {
    Send(Vec<u8>),
    Stream { chunk: Vec<u8>, total: u64 },
    Expect(String),
    Answer(Answer),
    Synchronise,
    WaitFor(Receiver<()>),
    WaitForHangUp,
    HangUp,
    Accept,
}

impl FakePeer {
    /// A peer that accepts one connection and then does what is added.
    pub fn builder() -> FakePeerBuilder {
        FakePeerBuilder::default()
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("peer")
    }

    /// Waits for the end of its script; the requests it got. Panics when a step failed.
    pub fn finish(mut self) -> Vec<Value> {
        let thread = self.thread.take().expect("it is finished once");
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl FakePeerBuilder {
    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Sends bytes as they are.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends a message and a line end.
    pub fn send_message(self, message: &Value) -> Self {
        self.send(format!("{message}\r\n"))
    }

    /// Sends the chunk again and again, up to `total` bytes or until the client has gone.
    pub fn stream(self, chunk: impl Into<Vec<u8>>, total: u64) -> Self {
        let chunk = chunk.into();
        self.step(Step::Stream { chunk, total })
    }

    /// Greets as QEMU 7.2 does and negotiates.
    pub fn greet(self) -> Self {
        self.send_message(&json!({ "QMP": {
            "version": { "qemu": { "major": 7, "minor": 2, "micro": 22 }, "package": "" },
            "capabilities": ["oob"],
        }}))
        .expect("qmp_capabilities")
        .reply(json!({}))
    }

    /// Reads a request, which has to be this command.
    pub fn expect(self, command: &str) -> Self {
        self.step(Step::Expect(command.to_owned()))
    }

    /// Answers the last request with success.
    pub fn reply(self, value: Value) -> Self {
        self.answer(move |request| with_id(request, json!({ "return": value })))
    }

    /// Answers the last request with an error.
    pub fn reply_error(self, class: &str, desc: &str) -> Self {
        let error = json!({ "error": { "class": class, "desc": desc } });
        self.answer(move |request| with_id(request, error))
    }

    /// Sends what is made of the last request.
    pub fn answer(self, make: impl FnOnce(&Value) -> Vec<u8> + Send + 'static) -> Self {
        self.step(Step::Answer(Box::new(make)))
    }

    /// Reads requests until a `guest-sync-delimited`, and answers it as the agent does.
    pub fn synchronise(self) -> Self {
        self.step(Step::Synchronise)
    }

    /// Does nothing until the test sends on the channel or drops its sender.
    pub fn wait_for(self, signal: Receiver<()>) -> Self {
        self.step(Step::WaitFor(signal))
    }

    /// Stays silent until the client has gone; what it still sends is dropped.
    pub fn wait_for_hang_up(self) -> Self {
        self.step(Step::WaitForHangUp)
    }

    /// Closes the connection. The end of the script does too.
    pub fn hang_up(self) -> Self {
        self.step(Step::HangUp)
    }

    /// Closes the connection, if there is still one, and accepts the next.
    pub fn accept(self) -> Self {
        self.step(Step::Accept)
    }

    /// Listens and starts with the script.
    pub fn start(self) -> FakePeer {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.join("peer")).expect("the folder takes sockets");
        let thread = thread::Builder::new()
            .name("fake peer".into())
            .spawn(move || play(&listener, self.steps))
            .expect("a thread can be started");
        FakePeer {
            thread: Some(thread),
            folder,
        }
    }
}

/// One connection, and the last request on it.
struct Connection {
    reader: BufReader<UnixStream>,
    request: Value,
}

impl Connection {
    fn accept(listener: &UnixListener) -> Self {
        let limit = Timespec::try_from(DEADLINE).expect("a minute is no age");
        let mut ready = [PollFd::new(listener, PollFlags::IN)];
        let count = rustix::io::retry_on_intr(|| poll(&mut ready, Some(&limit)));
        assert!(count.is_ok_and(|count| count > 0), "nobody connects");
        let (stream, _) = listener.accept().expect("somebody connects");
        for set in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            set(&stream, Some(DEADLINE)).expect("a socket takes a timeout");
        }
        Self {
            reader: BufReader::new(stream),
            request: Value::Null,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The next request; a mark of the agent's protocol before it is dropped.
    fn read_request(&mut self) -> Value {
        let mut line = Vec::new();
        let count = self.reader.read_until(b'\n', &mut line);
        let count = count.expect("the client sends something within the deadline");
        assert!(count > 0, "the client has gone");
        let start = line.iter().rposition(|&byte| byte == 0xff);
        let request = &line[start.map_or(0, |at| at + 1)..];
        serde_json::from_slice(request)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(request)))
    }

    fn wait_for_hang_up(&mut self) {
        let mut rest = [0; 4096];
        while !matches!(self.reader.read(&mut rest), Ok(0) | Err(_)) {}
    }
}

fn play(listener: &UnixListener, steps: Vec<Step>) -> Vec<Value> {
    let mut requests = Vec::new();
    let mut connection = Some(Connection::accept(listener));
    for step in steps {
        match step {
            Step::HangUp => connection = None,
            Step::Accept => {
                drop(connection.take());
                connection = Some(Connection::accept(listener));
            }
            Step::WaitFor(signal) => {
                // A dropped sender is a signal too.
                let _ = signal.recv_timeout(DEADLINE + Duration::from_secs(60));
            }
            step => {
                let connection = connection.as_mut().expect("the script has not hung up");
                converse(connection, step, &mut requests);
            }
        }
    }
    requests
}

fn converse(connection: &mut Connection, step: Step, requests: &mut Vec<Value>) {
    match step {
        // A client that has gone shows in the next step that reads, if there is one.
        Step::Send(bytes) => drop(connection.send(&bytes)),
        Step::Stream { chunk, total } => {
            let mut sent = 0;
            while sent < total && connection.send(&chunk).is_ok() {
                sent += chunk.len() as u64;
            }
        }
        Step::Expect(command) => {
            connection.request = connection.read_request();
            requests.push(connection.request.clone());
            let name = connection.request.get("execute");
            let name = name.or_else(|| connection.request.get("exec-oob"));
            assert_eq!(name, Some(&json!(command)), "in {}", connection.request);
        }
        Step::Answer(make) => {
            let bytes = make(&connection.request);
            drop(connection.send(&bytes));
        }
        Step::Synchronise => loop {
            connection.request = connection.read_request();
            requests.push(connection.request.clone());
            if connection.request["execute"] == "guest-sync-delimited" {
                let reply = json!({ "return": connection.request["arguments"]["id"] });
                let _ = connection.send(&[b"\xff", format!("{reply}\n").as_bytes()].concat());
                break;
            }
        },
        Step::WaitForHangUp => connection.wait_for_hang_up(),
        Step::WaitFor(_) | Step::HangUp | Step::Accept => unreachable!("these need no connection"),
    }
}

fn with_id(request: &Value, mut reply: Value) -> Vec<u8> {
    if let Some(id) = request.get("id") {
        reply["id"] = id.clone();
    }
    format!("{reply}\r\n").into_bytes()
}
