//! A command as somebody typed it, which this qmpsh may not know.

use std::time::Duration;

use serde_json::{Value, json};

use super::GuestAgent;
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::Arguments;

/// As [`GuestAgent::fstrim`] waits.
const TRIM: Duration = Duration::from_secs(3600);

impl GuestAgent {
    /// Sends any command in the way that is right for it, and gives its reply: `{}` of those that have none when they
    /// succeed (`guest-shutdown`, `guest-suspend-*`).
    ///
    /// Waits as [`GuestAgent::call`], for `guest-fstrim` up to an hour. Refuses a freeze, which nobody would end.
    pub async fn perform(&self, command: &str, arguments: Arguments) -> Result<Value, Error> {
        match command {
            "guest-fsfreeze-freeze" | "guest-fsfreeze-freeze-list" => {
                Err(self.vm.error(ErrorKind::BareFreeze {
                    command: command.to_owned(),
                }))
            }
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
