//! What the objects of a QMP or agent stream mean: greeting, reply, event; and how a command is written. Members that
//! are not known are passed over, so that a newer QEMU is no error.

use std::fmt;
use std::mem::take;

use serde::Serialize;
use serde_json::{Map, Value};

use super::cut::head;
use super::escape::escaped;

#[cfg(test)]
mod tests;

/// A message from the peer.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A monitor's first words.
    Greeting(Greeting),
    /// The answer to a command.
    Reply {
        /// The id of the command; absent where the command had none or was not understood as one.
        id: Option<Value>,
        /// What `return` or `error` held.
        outcome: Result<Value, Refusal>,
    },
    /// Something that happened.
    Event(Event),
    /// An object of no known kind.
    Other(Value),
}

/// A monitor's greeting: `{"QMP": {"version": ..., "capabilities": [...]}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The version of the QEMU that serves the monitor.
    pub version: Version,
    /// What can be enabled, such as `oob` (since QEMU 2.12).
    pub capabilities: Vec<String>,
}

/// A QEMU version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub micro: u64,
    /// What the packager added; often empty.
    pub package: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// The most bytes of a refusal's words, many times what any of QEMU's has.
const WORDS: usize = 4096;

/// The peer's `error`: it understood the connection, and refused the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `GenericError`, `CommandNotFound`, `DeviceNotActive`, `DeviceNotFound` or `KVMMissingCap`.
    pub class: String,
    /// QEMU's own words, as they came, cut after 4 KiB.
    pub desc: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", escaped(&self.desc))
    }
}

/// Something that happened in the VM.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name, such as `DEVICE_DELETED`.
    pub name: String,
    /// What it says; an empty object where it says nothing more.
    pub data: Value,
    /// When it happened, by the clock of QEMU's host.
    pub timestamp: Timestamp,
}

/// The time of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970; -1 where the host could not tell.
    pub seconds: i64,
    /// Microseconds within the second; -1 where the host could not tell.
    pub microseconds: i64,
}

impl Incoming {
    /// Reads one object.
    pub fn read(object: Value) -> Self {
        let Value::Object(mut members) = object else {
            return Self::Other(object);
        };
        if let Some(value) = members.remove("return") {
            return Self::Reply {
                id: members.remove("id"),
                outcome: Ok(value),
            };
        }
        if members.get("error").is_some_and(Value::is_object) {
            let refusal = Refusal::read(&mut members["error"]);
            return Self::Reply {
                id: members.remove("id"),
                outcome: Err(refusal),
            };
        }
        if members.get("event").is_some_and(Value::is_string) {
            return Self::Event(Event::read(&mut members));
        }
        if let Some(greeting) = members.get_mut("QMP").and_then(Value::as_object_mut) {
            return Self::Greeting(Greeting::read(greeting));
        }
        Self::Other(Value::Object(members))
    }
}

impl Greeting {
    fn read(members: &mut Map<String, Value>) -> Self {
        let version = members.get("version");
        let number = |name: &str| {
            version
                .and_then(|v| v.pointer(&format!("/qemu/{name}")))
                .and_then(Value::as_u64)
        };
        let package = version
            .and_then(|v| v.get("package"))
            .and_then(Value::as_str);
        let capabilities = members.get("capabilities").and_then(Value::as_array);
        Self {
            version: Version {
                major: number("major").unwrap_or_default(),
                minor: number("minor").unwrap_or_default(),
                micro: number("micro").unwrap_or_default(),
                package: package.unwrap_or_default().trim().to_owned(),
            },
            capabilities: capabilities
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        }
    }
}

impl Refusal {
    fn read(error: &mut Value) -> Self {
        Self {
            class: shortened(take_text(error, "class")),
            desc: shortened(take_text(error, "desc")),
        }
    }
}

/// Words for people: an agent is not trusted to be brief.
fn shortened(mut words: String) -> String {
    if words.len() > WORDS {
        words.truncate(head(&words, WORDS).len());
        words.shrink_to_fit();
        words.push_str("...");
    }
    words
}

impl Event {
    fn read(members: &mut Map<String, Value>) -> Self {
        let part = |name: &str| {
            members
                .get("timestamp")
                .and_then(|t| t.get(name))
                .and_then(Value::as_i64)
                .unwrap_or(-1)
        };
        let timestamp = Timestamp {
            seconds: part("seconds"),
            microseconds: part("microseconds"),
        };
        let name = members.get_mut("event").map(|name| match take(name) {
            Value::String(name) => name,
            _ => String::new(),
        });
        let data = members
            .remove("data")
            .unwrap_or_else(|| Value::Object(Map::new()));
        Self {
            name: name.unwrap_or_default(),
            data,
            timestamp,
        }
    }
}

fn take_text(object: &mut Value, member: &str) -> String {
    match object.get_mut(member).map(take) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// A command, as it goes over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The command's name.
    pub command: &'a str,
    /// Its arguments.
    pub arguments: &'a Map<String, Value>,
    /// The id that the reply shall carry; none for an agent (those before QEMU 4.0 refuse one).
    pub id: Option<&'a str>,
    /// Whether it is to overtake the commands before it.
    pub oob: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    execute: Option<&'a str>,
    #[serde(rename = "exec-oob", skip_serializing_if = "Option::is_none")]
    exec_oob: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    arguments: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

impl Outgoing<'_> {
    /// The bytes to send: one object, one line.
    pub fn encode(&self) -> Vec<u8> {
        let (execute, exec_oob) = if self.oob {
            (None, Some(self.command))
        } else {
            (Some(self.command), None)
        };
        let written = Written {
            execute,
            exec_oob,
            arguments: self.arguments,
            id: self.id,
        };
        // Room for all at once: what writes a file is half a megabyte, and growing would copy it again and again.
        let text = self
            .arguments
            .values()
            .filter_map(Value::as_str)
            .map(str::len);
        let mut bytes = Vec::with_capacity(128 + text.sum::<usize>());
        // Text keys and values into memory: there is nothing to fail.
        let encoded = serde_json::to_writer(&mut bytes, &written);
        debug_assert!(encoded.is_ok());
        bytes.push(b'\n');
        bytes
    }
}
