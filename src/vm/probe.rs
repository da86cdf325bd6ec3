//! What one VM is at the moment: its state, its name and UUID, QEMU's version, whether its agent answers; or why that
//! cannot be told. It is asked in as few round trips as there can be: the greeting, and one batch of queries.

use serde_json::{Map, Value};
use tokio::join;

use super::agent::locate;
use super::error::{Error, ErrorKind};
use super::machine::{Vm, uuid_in};
use crate::client::Obstacle;
use crate::client::{self, Address, Agent, Call, Holder, Qmp, Unreachable};
use crate::vm::process::Process;

/// How long an agent may take to answer, at most: a moment is enough for one that runs.
const AGENT: std::time::Duration = std::time::Duration::from_secs(1);

/// What was found out about a VM. What is not known is absent.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    /// How it is.
    pub state: State,
    /// The name that it was started with (`query-name`).
    pub name: Option<String>,
    /// Its UUID (`query-uuid`).
    pub uuid: Option<String>,
    /// QEMU's version, from the greeting.
    pub version: Option<String>,
    /// How its agent is.
    pub agent: AgentState,
    /// Why its monitor told nothing.
    pub error: Option<Error>,
}

/// How a VM is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// QEMU's own word for it (`query-status`): `running`, `paused`, `prelaunch` and so on.
    Run(String),
    /// It does not run, as libvirt knows domains that do not.
    Off,
    /// Another client holds the monitor.
    Busy(Option<Holder>),
    /// Its monitor does not answer: it hangs, is stopped, or serves somebody who cannot be seen.
    Silent,
    /// Its socket is not for this user.
    Denied,
    /// It has left its socket behind, or somebody removed that.
    Stale,
    /// What answers at its socket is another program or another VM.
    Foreign,
    /// It ended while it was looked at.
    Gone,
    /// It has no monitor that can be reached from here.
    #[default]
    Unreachable,
}

impl State {
    /// The word for it; QEMU's own are as they came.
    pub fn word(&self) -> &str {
        match self {
            Self::Run(status) => status,
            Self::Off => "shut off",
            Self::Busy(_) => "busy",
            Self::Silent => "silent",
            Self::Denied => "denied",
            Self::Stale => "stale",
            Self::Foreign => "foreign",
            Self::Gone => "gone",
            Self::Unreachable => "unreachable",
        }
    }
}

/// How a guest's agent is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentState {
    /// It answers.
    Up,
    /// It does not.
    Down,
    /// It answers, and the guest's file systems are frozen.
    Frozen,
    /// Another client talks to it, which is left alone.
    Busy,
    /// The VM has no port for one.
    None,
    /// Nobody can be asked, or another VM's answers at its socket.
    #[default]
    Unknown,
}

impl AgentState {
    /// The word for it, if it is known.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Up => Some("up"),
            Self::Down => Some("down"),
            Self::Frozen => Some("frozen"),
            Self::Busy => Some("busy"),
            Self::None => Some("none"),
            Self::Unknown => None,
        }
    }
}

/// Asks a VM. Takes as long as the run's deadline for a monitor that is silent, and up to a second more for the agent.
pub async fn probe(vm: &Vm) -> Probed {
    match ask_monitor(vm).await {
        Ok((mut probed, monitor, chardevs)) => {
            probed.agent = agent(vm, Some(&chardevs)).await;
            monitor.close().await;
            probed
        }
        Err(error) => {
            let state = state_of(vm, &error);
            // Its guest may still be reached where only the monitor is not.
            let agent = match state {
                State::Busy(_) | State::Silent | State::Unreachable => agent(vm, None).await,
                _ => AgentState::Unknown,
            };
            Probed {
                state,
                agent,
                error: Some(error),
                ..Probed::default()
            }
        }
    }
}

/// What can be told of a VM whose monitor serves another client: nothing is sent to that.
pub(super) async fn probe_held(vm: &Vm, holder: Option<Holder>) -> Probed {
    let error = vm.monitor_address().map(|address| client::Error::Busy {
        address: address.clone(),
        holder: holder.clone(),
    });
    Probed {
        state: State::Busy(holder),
        agent: agent(vm, None).await,
        error: Some(error.map_or_else(|error| error, |error| vm.error(error))),
        ..Probed::default()
    }
}

/// What the monitor tells, the monitor, and its list of character devices where the agent's port is in it.
async fn ask_monitor(vm: &Vm) -> Result<(Probed, Qmp, Value), Error> {
    let monitor = vm.monitor().await?;
    let ask = async |command: &str| {
        let call = Call::new(command, Map::new());
        let reply = monitor.call(vm.settings().deadline(call)).await;
        reply.map_err(|error| vm.error(error))
    };
    let chardevs = async {
        match vm.target().agent() {
            Some(Address::Unix(_)) => ask("query-chardev").await,
            _ => Ok(Value::Null),
        }
    };
    // QEMU gets all of them at once, and answers at once.
    let (status, name, uuid, chardevs) = join!(
        ask("query-status"),
        ask("query-name"),
        ask("query-uuid"),
        chardevs
    );
    let text = |reply: &Value, member: &str| reply[member].as_str().map(str::to_owned);
    let status = text(&status?, "status");
    let status = status.ok_or_else(|| vm.reply_error("query-status", "status"))?;
    let probed = Probed {
        state: State::Run(status),
        name: text(&name?, "name"),
        uuid: uuid_in(&uuid?),
        version: Some(monitor.greeting().version.to_string()),
        ..Probed::default()
    };
    Ok((probed, monitor, chardevs?))
}

/// What an error of the monitor's says about the VM.
fn state_of(vm: &Vm, error: &Error) -> State {
    use client::Error as E;
    let ErrorKind::Client(error) = &error.kind else {
        return match error.kind {
            ErrorKind::OtherVm { .. } => State::Foreign,
            _ => State::Unreachable,
        };
    };
    let process = vm.target().identity().pid;
    let has_ended = process.is_some_and(|pid| Process::running(pid).is_none());
    match error {
        E::Busy { holder, .. } => State::Busy(holder.clone()),
        E::Silent { .. } | E::Timeout { .. } => State::Silent,
        E::NotQmp { .. } | E::Malformed { .. } | E::TooLarge { .. } => State::Foreign,
        E::Connect { source, .. } => match source {
            Unreachable::Denied { .. } | Unreachable::Libvirt(Obstacle::Denied(_)) => State::Denied,
            Unreachable::Libvirt(Obstacle::ShutOff) => State::Off,
            Unreachable::Libvirt(Obstacle::NoDomain) | Unreachable::Left(_) => State::Gone,
            Unreachable::NotASocket => State::Foreign,
            Unreachable::Missing | Unreachable::Refused if has_ended => State::Gone,
            Unreachable::Missing | Unreachable::Refused => State::Stale,
            _ => State::Unreachable,
        },
        E::Gone { .. } => State::Gone,
        _ => State::Unreachable,
    }
}

/// How the agent is: by its port as far as the monitor tells, and then by asking it. Nothing is sent to one that is down,
/// where it would wait and be carried out later, nor to one that serves another client.
async fn agent(vm: &Vm, chardevs: Option<&Value>) -> AgentState {
    let address = match vm.target().agent() {
        Some(address) => address.clone(),
        // Its command line was read, and has no port for one.
        None if vm.target().identity().pid.is_some() => return AgentState::None,
        None if chardevs.is_none() => return AgentState::Unknown,
        None => match locate::socket(vm).await {
            Ok(address) => address,
            Err(error) if matches!(error.kind, ErrorKind::NoAgent(_)) => return AgentState::None,
            Err(_) => return AgentState::Unknown,
        },
    };
    match chardevs.and_then(|chardevs| locate::port(chardevs, &address)) {
        Some(port) if !port.is_open => return AgentState::Down,
        Some(port) if port.is_held => return AgentState::Busy,
        _ => {}
    }
    let settings = vm.settings();
    let patience = settings.timeout.unwrap_or(AGENT).min(AGENT);
    let agent = Agent::new(address, settings.tap.clone()).with_sync_deadline(patience);
    agent.expect_server(vm.agent_server().await.unwrap_or_default());
    let call = Call::new("guest-fsfreeze-status", Map::new()).within(patience);
    match agent.call(call).await {
        Ok(status) if status == "frozen" => AgentState::Frozen,
        Ok(_)
        | Err(
            client::Error::Refused { .. }
            | client::Error::Disabled { .. }
            | client::Error::Frozen { .. },
        ) => AgentState::Up,
        Err(client::Error::Busy { .. }) => AgentState::Busy,
        Err(
            client::Error::AgentDown { .. }
            | client::Error::Silent { .. }
            | client::Error::Timeout { .. },
        ) => AgentState::Down,
        Err(client::Error::Connect {
            source: Unreachable::Libvirt(Obstacle::NoAgent),
            ..
        }) => AgentState::None,
        Err(_) => AgentState::Unknown,
    }
}
