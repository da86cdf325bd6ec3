//! Events to any number of subscribers, each with a queue of its own that is bounded and says when it dropped some. A
//! subscriber that never looks costs a bounded amount of memory and holds up nobody.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use super::error::Error;
use crate::wire::Event;

/// The most events that wait for one subscriber.
const EVENTS: usize = 1024;
/// The most bytes, as encoded, that wait for one subscriber, but for the newest event.
const BYTES: usize = 4 << 20;

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// An event.
    Event(Arc<Event>),
    /// This many of the oldest were dropped, because the subscriber did not keep up.
    Dropped(u64),
}

/// A subscription to a monitor's events; it ends when dropped.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Mutex<Queue>>,
}

impl Events {
    /// Waits for the next event, without a deadline. May be dropped at any time; no event is lost by that.
    ///
    /// # Errors
    /// How the connection ended, once all that came before it has been taken.
    pub async fn next(&mut self) -> Result<Next, Error> {
        poll_fn(|cx| lock(&self.queue).poll(cx)).await
    }

    /// Whether something is already here.
    pub fn has_next(&self) -> bool {
        let queue = lock(&self.queue);
        queue.dropped > 0 || !queue.waiting.is_empty()
    }

    /// The next event that is already here.
    pub fn try_next(&mut self) -> Option<Next> {
        lock(&self.queue).take()
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Arc<Event>, usize)>,
    bytes: usize,
    dropped: u64,
    ended: Option<Error>,
    waker: Option<Waker>,
}

impl Queue {
    fn push(&mut self, event: Arc<Event>, size: usize) {
        while self.waiting.len() >= EVENTS
            || (self.bytes + size > BYTES && !self.waiting.is_empty())
        {
            if let Some((_, size)) = self.waiting.pop_front() {
                self.bytes -= size;
                self.dropped += 1;
            }
        }
        self.bytes += size;
        self.waiting.push_back((event, size));
    }

    fn take(&mut self) -> Option<Next> {
        if self.dropped > 0 {
            return Some(Next::Dropped(std::mem::take(&mut self.dropped)));
        }
        let (event, size) = self.waiting.pop_front()?;
        self.bytes -= size;
        if self.waiting.is_empty() {
            // What a burst has grown is not kept.
            self.waiting.shrink_to(16);
        }
        Some(Next::Event(event))
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Next, Error>> {
        if let Some(next) = self.take() {
            return Poll::Ready(Ok(next));
        }
        if let Some(error) = &self.ended {
            return Poll::Ready(Err(error.clone()));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// All subscriptions of one connection.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    queues: Mutex<Vec<Weak<Mutex<Queue>>>>,
}

impl Subscribers {
    /// One more, from now on; `ended` is set before [`Subscribers::end`] is called.
    pub(super) fn add(&self, ended: &OnceLock<Error>) -> Events {
        let mut queues = lock(&self.queues);
        let queue = Queue {
            ended: ended.get().cloned(),
            ..Queue::default()
        };
        let queue = Arc::new(Mutex::new(queue));
        queues.push(Arc::downgrade(&queue));
        Events { queue }
    }

    /// Gives an event of `size` encoded bytes to all.
    pub(super) fn publish(&self, event: Event, size: usize) {
        let event = Arc::new(event);
        self.each(|queue| queue.push(Arc::clone(&event), size));
    }

    /// Tells all how the connection ended.
    pub(super) fn end(&self, error: &Error) {
        self.each(|queue| queue.ended = Some(error.clone()));
    }

    fn each(&self, mut act: impl FnMut(&mut Queue)) {
        lock(&self.queues).retain(|queue| {
            let Some(queue) = queue.upgrade() else {
                return false;
            };
            let waker = {
                let mut queue = lock(&queue);
                act(&mut queue);
                queue.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
            true
        });
    }
}

/// No code that could panic runs under these locks, so what a poisoned one guards is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
