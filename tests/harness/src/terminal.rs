//! qmpsh at a terminal: a pseudo-terminal whose screen is kept as a real one would show it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use vt100::Parser;

use crate::wait::{DEADLINE, until};
use crate::{Folder, Process, Signal};

/// The size that the screen begins with.
const SIZE: Winsize = Winsize {
    ws_row: 24,
    ws_col: 80,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// A qmpsh at a terminal. When this is dropped the terminal is gone, and the process is killed.
pub struct Terminal {
    keyboard: File,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    process: Process,
    home: Arc<Folder>,
    end: Instant,
}

struct Screen {
    parser: Parser,
    /// All that was ever written, bytes that are no UTF-8 replaced.
    written: String,
    ended: bool,
}

impl Terminal {
    pub(crate) fn start(mut command: Command, home: Arc<Folder>, deadline: Duration) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&master).expect("the terminal is ours");
        unlockpt(&master).expect("the terminal is ours");
        tcsetwinsize(&master, SIZE).expect("a terminal has a size");
        // Not to become the tests' own terminal: it is to be that of the new session.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let other_end = || ioctl_tiocgptpeer(&master, flags).expect("it has another end");
        let is_told = command.get_envs().any(|(name, _)| name == "TERM");
        if !is_told {
            command.env("TERM", "xterm-256color");
        }
        command
            .stdin(other_end())
            .stdout(other_end())
            .stderr(other_end());
        let master = File::from(master);
        let screen = Screen {
            parser: Parser::new(SIZE.ws_row, SIZE.ws_col, 1000),
            written: String::new(),
            ended: false,
        };
        let screen = Arc::new((Mutex::new(screen), Condvar::new()));
        let process = Process::start_on_terminal(command);
        let reader = master.try_clone().expect("a file can be shared");
        keep(reader, Arc::clone(&screen));
        Self {
            keyboard: master,
            screen,
            process,
            home,
            end: Instant::now() + deadline,
        }
    }

    /// Presses keys: text as it is, `\r` for Enter, `\x03` for Ctrl-C and so on.
    pub fn types(&self, keys: &str) {
        (&self.keyboard)
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// What the screen shows, without spaces at the lines' ends.
    pub fn screen(&self) -> String {
        let screen = self.screen.0.lock().expect("no holder panics");
        contents(&screen.parser)
    }

    /// All that was written to it so far, with what acts on a terminal.
    pub fn written(&self) -> String {
        let screen = self.screen.0.lock().expect("no holder panics");
        screen.written.clone()
    }

    /// Waits until the screen shows the text; panics when that does not come.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |shown| shown.contains(text));
    }

    /// Waits until the screen ends with the text, spaces at its end aside; panics when that does not come.
    #[track_caller]
    pub fn wait_for_end(&self, text: &str) {
        self.wait_until(text, |shown| shown.trim_end().ends_with(text.trim_end()));
    }

    /// Presses keys again and again until the screen ends with the text, spaces at its end aside: for what is there a
    /// moment later. Panics when that does not come.
    #[track_caller]
    pub fn presses_until_end(&self, keys: &str, text: &str) {
        let is_there = || {
            self.screen()
                .trim_end()
                .ends_with(text.trim_end())
                .then_some(())
        };
        loop {
            self.types(keys);
            if until(Duration::from_millis(200), is_there).is_some() {
                return;
            }
            assert!(
                Instant::now() < self.end,
                "the screen never ended with {text:?}, but:\n{}",
                self.screen()
            );
        }
    }

    #[track_caller]
    fn wait_until(&self, text: &str, is_there: impl Fn(&str) -> bool) {
        let (screen, changed) = &*self.screen;
        let left = self.end.saturating_duration_since(Instant::now());
        let screen = screen.lock().expect("no holder panics");
        let (screen, _) = changed
            .wait_timeout_while(screen, left, |screen| {
                !screen.ended && !is_there(&contents(&screen.parser))
            })
            .expect("no holder panics");
        let shown = contents(&screen.parser);
        assert!(
            is_there(&shown),
            "the screen never showed {text:?}, but:\n{shown}"
        );
    }

    /// Changes the size of the screen, as when a window is drawn larger.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut screen = self.screen.0.lock().expect("no holder panics");
        screen.parser.screen_mut().set_size(rows, columns);
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ..SIZE
        };
        tcsetwinsize(&self.keyboard, size).expect("a terminal has a size");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until no such signal waits for it any more; panics when one goes on waiting.
    pub fn wait_until_heard(&self, signal: Signal) {
        let path = format!("/proc/{}/status", self.id());
        let is_heard = || {
            let status = std::fs::read_to_string(&path).ok()?;
            let pending = status
                .lines()
                .find_map(|line| line.strip_prefix("ShdPnd:"))?;
            let pending = u64::from_str_radix(pending.trim(), 16).ok()?;
            (pending & (1 << (signal.as_raw() - 1)) == 0).then_some(())
        };
        until(DEADLINE, is_heard).expect("a signal is heard");
    }

    /// The folder with its records and its history, `QMPSH_STATE_DIR`.
    pub fn state_dir(&self) -> PathBuf {
        self.home.join("state")
    }

    /// Waits for its end; its exit code. Panics when the deadline passes before.
    #[track_caller]
    pub fn wait(mut self) -> Option<i32> {
        let left = self.end.saturating_duration_since(Instant::now());
        let Some(status) = self.process.wait(left) else {
            panic!(
                "qmpsh was still running at its deadline:\n{}",
                self.screen()
            );
        };
        status.code()
    }
}

fn contents(parser: &Parser) -> String {
    let lines: Vec<String> = parser
        .screen()
        .contents()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Shows on the screen what is written, on a thread of its own until the end.
fn keep(mut reader: File, screen: Arc<(Mutex<Screen>, Condvar)>) {
    thread::spawn(move || {
        let mut chunk = vec![0; 1 << 16];
        loop {
            // It ends with an error when nobody has the other end any more.
            let count = reader.read(&mut chunk).unwrap_or(0);
            let mut kept = screen.0.lock().expect("no holder panics");
            kept.parser.process(&chunk[..count]);
            kept.written
                .push_str(&String::from_utf8_lossy(&chunk[..count]));
            kept.ended = count == 0;
            screen.1.notify_all();
            if count == 0 {
                break;
            }
        }
    });
}
