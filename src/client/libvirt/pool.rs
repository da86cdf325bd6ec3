//! The virsh processes of each URI. A virsh does one command at a time, so there are as many as are busy at once, and a few
//! idle ones are kept for the next commands.
//!
//! Few are busy at a time, so that two hundred VMs do not become two hundred processes; but one that is busy for long waits
//! for a domain that hangs, and counts no more: it delays nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::virsh::{Parked, Said, Unsaid, Virsh};
use super::words::{self, Meaning};
use crate::client::error::Obstacle;

/// How many of a URI's work at once, those aside that take long.
const BUSY: usize = 8;
/// How many idle ones are kept. Each takes some 10 MB.
const IDLE: usize = 4;
/// What takes longer than this holds up no other.
const LONG: Duration = Duration::from_millis(500);

struct Pool {
    idle: Vec<Parked>,
    busy: Arc<Semaphore>,
}

/// Of no runtime: what one leaves idle, the next takes up.
static POOLS: Mutex<BTreeMap<String, Pool>> = Mutex::new(BTreeMap::new());

fn with<T>(uri: &str, act: impl FnOnce(&mut Pool) -> T) -> T {
    // A pool is whole whatever its last user did.
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pool = pools.entry(uri.to_owned()).or_insert_with(|| Pool {
        idle: Vec::new(),
        busy: Arc::new(Semaphore::new(BUSY)),
    });
    act(pool)
}

/// Why a command has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not sent.
    Obstacle(Obstacle),
    /// Whether it has run is not known.
    Lost(String),
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Obstacle(obstacle) => obstacle,
            Failure::Lost(words) => Self::NoDaemon(words),
        }
    }
}

/// Runs one command of virsh's. Dropping the future kills the virsh that works on it.
pub(super) async fn run(uri: &str, command: &str) -> Result<Said, Failure> {
    let busy = with(uri, |pool| Arc::clone(&pool.busy));
    // It is never closed.
    let mut turn = busy.acquire_owned().await.ok();
    let work = async {
        let idle = with(uri, |pool| pool.idle.pop());
        let mut virsh = match idle.and_then(Parked::wake) {
            Some(virsh) => virsh,
            None => Virsh::start(uri).await.map_err(Failure::Obstacle)?,
        };
        match virsh.run(command).await {
            Ok(said) => {
                // One that has lost its connection is not to be relied on, though it makes a new one.
                if words::meaning(&said.errors) != Meaning::Lost {
                    keep(uri, virsh);
                }
                Ok(said)
            }
            Err(Unsaid::Ended(errors)) => Err(Failure::Lost(words::plain(&errors))),
            Err(Unsaid::TooLong) => Err(Failure::Lost("the answer has no end".to_owned())),
        }
    };
    tokio::pin!(work);
    let long = sleep(LONG);
    tokio::pin!(long);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            () = &mut long, if turn.is_some() => turn = None,
        }
    }
}

fn keep(uri: &str, virsh: Virsh) {
    let Some(parked) = virsh.park() else {
        return;
    };
    let surplus = with(uri, |pool| {
        if pool.idle.len() < IDLE {
            pool.idle.push(parked);
            None
        } else {
            Some(parked)
        }
    });
    // Its end is waited for, and not under the lock.
    drop(surplus);
}
