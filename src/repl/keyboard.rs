//! The keys that are pressed while no line is typed, each at once and unseen.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The key that interrupts: also the line that runs meanwhile.
pub(super) const CTRL_C: u8 = 3;

/// The terminal's keys, until this is dropped.
pub(super) struct Keyboard {
    keys: Receiver<u8>,
    before: Termios,
    /// Its end tells the thread to end.
    end: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Keyboard {
    /// Takes the keys. Fails where standard input is no terminal.
    pub(super) fn open() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut modes = before.clone();
        modes
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        let (end, ends) = UnixStream::pair()?;
        let (pressed, keys) = channel();
        tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
        let mut keyboard = Self {
            keys,
            before,
            end: Some(end),
            thread: None,
        };
        let thread = thread::Builder::new().name("keys".into());
        // Without it, dropping what is there already gives the terminal back.
        keyboard.thread = Some(thread.spawn(move || read(&ends, &pressed))?);
        Ok(keyboard)
    }

    /// The next key. Waits for it no longer than `time`; fails for good when there will be none.
    pub(super) fn next(&self, time: Duration) -> Result<u8, RecvTimeoutError> {
        self.keys.recv_timeout(time)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It only reads.
            let _ = thread.join();
        }
        // A terminal that is gone needs nothing restored.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

fn read(ends: &UnixStream, pressed: &Sender<u8>) {
    let stdin = io::stdin();
    loop {
        let mut watched = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(ends, PollFlags::IN),
        ];
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        if !watched[1].revents().is_empty() {
            return;
        }
        if watched[0].revents().is_empty() {
            continue;
        }
        let mut keys = [0; 64];
        // Past the buffer of standard input, which would keep what nobody asks for.
        let count = match rustix::io::read(&stdin, &mut keys) {
            Err(Errno::INTR) => continue,
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        for key in &keys[..count] {
            if *key == CTRL_C {
                // As the terminal does for a line that runs. There is always a process that can be told: this one.
                let _ = kill(Pid::this(), Signal::SIGINT);
            }
            if pressed.send(*key).is_err() {
                return;
            }
        }
    }
}
