//! Sockets and tasks: one client for QMP monitors, one for guest agents, and what both stand on.
//!
//! Nothing here knows what a command does to a VM. Every wait has a deadline, and every future may be dropped at any
//! time: what was asked for is then forgotten, and the connection stays usable.

pub mod address;
pub mod agent;
pub mod call;
pub mod connection;
mod deadline;
pub mod error;
pub mod events;
mod farewell;
pub mod holder;
pub mod libvirt;
mod owner;
pub mod qmp;
mod random;
#[cfg(test)]
mod scripted;
pub mod silence;
pub mod tap;
pub mod transport;
pub mod unix_sockets;

pub use address::{Address, AddressError};
pub use agent::{Agent, Sent};
pub use call::Call;
pub use connection::{Dial, Stream, connect};
pub use error::{Ending, Error, Obstacle, Unreachable};
pub use events::{Events, Next};
pub use holder::Holder;
pub use qmp::{NEGOTIATION, Qmp};
pub use random::nonce;
pub use silence::Silence;
pub use tap::{Channel, Direction, KeptMessage, LinkChange, Message, Tap, TapLine, TapLink};
pub use transport::Transport;
pub use unix_sockets::UnixSockets;
