//! Signals on a thread of their own. The first SIGINT, SIGTERM or SIGHUP stops the run, which then cleans up. The second
//! says what is being waited for. The third ends the process at once; a frozen guest is then thawed by the process that
//! outlives this one.

use std::io::{self, Write};
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use super::run::Run;
use super::stage::Control;
use super::stop::Cause;
use crate::report::{Kind, Report};
use crate::wire::escape::escaped_lines;

/// The number of the signal that a Ctrl-C sends.
pub const CTRL_C: u8 = 2;

/// What a signal does.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    /// There is no run.
    Idle,
    /// The run was told to stop.
    Stopped,
    /// Say this.
    Tell(String),
    /// End the process.
    End,
}

/// How often the run of now was told to stop.
#[derive(Default)]
struct Count {
    run: Weak<Run>,
    signals: u32,
}

/// Begins to handle signals for the runs of a session; between runs one ends the process. Fails if no thread or handler can
/// be made.
pub fn handle(control: Control) -> io::Result<()> {
    let mut signals = Signals::new(heard())?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let end = |signal| low_level::exit(128 + i32::from(signal));
            act(signals.forever(), &control, end);
        })?;
    Ok(())
}

/// As [`handle`], but what is done between runs is `idle`'s to say, and no other handler in this process, such as an
/// editor's, ever sees these signals. To be called before other threads are started: those that run already do see them.
pub fn handle_alone(control: Control, idle: impl Fn(u8) + Send + 'static) -> io::Result<()> {
    let mut ours = SigSet::empty();
    for signal in heard() {
        ours.add(Signal::try_from(signal)?);
    }
    ours.thread_block()?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            // It fails for no set that can be blocked.
            let signals = iter::from_fn(|| ours.wait().ok()).map(|signal| signal as i32);
            act(signals, &control, idle);
        })?;
    Ok(())
}

/// Does what starts a program that somebody uses, with no signal blocked, which the program would inherit. What comes
/// meanwhile is handled right behind it. Fails only where a handler cannot be set.
pub fn unblocked<T>(start: impl FnOnce() -> T) -> io::Result<T> {
    let blocked = SigSet::thread_get_mask()?;
    let mut caught = Vec::new();
    for signal in heard() {
        if blocked.contains(Signal::try_from(signal)?) {
            let flag = Arc::new(AtomicBool::new(false));
            caught.push((signal, flag.clone(), flag::register(signal, flag)?));
        }
    }
    SigSet::empty().thread_set_mask()?;
    let started = start();
    blocked.thread_set_mask()?;
    for (signal, came, handler) in caught {
        low_level::unregister(handler);
        if came.load(Ordering::SeqCst) {
            kill(Pid::this(), Signal::try_from(signal)?)?;
        }
    }
    Ok(started)
}

/// The signals to be handled.
fn heard() -> impl Iterator<Item = i32> {
    let ignored = ignored();
    [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(move |signal| ignored & (1 << (signal - 1)) == 0)
}

/// Does what each signal says.
fn act(signals: impl Iterator<Item = i32>, control: &Control, idle: impl Fn(u8)) {
    let mut count = Count::default();
    for signal in signals {
        // The three have numbers below 16.
        let number = u8::try_from(signal).unwrap_or(u8::MAX);
        match count.on_signal(number, control.run()) {
            Action::Stopped => {}
            Action::Idle => idle(number),
            Action::Tell(message) => tell(message),
            Action::End => low_level::exit(128 + signal),
        }
    }
}

/// Signals cannot be handled, so work that must be cleaned up after cannot be begun.
pub fn unhandled(error: &io::Error) -> Report {
    Report::new(Kind::Fault, format!("signals cannot be handled: {error}"))
}

/// The signals that whoever started us wants ignored, a bit each: `nohup` does that with SIGHUP.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Says it on a thread of its own: nobody may read the error stream any more, and the next signal must be heard all the
/// same.
fn tell(message: String) {
    let voice = thread::Builder::new().name("voice".into());
    // Without a thread, or with the stream closed, there is nobody to tell.
    let _ = voice.spawn(move || writeln!(io::stderr(), "{}", escaped_lines(&message)));
}

impl Count {
    fn on_signal(&mut self, signal: u8, run: Option<Arc<Run>>) -> Action {
        let Some(run) = run else {
            return Action::Idle;
        };
        if !std::ptr::eq(self.run.as_ptr(), Arc::as_ptr(&run)) {
            *self = Self {
                run: Arc::downgrade(&run),
                signals: 0,
            };
        }
        self.signals += 1;
        match self.signals {
            1 => {
                run.stop().trip(Cause::Signal(signal));
                Action::Stopped
            }
            2 => {
                let waits = run.waits();
                let what = if waits.is_empty() {
                    "ending".to_owned()
                } else {
                    waits.join(", ")
                };
                Action::Tell(format!(
                    "qmpsh: still busy: {what} (once more ends at once, without waiting for that)"
                ))
            }
            _ => Action::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Action, Count};
    use crate::inventory::Inventory;
    use crate::script::bridge::Bridge;
    use crate::script::called::Called;
    use crate::script::output::Output;
    use crate::script::run::{Current, Run};
    use crate::script::stop::Cause;
    use crate::vm::{self, Fleet};

    fn run() -> Arc<Run> {
        let output = Output::to(Box::new(std::io::sink()), Box::new(std::io::sink()));
        let fleet = Fleet::new(vm::Settings::new("/nowhere"));
        Run::new(
            Bridge::new().unwrap(),
            Arc::new(output),
            Called::default(),
            Arc::new(Inventory::new(fleet, Vec::new())),
        )
    }

    #[test]
    fn the_first_stops_the_second_tells_and_the_third_ends() {
        let run = run();
        let mut count = Count::default();
        assert_eq!(count.on_signal(2, Some(run.clone())), Action::Stopped);
        assert!(matches!(run.stop().cause(), Some(Cause::Signal(2))));
        let current = Current::of(run.clone());
        let told = current
            .block_on_cleanup("thawing web01", async {
                count.on_signal(15, Some(run.clone()))
            })
            .unwrap();
        assert!(
            matches!(told, Action::Tell(message) if message.contains("still busy: thawing web01 "))
        );
        assert_eq!(count.on_signal(2, Some(run)), Action::End);
    }

    #[test]
    fn each_run_has_its_own_count() {
        let mut count = Count::default();
        assert_eq!(count.on_signal(2, Some(run())), Action::Stopped);
        assert_eq!(count.on_signal(2, Some(run())), Action::Stopped);
    }

    #[test]
    fn with_no_run_there_is_nothing_to_stop() {
        assert_eq!(Count::default().on_signal(15, None), Action::Idle);
    }
}
