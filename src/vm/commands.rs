//! Which commands this QEMU has, what scripts call them as methods, and which one is meant by a name that is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{Error, ErrorKind};
use super::machine::Vm;
use crate::client::{self, Call, NEGOTIATION, Qmp};
use crate::nearest::nearest;

impl Vm {
    /// The names of all commands that this QEMU has (`query-commands`), asked for once a connection.
    pub async fn commands(&self) -> Result<Arc<BTreeSet<String>>, Error> {
        // A lost connection is noticed, and its list forgotten, by making the next.
        self.monitor().await?;
        if let Some(commands) = &*self.commands_slot().lock().await {
            return Ok(commands.clone());
        }
        let reply = self.call("query-commands", Map::new()).await?;
        let commands = names(&reply).ok_or_else(|| self.reply_error("query-commands", "list"))?;
        let commands = Arc::new(commands);
        *self.commands_slot().lock().await = Some(commands.clone());
        Ok(commands)
    }

    /// The command that a script means by the method `name`: QMP mixes `-` and `_`, a method has `_` only.
    ///
    /// Fails when this QEMU has no such command, with the nearest.
    pub async fn command_for(&self, name: &str) -> Result<String, Error> {
        let commands = self.commands().await?;
        let found = commands
            .iter()
            .find(|command| as_method(command) == as_method(name));
        match found {
            Some(command) => Ok(command.clone()),
            None => Err(self.error(ErrorKind::NoCommand {
                command: name.to_owned(),
                nearest: nearest_method(name, &commands),
                desc: None,
            })),
        }
    }

    /// Explains a refusal: a command that this QEMU does not have is told with the one that may be meant.
    pub(super) async fn explain(&self, monitor: &Qmp, error: client::Error) -> Error {
        let client::Error::Refused {
            command,
            class,
            desc,
        } = &error
        else {
            return self.error(error);
        };
        // Every monitor has that one, and refuses it so when it comes a second time.
        if class != "CommandNotFound" || command == NEGOTIATION {
            return self.error(error);
        }
        let listed = monitor.call(Call::new("query-commands", Map::new())).await;
        let nearest = listed.ok().and_then(|reply| {
            let commands = names(&reply)?;
            let meant = nearest_method(command, &commands)?;
            commands.into_iter().find(|name| as_method(name) == meant)
        });
        self.error(ErrorKind::NoCommand {
            command: command.clone(),
            nearest,
            desc: Some(desc.clone()),
        })
    }
}

/// A command's name as scripts write it as a method.
fn as_method(command: &str) -> String {
    command.replace('-', "_")
}

/// The method that comes nearest to a name that is no command.
fn nearest_method(name: &str, commands: &BTreeSet<String>) -> Option<String> {
    let methods: Vec<String> = commands.iter().map(|name| as_method(name)).collect();
    nearest(&as_method(name), methods.iter().map(String::as_str)).map(str::to_owned)
}

/// The names in a reply to `query-commands`.
fn names(reply: &Value) -> Option<BTreeSet<String>> {
    let names = reply.as_array()?.iter();
    Some(
        names
            .filter_map(|entry| entry["name"].as_str().map(str::to_owned))
            .collect(),
    )
}
