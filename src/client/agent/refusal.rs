//! Tells apart what agents word alike: a command that is unknown, one that the configuration blocks, and one that has to
//! wait until the guest is thawed. All three are `CommandNotFound`; the texts differ between versions and are not relied on.

use std::time::Duration;

use serde_json::{Map, Value};

use super::line::Line;
use crate::client::call::Call;
use crate::client::error::Error;
use crate::wire::Refusal;

/// What a refusal means; asks the agent where its words leave that open.
pub(super) async fn explained(
    line: &mut Line,
    command: String,
    refusal: Refusal,
    deadline: Duration,
) -> Error {
    let Refusal { class, desc } = refusal;
    let blocked = class == "CommandNotFound"
        && match ask(line, "guest-info", deadline).await {
            Some(info) => is_enabled(&info, &command) == Some(false),
            // That command may be blocked itself.
            None => desc.contains("disabled"),
        };
    if !blocked {
        return Error::Refused {
            command,
            class,
            desc,
        };
    }
    match ask(line, "guest-fsfreeze-status", deadline).await {
        Some(status) if status == "frozen" => Error::Frozen { command, desc },
        _ => Error::Disabled { command, desc },
    }
}

async fn ask(line: &mut Line, command: &str, deadline: Duration) -> Option<Value> {
    line.call(&Call::new(command, Map::new()).within(deadline), deadline)
        .await
        .ok()?
        .ok()
}

/// Whether `guest-info` lists the command, and as enabled or not.
fn is_enabled(info: &Value, command: &str) -> Option<bool> {
    let listed = info.get("supported_commands")?.as_array()?;
    listed
        .iter()
        .find(|entry| entry.get("name").is_some_and(|name| name == command))?
        .get("enabled")?
        .as_bool()
}
