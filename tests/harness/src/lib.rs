//! The ground that the tests and benches stand on: real QEMUs, a real guest, a real agent, hostile peers, and the built
//! `qmpsh`, each in a folder of its own and each gone when the test process is, however that ends.
//!
//! It is a witness independent of qmpsh: it shares no code with it, and speaks the protocols in the plainest way
//! ([`RawQmp`], [`RawAgent`], [`Inside::is_frozen`]). It fails by panics that say what went wrong.
//!
//! | to get | write |
//! | --- | --- |
//! | a QEMU with a monitor and no machine, in 0.1 s | `Qemu::bare().start()`; also `.pretty()`, `.monitor("second")`, `.tcp()`, `.arg(..)` |
//! | a booted guest with disks and an agent, in 3 s | `Guest::boot()`, or `Guest::builder().disk(Format::Raw, "64M").arg(..).boot()` |
//! | the same, one for all read-only tests | `Guest::shared()` |
//! | a line of shell in the guest, past the agent | `guest.shell("sha256sum /data/x")` |
//! | whether a file system is frozen, past the agent | `guest.is_frozen()`, `guest.is_frozen_at("/data2")` |
//! | a stopped, killed, absent, slow agent | `guest.stop_agent()`, `cont_agent()`, `kill_agent()`, `agent_down()`, `agent_up()`, `freeze_hook("sleep 8")` |
//! | an agent without a guest | `HostAgent::start()`, `HostAgent::builder().frozen().start()` |
//! | a libvirt with domains | `let l = Libvirt::start(); let d = l.boot("web01"); d.target()`; also `l.bare("name")`, `l.kill_daemon()`, `l.virsh([..])` |
//! | a peer that misbehaves | `FakePeer::builder().greet().expect("query-status").send("garbage").hang_up().start()` |
//! | a hand on what passes a socket | `let p = Proxy::before(guest.agent()); let h = p.hold_request("guest-info"); ...; h.wait(); h.forward()` |
//! | qmpsh itself | `Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).args(["eval", "1"]).run()`, or `.spawn()` and signals |
//! | how it ended | `fails(&outcome, 3, &["no such VM"])`, `prints(&outcome, "running\n")`, `outcome.expect_code(0)` |
//! | qmpsh at a terminal | `let t = Qmpsh::new(..).on_terminal(); t.types("1 + 1\r"); t.wait_for("2\nqmpsh> ")` |
//! | clients that wait before one that accepts nobody | `let waiting = fill_queue(qemu.qmp())` |
//! | what QEMU or the agent says itself | `RawQmp::connect(path).call(..)`, `RawAgent::connect(path).call(..)` |
//! | a folder | `Folder::new()` |
//!
//! The guest is built and booted by the scripts beside this crate, which `make guest` and `make demo` use too.

mod control;
mod daemons;
mod fake_peer;
mod folder;
mod guest;
mod host_agent;
mod inside;
mod libvirt;
mod outcome;
mod process;
mod proxy;
mod qemu;
mod qmpsh;
mod queue;
mod raw;
mod terminal;
mod wait;

pub use control::ShellOutput;
pub use daemons::Daemons;
pub use fake_peer::{FakePeer, FakePeerBuilder};
pub use folder::Folder;
pub use guest::{Format, Guest, GuestBuilder};
pub use host_agent::{HostAgent, HostAgentBuilder};
pub use inside::Inside;
pub use libvirt::{Domain, Libvirt};
pub use outcome::{Outcome, fails, is_fit_for_people, prints};
pub use process::Process;
pub use proxy::{Hold, Proxy};
pub use qemu::{Qemu, QemuBuilder};
pub use qmpsh::{Qmpsh, Running};
pub use queue::fill_queue;
pub use raw::{Event, RawAgent, RawQmp};
pub use rustix::process::Signal;
pub use terminal::Terminal;
