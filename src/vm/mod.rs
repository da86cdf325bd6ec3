//! What an operator handles: a VM, its guest's agent, freezes, jobs, migrations, disks and events.
//!
//! [`Vm`] is the way in. Mechanisms with a guarantee live here; workflows are scripts.
//!
//! - a call: [`machine`], `gate` (what becomes of it), [`effect`] (what it changes), [`harm`] and [`consent`] (who is asked first)
//! - what it can be told: [`schema`], and [`release`] (what is too old to be told it)
//! - what takes long: [`job`], `jobs` (several as one), [`migration`], and [`arrival`] of the guest at its other end
//! - disks: [`disk`], [`block_graph`], [`image`] (files on this host), [`overlay`] and `targets` (images that are made for
//!   them, by `blank`; `handed` gives their files to QEMU's user), [`commit`] (images that are merged), [`images`] (who else
//!   has them open, and what room is left)
//! - which process it is: `server`, and for libvirt's `domain`, by what `chardev` reads
//! - files that take the place of others: [`replaced`]
//! - who else works on it: [`claim`], [`lock`]; and `listen`, what is where it is to listen
//! - its screen: [`screen`]
//! - looks that are in nobody's way: [`probe`], [`survey`], [`glance`]

pub mod agent;
pub mod arrival;
mod blank;
pub mod block_graph;
mod chardev;
pub mod claim;
mod commands;
pub mod commit;
pub mod consent;
pub mod disk;
mod domain;
pub mod effect;
pub mod error;
pub mod event;
pub mod fleet;
pub mod follow;
pub mod freeze;
mod gate;
pub mod glance;
mod handed;
pub mod harm;
pub mod image;
pub mod images;
pub mod job;
mod jobs;
mod listen;
pub mod load;
pub mod lock;
pub mod machine;
pub mod migration;
pub mod mode;
pub mod overlay;
mod pretence;
pub mod probe;
pub mod process;
mod proof;
pub mod recording;
pub mod release;
pub mod replaced;
pub mod schema;
pub mod screen;
mod server;
pub mod settings;
pub mod size;
pub mod survey;
pub mod target;
pub mod targets;
pub mod watch;

pub use agent::GuestAgent;
pub use block_graph::BlockGraph;
pub use consent::Consent;
pub use error::{Error, ErrorKind};
pub use fleet::Fleet;
pub use follow::{Follow, Happening};
pub use freeze::{Freeze, FreezeOptions};
pub use job::Job;
pub use machine::{Arguments, Vm};
pub use mode::Mode;
pub use release::{Need, Needed, Release};
pub use settings::Settings;
pub use target::Target;
pub use watch::Watch;
