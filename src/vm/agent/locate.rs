//! Finding the agent's socket, and whether anybody listens behind it, by asking the VM's monitor.
//!
//! The machine's own object tree says which character device the agent's port is on; nothing is guessed from names.

use serde_json::{Map, Value, json};

use crate::client::Address;
use crate::vm::chardev::socket_path;
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::{Vm, object};

/// The name that the agent's port has on every platform.
const PORT: &str = "org.qemu.guest_agent.0";

/// Where devices live in the machine: those with an id, and those without.
const DEVICE_FOLDERS: [&str; 2] = ["/machine/peripheral", "/machine/peripheral-anon"];

/// The agent's socket, from the machine's devices and QEMU's process.
pub(in crate::vm) async fn socket(vm: &Vm) -> Result<Address, Error> {
    let unknown = |why: &str| vm.error(ErrorKind::NoAgent(why.to_owned()));
    let Some(chardev) = agent_chardev(vm).await? else {
        return Err(unknown(
            "the machine has no virtserialport named org.qemu.guest_agent.0",
        ));
    };
    let filename = chardev["filename"].as_str().unwrap_or_default();
    let Some(path) = socket_path(filename) else {
        return Err(unknown(&format!(
            "the agent's port is on `{filename}`, which is no socket that can be connected to"
        )));
    };
    if path.is_absolute() {
        return Ok(Address::Unix(path));
    }
    // Relative to QEMU's own folder, which only a process on this host shows.
    let process = vm.process().await?;
    let look = || process.and_then(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).ok());
    let of = format!("the folder of {}'s process", vm.label());
    let folder = vm
        .settings()
        .recording
        .observe(&of, look)
        .map_err(|difference| vm.error(difference))?;
    match folder {
        Some(folder) => Ok(Address::Unix(folder.join(path))),
        None => Err(unknown(&format!(
            "QEMU knows it as `{}`, and the folder of its process cannot be seen",
            path.display()
        ))),
    }
}

/// The host's end of the agent's port.
pub(in crate::vm) struct Port {
    /// Whether the guest has it open.
    pub(in crate::vm) is_open: bool,
    /// Whether a client is connected to its socket.
    pub(in crate::vm) is_held: bool,
}

/// The port that is on the socket at `address`, from the reply to `query-chardev`.
pub(in crate::vm) fn port(chardevs: &Value, address: &Address) -> Option<Port> {
    let Address::Unix(address) = address else {
        return None;
    };
    chardevs.as_array()?.iter().find_map(|chardev| {
        let filename = chardev["filename"].as_str()?;
        // QEMU may be in a folder or a root of its own, and the address lead there.
        let path = socket_path(filename)?;
        address
            .ends_with(path.strip_prefix("/").unwrap_or(&path))
            .then(|| Port {
                is_open: chardev["frontend-open"] == true,
                is_held: !filename.starts_with("disconnected:"),
            })
    })
}

/// Whether the guest has the agent's port open, where the monitor can be asked within the usual time.
pub(super) async fn port_is_open(vm: &Vm) -> Option<bool> {
    vm.target().qmp()?;
    let chardev = agent_chardev(vm).await.ok()??;
    chardev["frontend-open"].as_bool()
}

/// The `query-chardev` entry of the agent's port.
async fn agent_chardev(vm: &Vm) -> Result<Option<Value>, Error> {
    for folder in DEVICE_FOLDERS {
        let devices = qom(vm, "qom-list", json!({ "path": folder })).await?;
        for device in devices.as_array().into_iter().flatten() {
            if device["type"] != "child<virtserialport>" {
                continue;
            }
            let path = format!("{folder}/{}", device["name"].as_str().unwrap_or_default());
            let name = qom(vm, "qom-get", json!({ "path": path, "property": "name" })).await?;
            if name != PORT {
                continue;
            }
            let label = qom(
                vm,
                "qom-get",
                json!({ "path": path, "property": "chardev" }),
            )
            .await?;
            let chardevs = vm.call("query-chardev", Map::new()).await?;
            return Ok(chardevs
                .as_array()
                .into_iter()
                .flatten()
                .find(|chardev| chardev["label"] == label)
                .cloned());
        }
    }
    Ok(None)
}

async fn qom(vm: &Vm, command: &str, arguments: Value) -> Result<Value, Error> {
    vm.call(command, object(arguments)).await
}
