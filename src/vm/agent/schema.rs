//! What one agent can be told: the table of all agents' commands, as far as this one has them.

use std::time::Duration;

use serde_json::{Map, Value};

use super::GuestAgent;
use super::commands::COMMANDS;
use super::types::{made, object};
use crate::vm::error::Error;
use crate::vm::schema::{
    self, Builder, Command, Features, Finding, Reader, Schema, Words, find_name,
};

/// The beginning of all agent commands.
const PREFIX: &str = "guest-";

/// What an agent can be told.
pub struct AgentCommands {
    /// Its commands with their types; of those that are newer than this qmpsh, the names.
    pub schema: Schema,
    /// Those that its configuration has disabled, or that wait until the guest is thawed.
    disabled: Vec<String>,
}

impl AgentCommands {
    /// All that are known, for when no agent can be asked.
    pub fn known() -> Self {
        Self::new(None)
    }

    /// The commands in a reply to `guest-info`; all that the table has where there is none.
    fn new(info: Option<&Value>) -> Self {
        let listed = info.and_then(|info| info["supported_commands"].as_array());
        let Some(listed) = listed else {
            return Self {
                schema: builder(|_| true).schema(),
                disabled: Vec::new(),
            };
        };
        // The guest chooses these names, and they are shown.
        let is_name = |name: &&str| {
            name.len() <= 64
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let name = |entry: &Value| entry["name"].as_str().filter(is_name).map(str::to_owned);
        let names: Vec<String> = listed.iter().filter_map(name).collect();
        let mut builder = builder(|command| names.iter().any(|name| name == command));
        for name in &names {
            builder.unless_known(name);
        }
        let disabled = listed.iter().filter(|entry| entry["enabled"] == false);
        Self {
            schema: builder.schema(),
            disabled: disabled.filter_map(name).collect(),
        }
    }

    /// The command that is meant, with or without `guest-`, and with `-` or `_`.
    pub fn find(&self, written: &str) -> Option<&str> {
        let names = || self.schema.commands().map(|command| command.name.as_str());
        let names: Vec<&str> = names().collect();
        let found = find_name(written, names.iter().copied());
        found.or_else(|| find_name(&format!("{PREFIX}{written}"), names.iter().copied()))
    }

    /// All commands told to people, and those of them that it will not do now.
    pub fn list(&self, reader: Reader) -> String {
        let mut text = schema::list(&self.schema, reader);
        if !self.disabled.is_empty() {
            text.push_str(
                "\n\nNot now, by the agent's configuration or because the guest is frozen:",
            );
            for command in &self.disabled {
                text.push_str("\n  ");
                text.push_str(command);
            }
        }
        text
    }

    /// A command told to people, as [`schema::help`] does.
    pub fn help(&self, command: &Command, words: &Words, reader: Reader) -> String {
        let mut text = schema::help(&self.schema, command, words, reader);
        if self.is_disabled(&command.name) {
            text.push_str(
                "\n\nThis agent will not do it: its configuration forbids it, or the guest is frozen.",
            );
        }
        text
    }

    /// The command that is meant, as [`AgentCommands::find`] has it. Fails if there is none, with which may be meant.
    pub fn named(&self, written: &str) -> Result<&Command, Finding> {
        let found = self
            .find(written)
            .and_then(|name| self.schema.command(name));
        found.ok_or_else(|| self.no_command(written))
    }

    /// That there is no such command, and which may be meant.
    pub fn no_command(&self, written: &str) -> Finding {
        let full = match written.strip_prefix(PREFIX) {
            Some(_) => written.to_owned(),
            None => format!("{PREFIX}{written}"),
        };
        let mut finding = self.schema.no_command(&full);
        written.clone_into(&mut finding.command);
        finding
    }

    /// The commands that the agent has, and will not do now.
    pub fn disabled(&self) -> &[String] {
        &self.disabled
    }

    /// Whether the agent has the command, and will not do it now.
    pub fn is_disabled(&self, command: &str) -> bool {
        self.disabled.iter().any(|disabled| disabled == command)
    }
}

impl GuestAgent {
    /// What this agent can be told (`guest-info`, joined with what is known of the commands). Where the guest's policy
    /// forbids to ask, all commands are taken to be there.
    pub async fn commands(&self) -> Result<AgentCommands, Error> {
        listed(self.info().await)
    }

    /// The same for somebody with no more patience than this.
    pub(in crate::vm) async fn commands_within(
        &self,
        patience: Duration,
    ) -> Result<AgentCommands, Error> {
        listed(self.call_within("guest-info", Map::new(), patience).await)
    }
}

fn listed(info: Result<Value, Error>) -> Result<AgentCommands, Error> {
    match info {
        Ok(info) => Ok(AgentCommands::new(Some(&info))),
        Err(error) if error.is_answer() => Ok(AgentCommands::new(None)),
        Err(error) => Err(error),
    }
}

/// A schema with the commands for which `wanted` is true.
fn builder(wanted: impl Fn(&str) -> bool) -> Builder {
    let mut builder = Builder::default();
    for entry in COMMANDS.iter().filter(|entry| wanted(entry.name)) {
        let arguments = object(&mut builder, entry.arguments);
        let returns = made(&mut builder, entry.returns);
        builder.command(Command {
            name: entry.name.to_owned(),
            arguments,
            returns,
            allow_oob: false,
            features: Features::default(),
        });
    }
    builder
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::AgentCommands;

    #[test]
    fn the_table_has_the_44_commands_of_the_newest_agent() {
        assert_eq!(AgentCommands::new(None).schema.commands().len(), 44);
    }

    #[test]
    fn a_mode_that_no_agent_takes_is_told_before_it_is_sent() {
        let commands = AgentCommands::new(None);
        let check = |command, arguments| {
            let arguments = crate::vm::machine::object(arguments);
            commands.schema.check(command, &arguments).len()
        };
        for (mode, found) in [("r", 0), ("wb+", 0), ("a+b", 0), ("rw", 1), ("x", 1)] {
            let asked = json!({"path": "/a", "mode": mode});
            assert_eq!(check("guest-file-open", asked), found, "{mode}");
        }
        for (mode, found) in [("halt", 0), ("poweroff", 1)] {
            let asked = json!({"mode": mode});
            assert_eq!(check("guest-shutdown", asked), found, "{mode}");
        }
    }

    #[test]
    fn commands_are_found_with_and_without_their_prefix() {
        let commands = AgentCommands::new(None);
        for written in ["guest-ping", "ping", "guest_ping"] {
            assert_eq!(commands.find(written), Some("guest-ping"));
        }
        assert_eq!(commands.find("get_host_name"), Some("guest-get-host-name"));
        assert_eq!(commands.find("pong"), None);
    }

    #[test]
    fn an_agent_has_what_it_lists_and_new_commands_by_name_only() {
        let commands = AgentCommands::new(Some(&json!({"version": "99.0", "supported_commands": [
            {"name": "guest-ping", "enabled": true, "success-response": true},
            {"name": "guest-exec", "enabled": false, "success-response": true},
            {"name": "guest-brew", "enabled": true, "success-response": true},
            {"name": "guest-\u{1b}[2J", "enabled": true},
            {"name": 5}, null,
        ]})));
        let names: Vec<&str> = commands
            .schema
            .commands()
            .map(|c| c.name.as_str())
            .collect();
        assert_eq!(names, ["guest-brew", "guest-exec", "guest-ping"]);
        assert!(commands.is_disabled("guest-exec") && !commands.is_disabled("guest-ping"));
        let any = crate::vm::machine::object(json!({"sugar": 2}));
        assert_eq!(commands.schema.check("guest-brew", &any), []);
        assert_eq!(commands.schema.check("guest-ping", &any).len(), 1);
    }
}
