//! Bytes and messages, with no I/O: how a stream of JSON objects is cut, bounded and read, what a QMP message is,
//! which parts of one are secret, and how text of a peer is made fit to be shown.
//!
//! Nothing here knows a socket, a deadline or a VM.

pub mod cut;
pub mod escape;
pub mod framing;
pub mod limits;
pub mod message;
pub mod secret;

pub use framing::{Framer, FramingError};
pub use limits::Limits;
pub use message::{Event, Greeting, Incoming, Refusal, Timestamp, Version};
