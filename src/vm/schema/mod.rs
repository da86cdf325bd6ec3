//! What a QEMU, or a guest's agent, can be told: its commands with their arguments and types, as the live
//! `query-qmp-schema` (QEMU 2.5) describes them, and what follows from that.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `model` | commands, events and types, compact |
//! | `parse` | the reply of `query-qmp-schema`, which is believed only as far as it makes sense |
//! | `names` | `-` and `_` in what people write |
//! | `words` | `KEY=VALUE` as a tree of keys |
//! | `typed` | the same as arguments, by the types of the command |
//! | `check`, `finding` | what in a command's arguments QEMU would refuse, or has marked |
//! | `properties` | the properties of a device, which the schema leaves out |
//! | `bundled` | what some versions of QEMU take, without asking one |
//! | `builder` | a schema made by hand, for the agent's commands |
//! | `help` | a command, told to people |
//! | `listed` | the same, told to programs |
//! | `json` | JSON as people write it, without what could mean something else |
//! | `live` | [`Vm::schema`](super::Vm::schema), which asks a QEMU |
//! | `cache` | schemas on disk, since QEMU takes 20 ms to tell its own |
//!
//! All but the last two is pure, and knows no VM.

mod builder;
mod bundled;
mod cache;
mod check;
mod describe;
mod finding;
mod help;
mod json;
mod listed;
mod live;
mod model;
mod names;
mod parse;
mod properties;
mod typed;
mod words;

pub use builder::Builder;
pub use bundled::{Bundled, bundled, bundled_events};
pub use finding::{Finding, Marked, Problem};
pub use help::{Caller, Reader, help, list};
pub use json::strict as strict_json;
pub use listed::{all_described, described};
pub(super) use live::Known;
pub use live::last_kept;
pub use model::{
    Builtin, Case, Choice, Command, Event, Features, Member, Members, Object, Schema, Type, TypeId,
    Variants,
};
pub use names::find as find_name;
pub use parse::InvalidSchema;
pub use properties::Properties;
pub use words::{InvalidWords, Words};

#[cfg(test)]
mod tests;
