//! A man in the middle: a socket in front of a monitor's or an agent's, which passes all bytes both ways, one client at a
//! time as QEMU does, and can hold a message until a test has done what it wants to do at that very moment.
//!
//! Bytes are passed in order and by lines, so what follows a held message waits behind it. A connection ends when all
//! processes that share it have closed it, not when the one that made it ends.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Folder;
use crate::wait::DEADLINE;

/// A socket that leads to another one. Its connection ends when this is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    folder: Folder,
}

/// A message that will be stopped on its way; passed on when this is dropped.
pub struct Hold {
    reached: Receiver<()>,
    verdict: Sender<Verdict>,
    // Without it nothing is held.
    _alive: Arc<()>,
}

enum Verdict {
    Forward,
    Discard,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Reply,
}

struct Rule {
    way: Way,
    command: String,
    /// For a reply: the request's id (null without one), once that has passed.
    id: Option<Value>,
    reached: Sender<()>,
    verdict: Receiver<Verdict>,
    alive: Weak<()>,
}

struct Shared {
    server: PathBuf,
    rules: Mutex<Vec<Rule>>,
    pair: Mutex<Option<[UnixStream; 2]>>,
    closing: AtomicBool,
}

impl Proxy {
    /// Listens in front of the socket `server`, which is connected to for each client.
    pub fn before(server: impl AsRef<Path>) -> Self {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.join("s")).expect("the folder takes sockets");
        let shared = Arc::new(Shared {
            server: server.as_ref().to_owned(),
            rules: Mutex::default(),
            pair: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || serving.serve(&listener));
        Self { shared, folder }
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    /// Holds the next request that names this command.
    pub fn hold_request(&self, command: &str) -> Hold {
        self.hold(Way::Request, command)
    }

    /// Holds the reply to the next request that names this command.
    pub fn hold_reply(&self, command: &str) -> Hold {
        self.hold(Way::Reply, command)
    }

    fn hold(&self, way: Way, command: &str) -> Hold {
        let (reached, reports) = channel();
        let (verdict, verdicts) = channel();
        let alive = Arc::new(());
        self.shared.rules().push(Rule {
            way,
            command: command.to_owned(),
            id: None,
            reached,
            verdict: verdicts,
            alive: Arc::downgrade(&alive),
        });
        Hold {
            reached: reports,
            verdict,
            _alive: alive,
        }
    }

    /// Ends the connection that is there, on both sides.
    pub fn hang_up(&self) {
        self.shared.hang_up();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.rules().clear();
        self.shared.hang_up();
        // Wakes the thread that waits for a client.
        drop(UnixStream::connect(self.socket()));
    }
}

impl Hold {
    /// Waits until the message is there. Panics when it does not come.
    #[track_caller]
    pub fn wait(&self) {
        assert!(self.wait_for(DEADLINE), "the message never came");
    }

    /// Waits up to `time` until the message is there, and tells whether it is.
    pub fn wait_for(&self, time: Duration) -> bool {
        self.reached.recv_timeout(time).is_ok()
    }

    /// Passes the message on, now or when it comes.
    pub fn forward(self) {
        let _ = self.verdict.send(Verdict::Forward);
    }

    /// Makes the message vanish; it must be there.
    pub fn discard(self) {
        self.verdict
            .send(Verdict::Discard)
            .expect("the message is there");
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, listener: &UnixListener) {
        while let Ok((client, _)) = listener.accept() {
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            // A client whose server is gone sees the end at once.
            if let Ok(server) = UnixStream::connect(&self.server) {
                self.connect(client, server);
            }
        }
    }

    /// Passes bytes until the connection ends.
    fn connect(self: &Arc<Self>, client: UnixStream, server: UnixStream) {
        let copy = |stream: &UnixStream| stream.try_clone().expect("a socket can be duplicated");
        *self.pair() = Some([copy(&client), copy(&server)]);
        let requests = thread::spawn({
            let (shared, from, to) = (Arc::clone(self), copy(&client), copy(&server));
            move || shared.pass(Way::Request, from, to)
        });
        self.pass(Way::Reply, server, client);
        requests.join().expect("passing bytes does not panic");
        *self.pair() = None;
    }

    fn pass(&self, way: Way, from: UnixStream, mut to: UnixStream) {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            if self.admits(way, &line) && to.write_all(&line).is_err() {
                break;
            }
            line.clear();
        }
        self.hang_up();
    }

    /// Whether the line is to be passed on, after it was held if that is to be.
    fn admits(&self, way: Way, line: &[u8]) -> bool {
        let Some(rule) = self.rule_for(way, line) else {
            return true;
        };
        let _ = rule.reached.send(());
        !matches!(rule.verdict.recv(), Ok(Verdict::Discard))
    }

    fn rule_for(&self, way: Way, line: &[u8]) -> Option<Rule> {
        let mut rules = self.rules();
        rules.retain(|rule| rule.alive.strong_count() > 0);
        if rules.is_empty() {
            return None;
        }
        let start = line.iter().position(|&byte| byte == b'{')?;
        let message: Value = serde_json::from_slice(&line[start..]).ok()?;
        let place = match way {
            Way::Request => {
                let id = message.get("id").cloned().unwrap_or_default();
                let command = &message["execute"];
                for rule in rules.iter_mut() {
                    if rule.way == Way::Reply && rule.id.is_none() && *command == *rule.command {
                        rule.id = Some(id.clone());
                    }
                }
                rules
                    .iter()
                    .position(|rule| rule.way == Way::Request && *command == *rule.command)
            }
            Way::Reply if message.get("event").is_some() => None,
            // An agent's messages have no ids, and its next one is the reply.
            Way::Reply => {
                let id = message.get("id").cloned().unwrap_or_default();
                rules
                    .iter()
                    .position(|rule| rule.way == Way::Reply && rule.id.as_ref() == Some(&id))
            }
        };
        place.map(|place| rules.remove(place))
    }

    fn hang_up(&self) {
        for stream in self.pair().iter().flatten() {
            // An error means that it has ended.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pair(&self) -> MutexGuard<'_, Option<[UnixStream; 2]>> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
