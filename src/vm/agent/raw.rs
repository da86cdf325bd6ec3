//! A command as somebody typed it, which this qmpsh may not know.

use std::time::Duration;

use serde_json::{Value, json};

use super::GuestAgent;
use crate::vm::error::Error;
use crate::vm::machine::Arguments;

/// As [`GuestAgent::fstrim`] waits.
const TRIM: Duration = Duration::from_secs(3600);

impl GuestAgent {
    /// Sends any command in the way that is right for it, and gives its reply: `{}` of those that have none when they
    /// succeed (`guest-shutdown`, `guest-suspend-*`).
    ///
    /// Waits and refuses as [`GuestAgent::call`]; waits for `guest-fstrim` up to an hour.
    pub async fn perform(&self, command: &str, arguments: Arguments) -> Result<Value, Error> {
        match command {
            "guest-shutdown"
            | "guest-suspend-disk"
            | "guest-suspend-ram"
            | "guest-suspend-hybrid" => {
                self.send(command, arguments).await?;
                Ok(json!({}))
            }
            "guest-fstrim" => {
                let deadline = self.vm.settings().timeout.unwrap_or(TRIM);
                self.call_within(command, arguments, deadline).await
            }
            _ => self.call(command, arguments).await,
        }
    }
}
