//! qmpsh: the scripting shell for running QEMU/KVM virtual machines.

pub mod cli;
pub mod client;
pub mod nearest;
pub mod report;
pub mod script;
pub mod vm;
pub mod wire;
