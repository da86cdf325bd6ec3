//! Runs the built `qmpsh`, apart from the user's own: home, state, temporary files and environment are the test's.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::wait::DEADLINE;
use crate::{Folder, Outcome, Process, Signal, Terminal};

/// A command line of qmpsh, to be run.
pub struct Qmpsh {
    command: Command,
    binary: String,
    home: Arc<Folder>,
    stdin: Option<Vec<u8>>,
    deadline: Duration,
}

/// A qmpsh that runs. Killed when this is dropped.
pub struct Running {
    process: Process,
    stdout: Capture,
    stderr: Capture,
    home: Arc<Folder>,
    begun: Instant,
    end: Instant,
}

impl Qmpsh {
    /// A call of the program at `binary`, which in a test is `env!("CARGO_BIN_EXE_qmpsh")`, in a home of its own.
    pub fn new(binary: impl AsRef<Path>) -> Self {
        Self::at_home(binary, &Arc::new(Folder::new()))
    }

    /// A call in a home that others share, to find what an earlier one left there.
    ///
    /// The user's configuration there has it look for no VM of this host: those of other tests are among them. A test of
    /// what is found says where by [`Qmpsh::config`], or by files of its own.
    pub fn at_home(binary: impl AsRef<Path>, home: &Arc<Folder>) -> Self {
        let config = home.join("config/qmpsh/config.toml");
        if !config.exists() {
            write_config(&config, "discover = []\n");
        }
        let binary = binary.as_ref().to_str().expect("the path is UTF-8");
        let mut command = Process::command(binary, &[]);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_STATE_HOME", home.join("xdg-state"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("QMPSH_STATE_DIR", home.join("state"))
            .current_dir(home.path());
        Self {
            command,
            binary: binary.to_owned(),
            home: Arc::clone(home),
            stdin: None,
            deadline: DEADLINE,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Makes this the user's configuration.
    pub fn config(self, text: &str) -> Self {
        write_config(&self.home.join("config/qmpsh/config.toml"), text);
        self
    }

    /// Runs it in that folder rather than in its home.
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it something to read; without, its standard input is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Sets after how long it is killed and the test fails; without, a minute.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it at a terminal of its own, which is its input and its output.
    pub fn on_terminal(self) -> Terminal {
        let words = self.command.get_args();
        let words = words.skip_while(|word| *word != self.binary.as_str());
        let mut command = Process::command("setsid", &[]);
        command.arg("--ctty").args(words);
        command.env_clear();
        let variables = self.command.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        Terminal::start(command, self.home, self.deadline)
    }

    /// Starts it and returns at once.
    pub fn spawn(mut self) -> Running {
        let input = match self.stdin {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        };
        self.command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let mut process = Process::start(self.command);
        let (stdin, stdout, stderr) = process.take_pipes();
        if let (Some(mut stdin), Some(bytes)) = (stdin, self.stdin) {
            // A program that does not read to the end is no fault of the test's.
            thread::spawn(move || drop(stdin.write_all(&bytes)));
        }
        Running {
            stdout: Capture::of(stdout.expect("standard output is a pipe")),
            stderr: Capture::of(stderr.expect("standard error is a pipe")),
            process,
            home: self.home,
            begun,
            end: begun + self.deadline,
        }
    }
}

fn write_config(path: &Path, text: &str) {
    let folder = path.parent().expect("a file is in a folder");
    std::fs::create_dir_all(folder).expect("the home takes folders");
    std::fs::write(path, text).expect("the home takes files");
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Sends a signal to it and all that it has started in its process group, as a terminal's Ctrl-C does.
    pub fn signal_group(&self, signal: Signal) {
        self.process.signal_group(signal);
    }

    /// The folder with its records, `QMPSH_STATE_DIR`.
    pub fn state_dir(&self) -> PathBuf {
        self.home.join("state")
    }

    /// Waits until standard output contains the text; panics when it ends before.
    pub fn wait_for_stdout(&self, text: &str) {
        self.stdout.wait_for(text, self.end);
    }

    /// Waits until standard error contains the text; panics when it ends before.
    pub fn wait_for_stderr(&self, text: &str) {
        self.stderr.wait_for(text, self.end);
    }

    /// Waits for the end of the process alone, whoever still holds its output; panics when the deadline passes before.
    pub fn wait_for_exit(&mut self) {
        let left = self.end.saturating_duration_since(Instant::now());
        assert!(
            self.process.wait(left).is_some(),
            "qmpsh was still running at its deadline: {}",
            self.stderr.text()
        );
    }

    /// Waits for its end and that of its output; panics when the deadline passes before.
    ///
    /// A process that it left behind must not hold its output open: `$(qmpsh ...)` in a shell would hang on it.
    pub fn wait(mut self) -> Outcome {
        let mut peak_memory = 0;
        let status = loop {
            peak_memory = peak_memory.max(self.process.peak_memory().unwrap_or(0));
            if let Some(status) = self.process.wait(Duration::from_millis(2)) {
                break status;
            }
            if Instant::now() >= self.end {
                self.process.kill();
                let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
                panic!(
                    "qmpsh was still running at its deadline\nstdout: {stdout}\nstderr: {stderr}"
                );
            }
        };
        let took = self.begun.elapsed();
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.finish(self.end),
            stderr: self.stderr.finish(self.end),
            peak_memory,
            took,
        }
    }
}

/// What comes out of a pipe, gathered by a thread.
struct Capture {
    shared: Arc<(Mutex<Gathered>, Condvar)>,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Gathered::default()), Condvar::new()));
        let gathering = Arc::clone(&shared);
        thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            loop {
                let count = pipe.read(&mut chunk).unwrap_or(0);
                let mut gathered = gathering.0.lock().expect("no holder panics");
                gathered.bytes.extend_from_slice(&chunk[..count]);
                gathered.ended = count == 0;
                gathering.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Self { shared }
    }

    fn text(&self) -> String {
        let gathered = self.shared.0.lock().expect("no holder panics");
        String::from_utf8_lossy(&gathered.bytes).into_owned()
    }

    fn wait_for(&self, text: &str, end: Instant) {
        let found = self.wait_until(end, |gathered| {
            gathered.ended || String::from_utf8_lossy(&gathered.bytes).contains(text)
        });
        let so_far = self.text();
        assert!(
            found && so_far.contains(text),
            "qmpsh never wrote {text:?}, but: {so_far}"
        );
    }

    fn finish(&self, end: Instant) -> String {
        assert!(
            self.wait_until(end, |gathered| gathered.ended),
            "something that qmpsh left behind holds its output open; so far: {}",
            self.text()
        );
        self.text()
    }

    fn wait_until(&self, end: Instant, condition: impl Fn(&Gathered) -> bool) -> bool {
        let (gathered, changed) = &*self.shared;
        let left = end.saturating_duration_since(Instant::now());
        let gathered = gathered.lock().expect("no holder panics");
        let (gathered, _) = changed
            .wait_timeout_while(gathered, left, |gathered| !condition(gathered))
            .expect("no holder panics");
        condition(&gathered)
    }
}
