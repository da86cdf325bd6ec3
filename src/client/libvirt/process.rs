//! The process of a virsh: away from the terminal, with nothing of the user's settings, and gone with us however we end.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use crate::client::error::Obstacle;

/// A process that is killed when this is dropped, with those that it has started: an `ssh` that waits for a host does not
/// see that nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Until it is waited for, its number is nobody else's. Of what has ended already there is only to take note.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        // Before it has a group of its own.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a virsh on `uri`, its streams pipes of ours; with `variables` in its environment.
pub(super) async fn start(
    uri: &str,
    variables: &[(&str, &str)],
) -> Result<(Process, Streams), Obstacle> {
    let mut command = command(uri)?;
    command.envs(variables.iter().copied());
    let child = spawn(command).await;
    let mut child = child.map_err(|error| Obstacle::Other(format!("virsh: {error}")))?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let process = Process(child);
    match streams {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((
            process,
            Streams {
                stdin,
                stdout,
                stderr,
            },
        )),
        _ => Err(Obstacle::Other("virsh: no pipes".to_owned())),
    }
}

/// Our ends of its standard streams.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) stdin: std::process::ChildStdin,
    pub(super) stdout: std::process::ChildStdout,
    pub(super) stderr: std::process::ChildStderr,
}

/// In a session of its own nothing can ask at the terminal for a password, and a Ctrl-C there does not end it. It dies
/// with us also where it waits for a domain that hangs, and does not see the end of its standard input.
fn command(uri: &str) -> Result<Command, Obstacle> {
    let virsh = find("virsh").ok_or(Obstacle::NoProgram)?;
    let mut words: Vec<OsString> = Vec::new();
    let setsid = find("setsid");
    words.extend(setsid.clone().map(OsString::from));
    if let Some(setpriv) = find("setpriv") {
        words.push(setpriv.into());
        words.extend(["--pdeathsig", "KILL", "--"].map(OsString::from));
    }
    words.push(virsh.into());
    let mut command = Command::new(&words[0]);
    if setsid.is_none() {
        // Behind the terminal it may not read from that either, though it may write there.
        command.process_group(0);
    }
    command
        .args(&words[1..])
        .args(["--quiet", "--connect", uri])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its texts are to be understood, and names beyond ASCII to be read.
        .env("LC_ALL", "C.UTF-8")
        .env("LANGUAGE", "")
        // Readline is not to act as the user has taught it.
        .env("TERM", "dumb")
        .env("INPUTRC", "/dev/null")
        // What is sent may be secret, so it goes into no history; and the user's own is not to be emptied.
        .env("VIRSH_HISTSIZE", "0")
        .env("XDG_CACHE_HOME", "/dev/null")
        .env("SSH_ASKPASS_REQUIRE", "never")
        // A session's daemon that does not run has no running domains; it is not ours to start.
        .env("LIBVIRT_AUTOSTART", "0");
    for variable in [
        "VIRSH_DEBUG",
        "VIRSH_LOG_FILE",
        "LIBVIRT_DEBUG",
        "LIBVIRT_LOG_FILTERS",
        "LIBVIRT_LOG_OUTPUTS",
    ] {
        command.env_remove(variable);
    }
    // Without it, the session's socket is looked for below the cache folder, which is another one now.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        if let Some(cache) = cache_folder() {
            command.env("XDG_RUNTIME_DIR", cache);
        }
    }
    Ok(command)
}

fn cache_folder() -> Option<PathBuf> {
    match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(folder.into()),
        None => Some(Path::new(&env::var_os("HOME")?).join(".cache")),
    }
}

/// A program in the folders of `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        // A relative folder would be another one for each process.
        .filter(|folder| folder.as_os_str().as_bytes().starts_with(b"/"))
        .map(|folder| folder.join(program))
        .find(|path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// A process that is to die with its parent dies with the thread that started it, so one that never ends starts all.
static SPAWNER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<Order>();
    // Where no thread can be had, the orders fail.
    let _ = thread::Builder::new()
        .name("virsh".to_owned())
        .spawn(move || {
            for (mut command, reply) in inbox {
                if let Err(Ok(child)) = reply.send(command.spawn()) {
                    drop(Process(child));
                }
            }
        });
    Mutex::new(orders)
});

async fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = oneshot::channel();
    // A sender is whole whatever its last user did.
    let sent = SPAWNER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, reply));
    let failed = || io::Error::other("no process could be started");
    sent.map_err(|_| failed())?;
    answer.await.map_err(|_| failed())?
}
