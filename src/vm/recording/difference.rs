//! Where a replay is not what was recorded, and how that is told.

use std::fmt;

use serde_json::{Map, Value};

use crate::client::Channel;
use crate::wire::escape::escaped;

/// The most arguments that are told as different.
const SHOWN: usize = 5;

/// The most characters of a value that are shown.
const LONGEST: usize = 120;

/// Where a replay differs from its recording.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Another message was sent than the recorded one.
    Message {
        /// The recording's line.
        line: usize,
        /// The VM.
        vm: String,
        /// The conversation.
        channel: Channel,
        /// What was recorded.
        recorded: Value,
        /// What was sent now.
        sent: Value,
    },
    /// A message was sent, or a connection made, after all that was recorded.
    Beyond {
        /// The VM.
        vm: String,
        /// The conversation.
        channel: Channel,
        /// What was sent.
        what: String,
    },
    /// Something was asked that is no message and was not recorded.
    NoValue {
        /// What it is about.
        of: String,
    },
    /// What a monitor says before all else is not in the recording, so that nothing can be sent.
    Lacking {
        /// What it is.
        what: &'static str,
        /// The VM.
        vm: String,
        /// The conversation.
        channel: Channel,
        /// The line before which it should stand.
        line: usize,
    },
    /// The recording ends in the middle of its run, before this.
    Cut {
        /// Its last line.
        line: usize,
        /// What the run wanted next.
        what: String,
    },
    /// The run ended, and not all that was recorded had been sent.
    LeftOver {
        /// How many messages.
        count: usize,
        /// The line of the first.
        line: usize,
        /// The command of the first.
        command: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message {
                line,
                vm,
                channel,
                recorded,
                sent,
            } => {
                write!(
                    f,
                    "line {line} of the recording, {} ({channel}): ",
                    escaped(vm)
                )?;
                message(f, recorded, sent)
            }
            Self::Beyond { vm, channel, what } => write!(
                f,
                "{what} for {} ({channel}) is not in the recording, which has nothing more for it",
                escaped(vm)
            ),
            Self::NoValue { of } => write!(f, "the recording does not tell `{}`", escaped(of)),
            Self::Lacking {
                what,
                vm,
                channel,
                line,
            } => write!(
                f,
                "the recording lacks {what} of {} ({channel}), which should stand before line {line}",
                escaped(vm)
            ),
            Self::Cut { line, what } => write!(
                f,
                "the recording ends early, at line {line}, since its run was cut off there: it does not tell what came of {what}"
            ),
            Self::LeftOver {
                count,
                line,
                command,
            } => {
                let messages = if *count == 1 {
                    "message was"
                } else {
                    "messages were"
                };
                write!(
                    f,
                    "{count} recorded {messages} not sent this time, the first of them `{}` in line {line}",
                    escaped(command)
                )
            }
        }
    }
}

/// The command of a message.
pub(super) fn command(message: &Value) -> &str {
    let name = message.get("execute").or_else(|| message.get("exec-oob"));
    name.and_then(Value::as_str).unwrap_or("?")
}

fn message(f: &mut fmt::Formatter<'_>, recorded: &Value, sent: &Value) -> fmt::Result {
    let (then, now) = (command(recorded), command(sent));
    if then != now {
        return write!(
            f,
            "`{}` was recorded, and `{}` is sent",
            escaped(then),
            escaped(now)
        );
    }
    let none = Value::Object(Map::new());
    let arguments = |message: &Value| message.get("arguments").cloned().unwrap_or(none.clone());
    let mut all = Vec::new();
    differences("", &arguments(recorded), &arguments(sent), &mut all);
    if all.is_empty() {
        return write!(
            f,
            "`{}` is sent in another way than it was recorded",
            escaped(now)
        );
    }
    write!(
        f,
        "`{}` is sent with other arguments: {}",
        escaped(now),
        all[..all.len().min(SHOWN)].join("; ")
    )?;
    match all.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

/// Says of each member that differs what it was and is.
fn differences(path: &str, recorded: &Value, sent: &Value, into: &mut Vec<String>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match (recorded, sent) {
        _ if recorded == sent => {}
        (Value::Object(then), Value::Object(now)) => {
            for (name, value) in then {
                match now.get(name) {
                    Some(other) => differences(&below(name), value, other, into),
                    None => into.push(format!(
                        "`{}` was {} and is left out",
                        escaped(&below(name)),
                        shown(value)
                    )),
                }
            }
            for (name, value) in now.iter().filter(|(name, _)| !then.contains_key(*name)) {
                into.push(format!(
                    "`{}` was not there and is {}",
                    escaped(&below(name)),
                    shown(value)
                ));
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            for (number, (value, other)) in then.iter().zip(now).enumerate() {
                differences(&below(&number.to_string()), value, other, into);
            }
        }
        _ => into.push(format!(
            "`{}` was {} and is {}",
            escaped(path),
            shown(recorded),
            shown(sent)
        )),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", escaped(&text[..end])),
        None => escaped(&text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(recorded: Value, sent: Value) -> String {
        Difference::Message {
            line: 7,
            vm: "web01".to_owned(),
            channel: Channel::Qmp,
            recorded,
            sent,
        }
        .to_string()
    }

    #[test]
    fn the_arguments_that_differ_are_told_with_what_they_were() {
        let was = json!({ "execute": "blockdev-add", "arguments": { "node-name": "a", "file": { "driver": "file" }, "x": 1 } });
        let is = json!({ "execute": "blockdev-add", "arguments": { "node-name": "b", "file": { "driver": "nbd" }, "y": [1] } });
        assert_eq!(
            told(was, is),
            "line 7 of the recording, web01 (qmp): `blockdev-add` is sent with other arguments: `file.driver` was \
             \"file\" and is \"nbd\"; `node-name` was \"a\" and is \"b\"; `x` was 1 and is left out; `y` was not there and \
             is [1]"
        );
    }

    #[test]
    fn another_command_is_told_with_the_recorded_one() {
        assert_eq!(
            told(json!({ "execute": "stop" }), json!({ "execute": "cont" })),
            "line 7 of the recording, web01 (qmp): `stop` was recorded, and `cont` is sent"
        );
    }

    #[test]
    fn a_long_value_is_told_in_part() {
        let value = |text: &str| json!({ "execute": "x", "arguments": { "a": text } });
        let told = told(value(&"ü".repeat(10_000)), value("b"));
        assert!(told.len() < 500, "{told}");
    }
}
