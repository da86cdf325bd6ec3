//! The guardian: a small process of its own that thaws a guest when the shell that froze it died or hangs.
//!
//! It is `qmpsh thaw --guard RECORD`, started by the shell before the freeze. Its standard input is the agent's
//! connection (over libvirt it has one of its own), its standard output the line to the shell. It survives the signals that
//! end the shell, and does nothing as long as the shell lives and keeps its time.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::lifeline::word;
use super::record::{Frozen, Record};
use super::thaw::{self, Failure};
use crate::client::{Address, Agent, Stream};
use crate::wire::escape::escaped;

/// How long after its `max` a freeze must be over before the shell counts as hanging.
const GRACE: Duration = Duration::from_secs(2);

/// How long it may take to connect to the agent through libvirt.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the guardian tries to thaw while whoever waits for the shell's error stream still hears of it.
const HEARD: Duration = Duration::from_secs(10);

/// How long it goes on unheard. After that the record stays, for `qmpsh thaw --stale`.
const UNHEARD: Duration = Duration::from_secs(3600);

/// How long the guardian waits for a reader of what it says.
const VOICE: Duration = Duration::from_millis(200);

/// Why the shell need not be waited for any longer.
enum Cause {
    Died,
    Hangs,
}

/// Guards the freeze of `record` until the guest was seen thawed, by the shell or by this process.
///
/// Takes its standard input and output as described above, so it is for a process of its own. Fails when the record
/// cannot be held, and when the guest could not be thawed.
pub async fn guard(record: &Path) -> io::Result<()> {
    stay_alive()?;
    // It was started by a link to the program, whose name says nothing to who looks for the holder of a socket.
    let _ = rustix::thread::set_name(c"qmpsh");
    let (record, frozen) = Record::join(record)?;
    let line = std::os::unix::net::UnixStream::from(own(io::stdout().as_fd())?);
    line.set_nonblocking(true)?;
    let mut line = UnixStream::from_std(line)?;
    let agent = agent(&frozen);
    if matches!(frozen.agent, Address::Libvirt { .. }) {
        // What it shares with nobody must be there before the freeze, or there is none.
        agent.sync(CONNECT).await.map_err(io::Error::other)?;
    }
    if line.write_u8(word::READY).await.is_err() {
        // The shell died before it could freeze anything.
        record.remove();
        return Ok(());
    }
    let Some(cause) = wait(&mut line, frozen.max() + GRACE).await else {
        return Ok(());
    };
    // Whatever became of the record: the shell may have removed it because it saw the guest thawed, or somebody the whole
    // folder. A thaw of a thawed guest does nothing, and nobody else can have frozen it on the connection that we hold.
    match cause {
        Cause::Died => say(
            &frozen,
            "the shell died or gave up while the guest was frozen; thawing it",
        ),
        Cause::Hangs => say(
            &frozen,
            "the freeze outlasted its time and the shell hangs; thawing the guest",
        ),
    }
    let mut thawed = thaw::surely(&agent, frozen.server, HEARD, None).await;
    if let Err(Failure::Patience(error)) = &thawed {
        say(
            &frozen,
            &format!("the guest could not be thawed yet ({error}); trying for an hour more"),
        );
        // `$(qmpsh ... 2>&1)` waits for the end of this stream, and must not for an agent that may never answer.
        if let Ok(null) = std::fs::File::open("/dev/null") {
            let _ = rustix::stdio::dup2_stderr(null);
        }
        thawed = thaw::surely(&agent, frozen.server, UNHEARD, None).await;
    }
    match thawed {
        Ok(_) => {
            record.remove();
            say(&frozen, "the guest is thawed");
            Ok(())
        }
        Err(Failure::Gone(_)) => {
            record.remove();
            say(
                &frozen,
                "the VM has ended, so there is nothing left to thaw",
            );
            Ok(())
        }
        Err(Failure::Patience(error)) => Err(io::Error::other(error.to_string())),
    }
}

/// Becomes a session of its own and ignores what ends the shell: a Ctrl-C, a closed terminal, a service being stopped.
fn stay_alive() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    // It fails only for a process that leads its group, whose terminal signals then do not reach us either.
    let _ = rustix::process::setsid();
    let ignored = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        signal_hook::flag::register(signal, ignored.clone())?;
    }
    Ok(())
}

/// Returns nothing when the shell released the freeze, else why it is time to step in.
async fn wait(line: &mut UnixStream, patience: Duration) -> Option<Cause> {
    let mut end = Instant::now() + patience;
    loop {
        match timeout_at(end, line.read_u8()).await {
            Ok(Ok(word::RELEASED)) => return None,
            // The shell thaws, and says so before each try.
            Ok(Ok(_)) => end = Instant::now() + thaw::TRY + GRACE,
            Ok(Err(_)) => return Some(Cause::Died),
            Err(_) => return Some(Cause::Hangs),
        }
    }
}

/// The agent on the connection that the shell had, or a new one if that is lost or there was none.
fn agent(frozen: &Frozen) -> Agent {
    let address = frozen.agent.clone();
    match own(io::stdin().as_fd()).and_then(Stream::from_fd) {
        Ok(stream) => Agent::over(stream, address, None),
        Err(_) => Agent::new(address, None),
    }
}

/// A copy of a stream that this process was given; not inherited further.
fn own(stream: std::os::fd::BorrowedFd<'_>) -> io::Result<OwnedFd> {
    stream.try_clone_to_owned()
}

/// Tells whoever still reads the shell's error stream, and goes on if nobody does: a pipe may be full, a terminal held.
fn say(frozen: &Frozen, what: &str) {
    let text = format!("qmpsh: {}: {what}\n", escaped(&frozen.vm));
    let (done, said) = std::sync::mpsc::channel();
    let voice = std::thread::Builder::new().name("voice".to_owned());
    // Without a thread, or with the stream closed, there is nobody to tell.
    let _ = voice.spawn(move || {
        let _ = io::stderr().write_all(text.as_bytes());
        let _ = done.send(());
    });
    let _ = said.recv_timeout(VOICE);
}
