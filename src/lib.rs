//! qmpsh: the scripting shell for running QEMU/KVM virtual machines.
//!
//! The layers, from what people type down to bytes; each imports only those below it (`tests/layers.rs` holds that):
//!
//! | layer | what it owns | begin at |
//! | --- | --- | --- |
//! | [`cli`] | the command line, a file per subcommand | [`cli::main`] |
//! | [`repl`] | the session of typed lines, and its editor | [`repl::Session`] |
//! | [`script`] | Rhai: engine, values, errors, imports, and what scripts can call | [`script::Session`] |
//! | [`report`] | how errors are told: kind, hint, exit code | [`report::Report`] |
//! | [`inventory`] | where VMs are found, and which one a name means | [`inventory::Inventory`] |
//! | [`vm`] | what an operator handles: a VM, its agent, freezes, jobs, disks | [`vm::Vm`] |
//! | [`client`] | sockets and tasks: the clients of monitors and agents | [`client::Qmp`], [`client::Agent`] |
//! | [`wire`] | bytes and messages, no I/O | [`wire::Framer`] |
//!
//! [`nearest`] ("did you mean") and [`duration`] (lengths of time) lie below all.
//!
//! The thaw guarantee, that no guest stays frozen, is in [`vm::freeze`]. `ARCHITECTURE.md` follows a call through all layers.

pub mod cli;
pub mod client;
pub mod duration;
pub mod inventory;
pub mod nearest;
pub mod repl;
pub mod report;
pub mod script;
pub mod vm;
pub mod wire;
