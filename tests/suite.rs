//! The tests against real QEMUs, a real guest and hostile peers: one binary, so that they share a guest.

mod harness_test;
mod layers;
mod vm;
