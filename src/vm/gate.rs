//! The one place that all calls to a VM pass on their way to its clients, where a run's [`Mode`] is held.
//!
//! Only the end of a freeze that was made does not come by here: no mode of ours keeps a guest frozen.

use serde_json::{Value, json};

use super::effect::{self, Effect};
use super::error::{Error, ErrorKind};
use super::harm;
use super::machine::Vm;
use super::mode::{Mode, Would};
use super::pretence::Pretence;
use crate::client::{Call, Channel};
use crate::wire::message::Outgoing;
use crate::wire::secret::redacted;

/// The longest text that a dry run shows whole, in bytes: what a file is written with would be megabytes.
const LONGEST: usize = 4096;

/// How much of a longer one it shows.
const SHOWN: usize = 64;

/// What becomes of a call.
pub(super) enum Passage {
    /// It is sent.
    Send(Effect),
    /// It is not sent, and this is to be taken for its reply.
    Pretended(Value),
}

impl Vm {
    /// Decides what becomes of a call, and tells the change that a dry run does not make. Waits for an answer where
    /// somebody is asked whether a destructive command may be sent.
    pub(super) async fn gate(&self, channel: Channel, call: &Call) -> Result<Passage, Error> {
        let Call {
            command, arguments, ..
        } = call;
        let effect = effect::of(command, arguments);
        let settings = self.settings();
        match &settings.mode {
            Mode::ReadOnly if effect == Effect::Change => Err(self.error(ErrorKind::ReadOnly {
                command: command.clone(),
            })),
            Mode::DryRun(_) if Pretence::is_asked(command, arguments, effect) => Ok(
                Passage::Pretended(self.pretence().answer(command, arguments)),
            ),
            mode @ Mode::DryRun(_) if effect == Effect::Change => {
                mode.tells(&Would::Send {
                    vm: self.label(),
                    channel,
                    message: &shown(call),
                });
                Ok(Passage::Pretended(
                    self.pretence().answer(command, arguments),
                ))
            }
            _ => {
                self.consented(call).await?;
                Ok(Passage::Send(effect))
            }
        }
    }

    async fn consented(&self, call: &Call) -> Result<(), Error> {
        let Some(consent) = &self.settings().consent else {
            return Ok(());
        };
        let Some(harm) = harm::of(&call.command, &call.arguments) else {
            return Ok(());
        };
        let command = harm.command.clone();
        if consent.may(self.label(), harm).await {
            return Ok(());
        }
        Err(self.error(ErrorKind::Declined { command }))
    }

    /// Makes a reply fit what a dry run has pretended.
    pub(super) fn amended(&self, command: &str, mut reply: Value) -> Value {
        if self.settings().mode.is_dry_run() {
            self.pretence().amend(command, &mut reply);
        }
        reply
    }
}

/// A message as it would be sent but for its id, its secrets hidden and very long texts cut.
fn shown(call: &Call) -> String {
    let mut message = redacted(&json!({ "execute": call.command, "arguments": call.arguments }));
    cut(&mut message);
    let arguments = message["arguments"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let encoded = Outgoing {
        command: &call.command,
        arguments: &arguments,
        id: None,
        oob: call.oob,
    }
    .encode();
    String::from_utf8_lossy(&encoded).trim_end().to_owned()
}

fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > LONGEST => {
            let size = text.len();
            let head: String = text.chars().take(SHOWN).collect();
            *text = format!("{head}... ({size} bytes)");
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(members) => members.values_mut().for_each(cut),
        _ => {}
    }
}
