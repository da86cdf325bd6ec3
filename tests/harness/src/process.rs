//! Child processes that cannot outlive the test process.
//!
//! The kernel kills them when the thread that started them ends (`PR_SET_PDEATHSIG` follows the thread, not the
//! process). Tests are threads that come and go, so one thread that never ends starts all of them.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, pidfd_open,
    waitid,
};

type Order = (Command, Sender<io::Result<Child>>);

static SPAWNER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<Order>();
    thread::Builder::new()
        .name("spawner".into())
        .spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        })
        .expect("a thread can be started");
    Mutex::new(orders)
});

/// A child process: killed when this is dropped, and by the kernel when the test process ends in any way.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pidfd: OwnedFd,
}

impl Process {
    /// Starts `command`, which has to begin with what [`Process::command`] gave.
    pub(crate) fn start(mut command: Command) -> Self {
        // A Ctrl-C at the terminal ends the tests, and they end their children.
        command.process_group(0);
        Self::spawn(command)
    }

    /// Starts `command` with a session of its own, whose terminal is its standard input.
    pub(crate) fn start_on_terminal(command: Command) -> Self {
        // `setsid` does not fork when it leads no process group yet.
        Self::spawn(command)
    }

    fn spawn(command: Command) -> Self {
        let what = format!("{command:?}");
        let (reply, answer) = channel();
        SPAWNER
            .lock()
            .expect("no sender panics")
            .send((command, reply))
            .expect("the spawner runs");
        let child = answer
            .recv()
            .expect("the spawner answers")
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let pidfd =
            pidfd_open(pid_of(&child), PidfdFlags::empty()).expect("the child is not reaped yet");
        Self { child, pidfd }
    }

    /// A command line that runs `program` so that it dies with the thread that starts it. `identity` are `setpriv`'s
    /// options that say as whom.
    pub(crate) fn command(program: &str, identity: &[&str]) -> Command {
        // We may have ended before the kernel was told; then this is no longer the parent, and nothing is to start.
        let unless_orphaned = format!("test $PPID = {} && exec \"$@\"", std::process::id());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(identity).args([
            "--",
            "sh",
            "-c",
            &unless_orphaned,
            "sh",
            program,
        ]);
        command
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; one that has ended already gets none.
    pub fn signal(&self, signal: Signal) {
        // The child is reaped by us alone, so its pid is nobody else's.
        let _ = kill_process(pid_of(&self.child), signal);
    }

    /// Sends a signal to it and all that it has started in its process group, as a terminal's Ctrl-C does.
    pub fn signal_group(&self, signal: Signal) {
        let _ = kill_process_group(pid_of(&self.child), signal);
    }

    /// Stops it (SIGSTOP); returns when all its threads stand still.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let id = WaitId::Pid(Pid::from_child(&self.child));
        rustix::io::retry_on_intr(|| waitid(id.clone(), options)).expect("its own child");
    }

    /// Lets a stopped one continue (SIGCONT).
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for its end; `None` when it still runs after `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let limit = Timespec::try_from(timeout).expect("a timeout of less than an age");
        let mut ready = [PollFd::new(&self.pidfd, PollFlags::IN)];
        let count = rustix::io::retry_on_intr(|| poll(&mut ready, Some(&limit)))
            .expect("a pidfd can be polled");
        (count > 0).then(|| self.child.wait().expect("the child is ours to wait for"))
    }

    /// The most memory that it had resident so far, in bytes; `None` when it has ended.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    }

    pub(crate) fn take_pipes(
        &mut self,
    ) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (
            self.child.stdin.take(),
            self.child.stdout.take(),
            self.child.stderr.take(),
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn pid_of(child: &Child) -> Pid {
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a child has a pid")
}
