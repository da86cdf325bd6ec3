//! Bytes and messages, with no I/O.

pub mod escape;
