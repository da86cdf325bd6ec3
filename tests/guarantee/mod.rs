//! The proof of the thaw guarantee: whatever ends or stops qmpsh, or its agent, at whatever step of a freeze, the guest
//! is thawed within ten seconds once its agent can answer.
//!
//! A [`Stage`] is a real guest behind proxies that hold the message of a [`Step`], so that each cause strikes at a known
//! moment. The witness that a guest is thawed is its kernel, never the agent or qmpsh.

mod agent_stopped;
mod limits;
mod panics;
mod stage;
mod table;

use self::stage::{Fate, Stage, Step};
