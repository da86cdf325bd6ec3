//! The events of a VM for as long as somebody wants them: over a connection that is lost, and over the end of a QEMU whose
//! place another one takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::error::Error;
use super::machine::Vm;
use super::watch::Watch;
use crate::client::Next;
use crate::client::call::CONNECT;
use crate::wire::Event;

/// How often a VM that is away is looked for.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// The events of one VM, followed until this is dropped.
pub struct Follow {
    vm: Vm,
    state: State,
}

enum State {
    Here(Watch),
    Away {
        /// When to look for it again.
        again: Instant,
        /// When to say that it stays away; none once that is said.
        gone: Option<Instant>,
    },
}

/// What a follower learns.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The VM is followed from here on: for the first time, or again.
    Here,
    /// It sent an event.
    Event(Arc<Event>),
    /// So many events were dropped, because nobody took them in time.
    Dropped(u64),
    /// Its monitor was lost. It is looked for, and nothing is known of what happens to it meanwhile.
    Lost(Error),
    /// It cannot be reached: not at the start, or not for the deadline of a connection after it was lost (5 s unless the
    /// user said otherwise). It is looked for all the same.
    Gone(Error),
}

impl Follow {
    pub(super) fn new(vm: Vm) -> Self {
        let now = Instant::now();
        Self {
            vm,
            state: State::Away {
                again: now,
                gone: Some(now),
            },
        }
    }

    /// Waits for the next thing to happen, however long it takes. May be dropped at any time; nothing is lost by that.
    pub async fn next(&mut self) -> Happening {
        loop {
            match &mut self.state {
                State::Here(watch) => match watch.next().await {
                    Ok(Next::Event(event)) => return Happening::Event(event),
                    Ok(Next::Dropped(count)) => return Happening::Dropped(count),
                    Err(error) => {
                        self.state = self.lost();
                        return Happening::Lost(error);
                    }
                },
                State::Away { again, gone } => {
                    sleep_until(*again).await;
                    match self.vm.watch(&[]).await {
                        Ok(watch) => {
                            self.state = State::Here(watch);
                            return Happening::Here;
                        }
                        Err(error) => {
                            let now = Instant::now();
                            *again = now + TRY_AGAIN;
                            if gone.take_if(|gone| *gone <= now).is_some() {
                                return Happening::Gone(error);
                            }
                        }
                    }
                }
            }
        }
    }

    fn lost(&self) -> State {
        let now = Instant::now();
        State::Away {
            again: now,
            gone: Some(now + self.vm.settings().timeout.unwrap_or(CONNECT)),
        }
    }
}
