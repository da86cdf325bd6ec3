//! A VM as qmpsh holds it: cheap to clone, connected on first use, reconnected for what only reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;

use super::agent::GuestAgent;
use super::effect::Effect;
use super::error::{Error, ErrorKind};
use super::event::Filter;
use super::follow::Follow;
use super::gate::Passage;
use super::job::{Completing, Job};
use super::migration::Migration;
use super::pretence::Pretence;
use super::proof::Proof;
use super::recording::Recording;
use super::release::Release;
use super::schema::Known;
use super::settings::Settings;
use super::target::Target;
use super::watch::Watch;
use crate::client::call::CONNECT;
use crate::client::libvirt::is_here;
use crate::client::{self, Address, Agent, Call, Channel, Qmp, Silence, Tap};

/// The UUID of a VM that was given none (`query-uuid`): it names nothing.
const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// The arguments of a command.
pub type Arguments = Map<String, Value>;

/// A handle on one VM; all clones share its connections.
#[derive(Clone)]
pub struct Vm {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    settings: Arc<Settings>,
    proof: Proof,
    monitor: Mutex<Option<Qmp>>,
    // What the QEMU behind the monitor can do, once it was asked; forgotten with the connection.
    commands: Mutex<Option<Arc<BTreeSet<String>>>>,
    schema: Mutex<Option<Known>>,
    agent: OnceCell<Agent>,
    completing: Completing,
    pretence: Pretence,
}

impl Vm {
    /// A handle on the VM that `target` names. Nothing is connected yet.
    pub fn new(target: Target, settings: Arc<Settings>) -> Self {
        let proof = Proof::of(target.identity().clone());
        Self {
            shared: Arc::new(Shared {
                target,
                settings,
                proof,
                monitor: Mutex::new(None),
                commands: Mutex::new(None),
                schema: Mutex::new(None),
                agent: OnceCell::new(),
                completing: Completing::default(),
                pretence: Pretence::default(),
            }),
        }
    }

    /// Whether both are handles on the same connections.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The VM as the user named it.
    pub fn label(&self) -> &str {
        self.shared.target.label()
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.shared.settings
    }

    /// Where it is.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// What it is expected to be.
    pub(super) fn proof(&self) -> &Proof {
        &self.shared.proof
    }

    /// Where the agent's connection is kept once its address is known.
    pub(super) fn agent_cell(&self) -> &OnceCell<Agent> {
        &self.shared.agent
    }

    /// Where the names of the commands are kept once they are known.
    pub(super) fn commands_slot(&self) -> &Mutex<Option<Arc<BTreeSet<String>>>> {
        &self.shared.commands
    }

    /// Where the schema is kept once it is known.
    pub(super) fn schema_slot(&self) -> &Mutex<Option<Known>> {
        &self.shared.schema
    }

    /// The jobs that were asked to do their last step.
    pub(super) fn completing(&self) -> &Completing {
        &self.shared.completing
    }

    /// Random digits for names that must differ from all others; in a replay, those that were recorded.
    pub(super) fn nonce(&self) -> Result<String, Error> {
        let recording = &self.settings().recording;
        recording
            .observe("digits of a made-up name", client::nonce)
            .map_err(|difference| self.error(difference))
    }

    /// What a dry run has pretended to this VM.
    pub(super) fn pretence(&self) -> &Pretence {
        &self.shared.pretence
    }

    /// What is shown the messages of this VM.
    pub(super) fn tap(&self) -> Option<Arc<dyn Tap>> {
        let tap = self.settings().tap.clone()?;
        Some(client::tap::named(tap, self.label()))
    }

    /// An error on this VM.
    pub(super) fn error(&self, kind: impl Into<ErrorKind>) -> Error {
        let mut kind = kind.into();
        if let (ErrorKind::Client(_), Recording::Play(player)) = (&kind, &self.settings().recording)
        {
            // The clients saw no more of it than an end of their connection.
            if let Some(difference) = player.difference() {
                kind = difference.into();
            }
        }
        Error {
            vm: self.label().to_owned(),
            kind,
        }
    }

    /// Where the monitor is; fails where only the agent is known.
    pub fn monitor_address(&self) -> Result<&Address, Error> {
        self.target()
            .qmp()
            .ok_or_else(|| self.error(ErrorKind::NoMonitor))
    }

    /// The monitor's connection, made now if there is none or the last one was lost.
    ///
    /// Blocks up to 5 s for the connection and the greeting; fails when the socket is missing, refused, silent, or held
    /// by another client, when another VM answers there than the one that was found, and when its QEMU is too old for
    /// the run.
    pub(super) async fn monitor(&self) -> Result<Qmp, Error> {
        let address = self.monitor_address()?;
        let settings = self.settings();
        let deadline = settings.timeout.unwrap_or(CONNECT);
        // Tasks that wait for a silent monitor give up together, not one after the other.
        let Ok(mut slot) = timeout(deadline, self.shared.monitor.lock()).await else {
            return Err(self.error(client::Error::Silent {
                address: address.clone(),
                after: deadline,
                why: Silence::default(),
            }));
        };
        if let Some(qmp) = slot.as_ref().filter(|qmp| !qmp.is_closed()) {
            self.prove(qmp).await?;
            self.is_new_enough(qmp)?;
            return Ok(qmp.clone());
        }
        let connected = match &settings.recording {
            Recording::Play(player) => match player.dialer(self.label(), Channel::Qmp).dial() {
                Ok(stream) => Qmp::over(stream, address.clone(), deadline, self.tap()).await,
                Err(error) => Err(error),
            },
            Recording::Off | Recording::Write(_) => {
                Qmp::connect(address, deadline, self.tap()).await
            }
        };
        let qmp = connected.map_err(|error| self.error(error))?;
        self.proof().begin_again();
        self.prove(&qmp).await?;
        self.is_new_enough(&qmp)?;
        *slot = Some(qmp.clone());
        // Another QEMU may listen there by now.
        *self.shared.commands.lock().await = None;
        *self.shared.schema.lock().await = None;
        Ok(qmp)
    }

    /// Fails if the QEMU at the other end is older than what the run is for.
    fn is_new_enough(&self, monitor: &Qmp) -> Result<(), Error> {
        let version = &monitor.greeting().version;
        match self.settings().need.now() {
            Some(needed) if Release::from(version) < needed.qemu => {
                Err(self.error(ErrorKind::TooOld {
                    version: version.clone(),
                    needed,
                }))
            }
            _ => Ok(()),
        }
    }

    /// Whether the monitor's connection is there. None is made, and one that is being made counts as there.
    pub fn is_connected(&self) -> bool {
        self.shared.monitor.try_lock().map_or(true, |slot| {
            slot.as_ref().is_some_and(|qmp| !qmp.is_closed())
        })
    }

    /// Closes the monitor's connection; it is free for the next client when this returns.
    pub(super) async fn disconnect(&self) {
        if let Some(qmp) = self.shared.monitor.lock().await.take() {
            qmp.close().await;
        }
    }

    /// The process that serves the monitor's socket, where it can be seen.
    pub(super) async fn process(&self) -> Result<Option<u32>, Error> {
        let monitor = self.monitor().await?;
        match monitor.address() {
            Address::Libvirt { uri, .. } if is_here(uri) => self.domain_process().await,
            _ => Ok(monitor.peer_pid()),
        }
    }

    /// Sends a QMP command and gives its reply.
    ///
    /// Waits up to 30 s (60 s for block and device changes, more for large arguments). A read is sent once more when
    /// the connection was lost; a change never is.
    pub async fn call(&self, command: &str, arguments: Arguments) -> Result<Value, Error> {
        let call = self.settings().deadline(Call::new(command, arguments));
        self.send(call).await
    }

    /// Sends a QMP command with a deadline of its own; otherwise as [`Vm::call`].
    pub async fn call_within(
        &self,
        command: &str,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Value, Error> {
        let call = Call::new(command, arguments).within(deadline);
        self.send(call).await
    }

    async fn send(&self, call: Call) -> Result<Value, Error> {
        let effect = match self.gate(Channel::Qmp, &call).await? {
            Passage::Send(effect) => effect,
            Passage::Pretended(reply) => return Ok(reply),
        };
        let command = call.command.clone();
        let again = (effect == Effect::Read).then(|| call.clone());
        let mut monitor = self.monitor().await?;
        let reply = match (monitor.call(call).await, again) {
            (Err(client::Error::Gone { .. }), Some(call)) => {
                monitor = self.monitor().await?;
                monitor.call(call).await
            }
            (reply, _) => reply,
        };
        match reply {
            Ok(value) => Ok(self.amended(&command, value)),
            Err(error) => Err(self.explain(&monitor, error).await),
        }
    }

    /// A line for the human monitor, and the text that it prints (`human-monitor-command`).
    ///
    /// The human monitor tells its errors as text too.
    pub async fn hmp(&self, line: &str) -> Result<String, Error> {
        let command = "human-monitor-command";
        let call = Call::new(command, object(json!({ "command-line": line })));
        let call = self.settings().deadline(call);
        match self.send(call).await? {
            Value::String(text) => Ok(text.replace("\r\n", "\n")),
            _ => Err(self.reply_error(command, "text")),
        }
    }

    pub(super) fn reply_error(&self, command: &str, expected: &'static str) -> Error {
        self.error(ErrorKind::Reply {
            command: command.to_owned(),
            expected,
        })
    }

    /// Does all `actions` or none of them (`transaction`, QEMU 1.1), each `{ "type": ..., "data": { ... } }`.
    pub async fn transaction(
        &self,
        actions: Vec<Value>,
        properties: Arguments,
    ) -> Result<(), Error> {
        let mut arguments = object(json!({ "actions": actions }));
        if !properties.is_empty() {
            arguments.insert("properties".into(), Value::Object(properties));
        }
        self.call("transaction", arguments).await.map(drop)
    }

    /// Follows the events that pass one of the filters, or all when there is none, from now on.
    pub async fn watch(&self, filters: &[Filter]) -> Result<Watch, Error> {
        let monitor = self.monitor().await?;
        let events = monitor.subscribe();
        if matches!(monitor.address(), Address::Libvirt { .. }) {
            // libvirt is told of the wish by a process of its own; once a command is answered, it knows.
            self.call("query-version", Map::new()).await?;
        }
        Ok(Watch::new(self.clone(), filters, events))
    }

    /// Follows all events of the connection that there is, to its end; none where nothing is connected now.
    pub fn watch_connected(&self) -> Option<Watch> {
        // Who holds it makes a connection just now.
        let slot = self.shared.monitor.try_lock().ok()?;
        let monitor = slot.as_ref().filter(|qmp| !qmp.is_closed())?;
        Some(Watch::new(self.clone(), &[], monitor.subscribe()))
    }

    /// Follows all events from now on, also when the connection is lost and comes back. Nothing is connected yet.
    pub fn follow(&self) -> Follow {
        Follow::new(self.clone())
    }

    /// The job `id`, whether QEMU knows it yet or not.
    pub fn job(&self, id: &str) -> Job {
        Job::new(self.clone(), id)
    }

    /// The VM's migration, whether there is one yet or not.
    pub fn migration(&self) -> Migration {
        Migration::new(self.clone())
    }

    /// The guest's agent.
    pub fn agent(&self) -> GuestAgent {
        GuestAgent::new(self.clone())
    }

    /// The name that the VM was started with (`query-name`), if any.
    pub async fn name(&self) -> Result<Option<String>, Error> {
        let reply = self.call("query-name", Map::new()).await?;
        Ok(reply["name"].as_str().map(str::to_owned))
    }

    /// The UUID that the VM was started with (`query-uuid`), if any.
    pub async fn uuid(&self) -> Result<Option<String>, Error> {
        let reply = self.call("query-uuid", Map::new()).await?;
        let uuid = reply["UUID"]
            .as_str()
            .ok_or_else(|| self.reply_error("query-uuid", "UUID"))?;
        Ok((uuid != NO_UUID).then(|| uuid.to_owned()))
    }

    /// The run state, as in `running`, `paused` or `prelaunch` (`query-status`).
    pub async fn status(&self) -> Result<String, Error> {
        let reply = self.call("query-status", Map::new()).await?;
        match reply["status"].as_str() {
            Some(status) => Ok(status.to_owned()),
            None => Err(self.reply_error("query-status", "status")),
        }
    }

    /// QEMU's version, as in `10.0.2`, from the monitor's greeting.
    pub async fn version(&self) -> Result<String, Error> {
        Ok(self.monitor().await?.greeting().version.to_string())
    }
}

/// The UUID in a reply to `query-uuid`, in lower case.
pub(super) fn uuid_in(reply: &Value) -> Option<String> {
    let uuid = reply["UUID"].as_str().filter(|uuid| *uuid != NO_UUID);
    uuid.map(str::to_ascii_lowercase)
}

/// The members of an object that was written with `json!`.
pub(super) fn object(value: Value) -> Arguments {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
