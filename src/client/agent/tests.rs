//! The agent's client against a scripted peer in memory; the clock stands still but for deadlines.

mod calls;
mod reconnects;
mod refusals;
mod sends;
mod sync;
