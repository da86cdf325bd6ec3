//! The one crossing from scripts, which block, to the client, which is asynchronous. It owns the only runtime: a
//! current-thread one, so that a call's reader, writer and caller are polled by the script's own thread with no wake-up
//! across threads. Nothing drives the runtime while a script computes; [`Bridge::keep_driven`] is for those who need that.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::stop::{Cause, Stop};

/// The runtime and how scripts wait on it.
#[derive(Debug)]
pub struct Bridge {
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

/// Completes after `time`; may be made anywhere, unlike the runtime's own timers.
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Does `work`, and calls `notice` when it is not done `after` that long.
pub(super) async fn noticed<T>(
    work: impl Future<Output = T>,
    after: Option<Duration>,
    notice: impl FnOnce(),
) -> T {
    let Some(after) = after else {
        return work.await;
    };
    let mut work = pin!(work);
    tokio::select! {
        biased;
        value = &mut work => return value,
        () = tokio::time::sleep(after) => notice(),
    }
    work.await
}

/// Completes with the cause when `stop` is stopped or its deadline passes.
pub(super) async fn stopped(stop: &Stop) -> Cause {
    let mut stopped = pin!(stop.stopped());
    let Some(deadline) = stop.deadline() else {
        return stopped.await;
    };
    loop {
        tokio::select! {
            biased;
            cause = &mut stopped => return cause,
            () = tokio::time::sleep_until(deadline.into()) => stop.expire(Instant::now()),
        }
    }
}

impl Bridge {
    /// Starts the runtime. Fails if the kernel gives no poll descriptor.
    pub fn new() -> io::Result<Arc<Self>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Arc::new(Self {
            runtime: Some(runtime),
        }))
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("only its drop takes it")
    }

    /// Begins work that goes on, whenever the runtime is driven, until it is done or the task is dropped.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(self.handle().spawn(work).abort_handle())
    }

    /// For what must start tasks before a script waits.
    pub fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    /// Waits on this thread until `work` is done or `stop` stops; then `work` is dropped, so it must be cancel-safe. If
    /// both happen at once the result counts: an answer that came is never thrown away.
    pub fn block_on<T>(&self, stop: &Stop, work: impl Future<Output = T>) -> Result<T, Cause> {
        self.runtime().block_on(async {
            stop.expire(Instant::now());
            if let Some(cause) = stop.cause() {
                return Err(cause);
            }
            tokio::select! {
                biased;
                value = work => Ok(value),
                cause = stopped(stop) => Err(cause),
            }
        })
    }

    /// Does `work` on a thread of its own, which drives the runtime until it is done. Fails if no thread can be made.
    pub(super) fn aside<T, F>(
        self: &Arc<Self>,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<mpsc::Receiver<T>>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let bridge = self.clone();
        let (done, told) = mpsc::channel();
        thread::Builder::new().name("aside".into()).spawn(move || {
            // Nobody listens any more if it was given up.
            let _ = done.send(bridge.runtime().block_on(work()));
        })?;
        Ok(told)
    }

    /// Keeps the runtime driven from `from` on by a thread of its own, also while scripts compute, until the guard is
    /// dropped: so that a timer that must fire does. Before `from` it costs nothing. Fails if no thread can be made.
    pub fn keep_driven(self: &Arc<Self>, from: Instant) -> io::Result<Driven> {
        let bridge = self.clone();
        let (early, until_from) = mpsc::channel::<()>();
        let (late, until_dropped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("driver".into())
            .spawn(move || {
                let wait = from.saturating_duration_since(Instant::now());
                if until_from.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    // An error here is the guard being dropped: what we wait for.
                    let _ = bridge.runtime().block_on(until_dropped);
                }
            })?;
        Ok(Driven {
            signals: Some((early, late)),
            thread: Some(thread),
        })
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not waiting for threads that this host keeps waiting: in a pipe that nobody writes to, in a look-up of a name.
            runtime.shutdown_background();
        }
    }
}

/// Work that goes on beside the scripts; it ends when this is dropped.
#[derive(Debug)]
pub struct Task(AbortHandle);

impl Task {
    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps the runtime driven while it lives; dropping it ends the thread.
#[derive(Debug)]
pub struct Driven {
    signals: Option<(mpsc::Sender<()>, oneshot::Sender<()>)>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Driven {
    fn drop(&mut self) {
        drop(self.signals.take());
        if let Some(thread) = self.thread.take() {
            // It runs tasks of others: if one panicked there, its owner learns that from the task.
            let _ = thread.join();
        }
    }
}

/// Does blocking work on a thread of its own. Given up, the thread goes on to the work's end. Fails if no thread can be
/// made, or if the work panicked.
pub async fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Nobody listens any more if the wait was given up.
            let _ = done.send(work());
        })?;
    result
        .await
        .map_err(|_| io::Error::other("the thread that did it panicked"))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::Bridge;
    use crate::report::{Kind, Report};
    use crate::script::stop::{Cause, Stop};

    #[test]
    fn a_stop_from_another_thread_ends_a_wait() {
        let bridge = Bridge::new().unwrap();
        let stop = Stop::root();
        let waiting = stop.branch();
        thread::scope(|threads| {
            let (started, wait) = mpsc::channel();
            let worker = threads.spawn(|| {
                bridge.block_on(&waiting, async move {
                    started.send(()).unwrap();
                    pending::<()>().await;
                })
            });
            wait.recv().unwrap();
            stop.trip(Cause::Signal(2));
            assert!(matches!(worker.join().unwrap(), Err(Cause::Signal(2))));
        });
    }

    #[test]
    fn a_deadline_ends_a_wait() {
        let bridge = Bridge::new().unwrap();
        let report = Report::new(Kind::Timeout, "too late");
        let stop = Stop::root().branch_until(Instant::now() + Duration::from_millis(20), report);
        assert!(matches!(
            bridge.block_on(&stop, pending::<()>()),
            Err(Cause::Ended(..))
        ));
    }

    #[test]
    fn work_does_not_start_once_stopped() {
        let bridge = Bridge::new().unwrap();
        let stop = Stop::root();
        stop.trip(Cause::Exit(0));
        let ended = bridge.block_on(&stop, async { unreachable!("started") });
        assert!(matches!(ended, Err::<(), _>(Cause::Exit(0))));
    }

    #[test]
    fn several_threads_wait_at_once() {
        let bridge = Bridge::new().unwrap();
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let wait = async { tokio::time::sleep(Duration::from_millis(5)).await };
                    bridge.block_on(&Stop::root(), wait).unwrap();
                });
            }
        });
    }

    #[test]
    fn a_driven_runtime_fires_timers_while_no_script_waits() {
        let bridge = Bridge::new().unwrap();
        let (fired, wait) = mpsc::channel();
        bridge.handle().spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            fired.send(()).unwrap();
        });
        let driven = bridge.keep_driven(Instant::now()).unwrap();
        wait.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(driven);
    }

    #[test]
    fn dropping_the_guard_early_ends_its_thread() {
        let bridge = Bridge::new().unwrap();
        drop(
            bridge
                .keep_driven(Instant::now() + Duration::from_secs(3600))
                .unwrap(),
        );
    }
}
