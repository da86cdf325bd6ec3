//! Who is asked before a destructive command is sent.

use std::future::Future;
use std::pin::Pin;

use super::harm::Harm;

/// An answer that may take as long as a person does. It may be dropped.
pub type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Is asked before a destructive command is sent.
pub trait Consent: Send + Sync {
    /// Whether it may be sent to that VM. Called on the thread that waits for the command.
    fn may(&self, vm: &str, harm: Harm) -> Answer;
}
