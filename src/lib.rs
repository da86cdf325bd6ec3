//! qmpsh: the scripting shell for running QEMU/KVM virtual machines.
pub mod client;
pub mod vm;
pub mod wire;
