//! Rhai: the engine and all that scripts can do that is no VM's business.
//!
//! A call's way through the files: `session` compiles a [`Source`] and runs it on a thread of its own; the thread knows
//! by `run` in which run it is and under which `stop`; a native function of `api/` waits through [`run::Current`], which
//! crosses into the runtime in `bridge` and nowhere else; values are turned in `convert`; what ends the script becomes a
//! report in `error` and lines for the terminal in `diagnostic`.
//!
//! - the language: `engine`, `words` (reserved words as names), `number` (u64), `with` and `guard`
//! - files of code: `source`, `library` (imports)
//! - what a script declares: `header` (its arguments), `permit` (what it may touch); how it is `called`; what is wrong in it
//!   before it runs: [`check`]
//! - its errors: `error`, `mistake` and `caught` (Rhai's own, for people and for `catch`), `diagnostic`
//! - the process around it: `output`, `signals`

pub mod api;
pub mod argument;
pub mod bridge;
pub mod called;
mod caught;
pub mod check;
pub mod consent;
pub mod convert;
pub mod error;
pub mod guard;
pub mod header;
pub mod kept;
pub mod library;
mod lookup;
pub mod outcome;
pub mod output;
pub mod permit;
pub mod ready_made;
pub mod reference;
pub mod result;
pub mod run;
pub mod session;
pub mod signals;
pub mod source;
pub mod stage;
pub mod stop;
pub mod table;

mod bound;
pub mod diagnostic;
mod engine;
mod following;
mod mistake;
mod names;
mod number;
mod own;
mod progress;
mod with;
mod words;

pub use bridge::Driven;
pub use outcome::{Ending, Failure, Outcome};
pub use session::{Aside, Fault, Named, Session, Settings, Told, Variable};
pub use source::Source;
pub use stage::{Control, Stage};
pub use words::AGENT_CALL;
