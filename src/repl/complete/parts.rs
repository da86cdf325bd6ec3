//! Which parts of a VM an argument names: decided by what the command and the argument are called.

use super::place::Given;
use crate::vm::glance::Subject;

/// Commands whose `id` or `node-name` names what they make, and nothing that is there.
const MAKERS: [&str; 6] = [
    "blockdev-add",
    "block-export-add",
    "chardev-add",
    "device_add",
    "netdev_add",
    "object-add",
];

/// Commands whose `target` is a file, which they make where it is not there.
fn copies_to_file(command: &str) -> bool {
    command.starts_with("drive-")
}

/// What the text of the argument `key` of `command` can be found in; `given` are the arguments beside it.
pub(super) fn of(command: &str, key: &str, given: &Given<'_>) -> Vec<Subject> {
    use Subject as S;
    let is_made = MAKERS.contains(&command) || command.starts_with("block-dirty-bitmap-add");
    let bitmaps = || {
        let of = ["node", "device", "id"]
            .iter()
            .find_map(|key| given.text(key));
        of.map(S::Bitmaps).into_iter().collect()
    };
    match (command, key) {
        ("device_add", "driver") | (_, "typename") => vec![S::DeviceTypes],
        ("device_add", "drive") => vec![S::Nodes, S::BlockDevices],
        (_, "id" | "node-name" | "name" | "label") if is_made => Vec::new(),
        ("device_del" | "device-sync-config", "id") => vec![S::Devices],
        ("netdev_del", "id") | (_, "netdev") => vec![S::Netdevs],
        ("set_link", "name") => vec![S::Netdevs, S::Devices],
        ("object-del", "id") | (_, "iothread" | "memdev") => vec![S::Objects],
        ("block-export-del", "id") | ("nbd-server-remove", "name") => vec![S::Exports],
        (_, "chardev") => vec![S::Chardevs],
        (_, "id" | "device")
            if command.starts_with("chardev-") || command.starts_with("ringbuf-") =>
        {
            vec![S::Chardevs]
        }
        (_, "id") if command.starts_with("job-") => vec![S::Jobs],
        (_, "device" | "job-id") if command.starts_with("block-job-") => vec![S::Jobs],
        (_, "bitmap") => bitmaps(),
        (_, "name" | "target" | "bitmaps") if command.starts_with("block-dirty-bitmap-") => {
            bitmaps()
        }
        ("qom-get" | "qom-set", "property") => {
            given.text("path").map(S::Properties).into_iter().collect()
        }
        (_, "target") if copies_to_file(command) => Vec::new(),
        (
            _,
            "node" | "node-name" | "base-node" | "top-node" | "overlay" | "replaces" | "target"
            | "backing" | "nodename" | "parent",
        ) => vec![S::Nodes],
        (_, "device") => vec![S::BlockDevices, S::Nodes],
        (_, "id") => vec![S::Devices, S::BlockDevices],
        _ => Vec::new(),
    }
}

/// Whether an argument's text is a path in the object tree.
pub(super) fn is_object_path(command: &str, key: &str) -> bool {
    key == "qom-path" || (key == "path" && command.starts_with("qom-"))
}

/// Whether an argument's text is a file of the host's.
pub(super) fn is_file(command: &str, key: &str) -> bool {
    matches!(
        key,
        "filename" | "snapshot-file" | "new-image-file" | "backing-file"
    ) || (key == "target" && copies_to_file(command))
}
