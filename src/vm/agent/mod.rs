//! The guest's agent: where its socket is, and how a command travels to it.
//!
//! The commands themselves are one file per subject beside this one; a freeze is in `vm::freeze`.

mod commands;
mod exec;
mod file;
mod guest;
pub(super) mod locate;
mod raw;
mod schema;
mod transfer;
mod types;

use std::time::Duration;

use serde_json::{Map, Value};

use super::effect::Effect;
use super::error::{Error, ErrorKind};
use super::gate::Passage;
use super::machine::{Arguments, Vm};
use super::recording::Recording;
use crate::client::{self, Address, Agent, Call, Channel};
use crate::wire::secret::{secrets_in, without};

pub use exec::{Exec, ExecOutcome};
pub use file::{FileHandle, MAX_FILE};
pub use schema::AgentCommands;
pub use transfer::Transferred;

/// The agent of one VM's guest; all clones share one connection, and its commands go one after the other.
#[derive(Clone)]
pub struct GuestAgent {
    vm: Vm,
}

impl GuestAgent {
    pub(super) fn new(vm: Vm) -> Self {
        Self { vm }
    }

    /// The VM whose guest this is.
    pub fn vm(&self) -> &Vm {
        &self.vm
    }

    /// Where the agent's socket is; it is looked for now if it was not said.
    pub async fn address(&self) -> Result<Address, Error> {
        Ok(self.client().await?.address().clone())
    }

    /// The agent's connection; its socket is looked for now, and connected on the first command, when what serves it has to
    /// be the VM that was found.
    pub(super) async fn client(&self) -> Result<&Agent, Error> {
        let agent = self.found().await?;
        agent.expect_server(self.vm.agent_server().await?);
        Ok(agent)
    }

    async fn found(&self) -> Result<&Agent, Error> {
        self.vm
            .agent_cell()
            .get_or_try_init(|| async {
                let target = self.vm.target();
                if self.vm.settings().need.now().is_some() && target.qmp().is_some() {
                    self.vm.monitor().await?;
                }
                let address = match (target.agent(), target.qmp()) {
                    // libvirt holds both, and tells which is meant by the command.
                    (Some(address), _) | (None, Some(address @ Address::Libvirt { .. })) => {
                        address.clone()
                    }
                    (None, _) => locate::socket(&self.vm).await?,
                };
                let settings = self.vm.settings();
                let agent = match &settings.recording {
                    Recording::Play(player) => {
                        let dialer = player.dialer(self.vm.label(), Channel::Agent);
                        Agent::through(dialer, address, self.vm.tap())
                    }
                    Recording::Off | Recording::Write(_) => Agent::new(address, self.vm.tap()),
                };
                Ok(match settings.timeout {
                    Some(timeout) => agent.with_sync_deadline(timeout),
                    None => agent,
                })
            })
            .await
    }

    /// Sends an agent command and gives its reply.
    ///
    /// Waits up to 30 s, more for large arguments, and up to 5 s before that for a connection that has to be
    /// synchronized. A read is sent once more when the connection was lost; a change never is. A frozen guest refuses
    /// nearly everything, and a command may be disabled by the guest's policy: both are told apart from an unknown one.
    /// Freezes are refused: only [`GuestAgent::fsfreeze`] sees to the thaw.
    pub async fn call(&self, command: &str, arguments: Arguments) -> Result<Value, Error> {
        let call = Call::new(command, arguments);
        self.request(self.vm.settings().deadline(call)).await
    }

    /// Sends an agent command with a deadline of its own; otherwise as [`GuestAgent::call`].
    pub async fn call_within(
        &self,
        command: &str,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Value, Error> {
        self.request(Call::new(command, arguments).within(deadline))
            .await
    }

    async fn request(&self, call: Call) -> Result<Value, Error> {
        if call.command.starts_with("guest-fsfreeze-freeze") {
            return Err(self.vm.error(ErrorKind::BareFreeze {
                command: call.command,
            }));
        }
        let effect = match self.vm.gate(Channel::Agent, &call).await? {
            Passage::Send(effect) => effect,
            Passage::Pretended(reply) => return Ok(reply),
        };
        let agent = self.client().await?;
        let secrets = secrets_in(&call.arguments);
        let again = (effect == Effect::Read).then(|| call.clone());
        let reply = match (agent.call(call).await, again) {
            (Err(client::Error::Gone { .. }), Some(call)) => agent.call(call).await,
            (reply, _) => reply,
        };
        match reply {
            Ok(value) => Ok(value),
            Err(client::Error::Refused {
                command,
                class,
                desc,
            }) => Err(self.vm.error(client::Error::Refused {
                command,
                class,
                // The guest is not trusted with what is shown here.
                desc: without(&desc, &secrets),
            })),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// Sends a command that has no reply when it succeeds (`guest-shutdown`, `guest-suspend-*`).
    pub(super) async fn send(&self, command: &str, arguments: Arguments) -> Result<(), Error> {
        let call = self.vm.settings().deadline(Call::new(command, arguments));
        if let Passage::Pretended(_) = self.vm.gate(Channel::Agent, &call).await? {
            return Ok(());
        }
        let agent = self.client().await?;
        match agent.send(call).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// Makes "no answer" into "stands still" or "does not run" where the monitor can tell.
    async fn explain(&self, error: client::Error) -> Error {
        let is_down = matches!(error, client::Error::AgentDown { .. });
        if !is_down || self.vm.target().qmp().is_none() {
            return self.vm.error(error);
        }
        match self.vm.status().await {
            // A guest that sleeps has closed the port too.
            Ok(status) if status != "running" => {
                return self.vm.error(ErrorKind::GuestStill { status });
            }
            _ => {}
        }
        if locate::port_is_open(&self.vm).await == Some(false) {
            return self.vm.error(ErrorKind::AgentNotRunning);
        }
        self.vm.error(error)
    }

    /// Sends a command without arguments and gives its reply as it is.
    async fn plain(&self, command: &str) -> Result<Value, Error> {
        self.call(command, Map::new()).await
    }

    pub(super) fn integer(&self, command: &str, value: &Value) -> Result<i64, Error> {
        value
            .as_i64()
            .ok_or_else(|| self.vm.reply_error(command, "number"))
    }
}
