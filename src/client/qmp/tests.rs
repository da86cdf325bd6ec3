//! The QMP client against a scripted peer in memory; the clock stands still but for deadlines.

mod calls;
mod endings;
mod greeting;
mod subscriptions;
