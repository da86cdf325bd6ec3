//! A relay before a socket of QEMU's, which holds a message back until the test lets it go.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use harness::Folder;

/// More than anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// Passes all on between its clients and the socket behind it, but for what it holds.
pub(super) struct Relay {
    folder: Folder,
    gate: Arc<Gate>,
}

struct Gate {
    /// What a held line contains.
    text: &'static str,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(PartialEq, Eq)]
enum State {
    Waiting,
    Holding,
    Released,
    Answered,
}

impl Relay {
    /// A relay before `socket` that holds the first line that contains `text`, and all lines after it.
    pub(super) fn holding(socket: &Path, text: &'static str) -> Self {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        let gate = Arc::new(Gate {
            text,
            state: Mutex::new(State::Waiting),
            changed: Condvar::new(),
        });
        let (behind, held) = (socket.to_owned(), Arc::clone(&gate));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&behind).unwrap());
                let gate = Arc::clone(&held);
                let (to_server, to_client) =
                    (server.try_clone().unwrap(), client.try_clone().unwrap());
                let answers = Arc::clone(&gate);
                thread::spawn(move || pass(&client, &to_server, |line| gate.pass(line)));
                thread::spawn(move || pass(&server, &to_client, |line| answers.answer(line)));
            }
        });
        Self { folder, gate }
    }

    /// Its own socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Returns when the message has come and is held. Panics when it does not come.
    #[track_caller]
    pub(super) fn wait(&self) {
        self.gate
            .wait_while(&State::Waiting, "the message never came");
    }

    /// Lets the message go.
    pub(super) fn release(&self) {
        *self.gate.state.lock().unwrap() = State::Released;
        self.gate.changed.notify_all();
    }

    /// Lets the message go, and returns when it was answered: QEMU forgets what it has only read when its client leaves.
    #[track_caller]
    pub(super) fn release_until_answered(&self) {
        self.release();
        self.gate.wait_while(&State::Released, "no answer came");
    }
}

impl Gate {
    #[track_caller]
    fn wait_while(&self, passing: &State, otherwise: &str) {
        let state = self.state.lock().unwrap();
        let is_passing = |state: &mut State| state == passing;
        let waited = self.changed.wait_timeout_while(state, DEADLINE, is_passing);
        assert!(!waited.unwrap().1.timed_out(), "{otherwise}");
    }

    /// Sees a line from behind: events apart, the first one after the release is the answer.
    fn answer(&self, line: &[u8]) {
        let mut state = self.state.lock().unwrap();
        if *state == State::Released && !String::from_utf8_lossy(line).contains("\"event\"") {
            *state = State::Answered;
            self.changed.notify_all();
        }
    }

    fn pass(&self, line: &[u8]) {
        let mut state = self.state.lock().unwrap();
        if *state == State::Waiting && String::from_utf8_lossy(line).contains(self.text) {
            *state = State::Holding;
            self.changed.notify_all();
        }
        drop(
            self.changed
                .wait_while(state, |state| *state == State::Holding),
        );
    }
}

/// Passes lines on until one side has gone.
fn pass(from: &UnixStream, mut to: &UnixStream, mut before: impl FnMut(&[u8])) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        before(&line);
        if to.write_all(&line).is_err() {
            break;
        }
        line.clear();
    }
    // The other side may have gone already.
    let _ = to.shutdown(std::net::Shutdown::Both);
}
