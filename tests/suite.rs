//! The tests against real QEMUs, a real guest and hostile peers: one binary, so that they share a guest.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod commands;
#[path = "script/documented.rs"]
mod documented;
mod guarantee;
mod harness_test;
mod hostile;
mod inventory;
mod layers;
mod libvirt;
mod modes;
mod processes;
mod repl;
mod scripts;
mod vm;
