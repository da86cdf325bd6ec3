//! The disks of a VM as an operator thinks of them, from `query-block`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Error;
use super::image;
use super::machine::Vm;
use super::recording::Difference;

/// A drive of the VM's: a disk, or a removable drive with or without a medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// The drive's name from before `-blockdev`, empty for modern ones.
    pub device: String,
    /// The device's id or path in the machine (`qdev`).
    pub qdev: Option<String>,
    /// The block node at the top, as in `disk0` or `#block123`; none in an empty drive.
    pub node: Option<String>,
    /// The image as QEMU knows it; may be relative to the folder that QEMU was started in.
    pub file: Option<String>,
    /// The image's absolute path, as QEMU sees it, where that can be told.
    pub path: Option<PathBuf>,
    /// The image's format, as in `qcow2` or `raw`.
    pub format: Option<String>,
    /// The size that the guest sees, in bytes.
    pub virtual_size: Option<u64>,
    /// The room that the image takes, in bytes.
    pub actual_size: Option<u64>,
    /// How many images lie below this one.
    pub backing_depth: Option<u64>,
    /// Whether the guest can write to it.
    pub writable: bool,
    /// Whether the medium can be changed.
    pub removable: bool,
    /// Whether the guest has locked the medium in.
    pub locked: bool,
    /// Whether the tray is open, in a drive that has one.
    pub tray_open: Option<bool>,
    /// The dirty bitmaps on the node.
    pub bitmaps: Vec<Bitmap>,
}

/// A dirty bitmap of a node's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bitmap {
    /// Its name; those that belong to jobs have none.
    pub name: Option<String>,
    /// Bytes that have changed, in whole granules.
    pub count: u64,
    /// The size of a granule, in bytes.
    pub granularity: u64,
    /// Whether it notes changes now.
    pub recording: bool,
    /// Whether it is kept in the image when QEMU ends.
    pub persistent: bool,
    /// Whether it was not saved properly and is good only to be removed.
    pub inconsistent: bool,
}

impl Vm {
    /// The VM's drives (`query-block`), those without a medium among them.
    pub async fn disks(&self) -> Result<Vec<Disk>, Error> {
        let reply = self.call("query-block", Map::new()).await?;
        let drives = reply
            .as_array()
            .ok_or_else(|| self.reply_error("query-block", "list"))?;
        let process = self.process().await?;
        let recording = &self.settings().recording;
        let path = |file: &str| {
            if file.starts_with('/') {
                return Ok(Some(file.into()));
            }
            let of = format!("the path of `{file}`");
            recording.observe(&of, || image::absolute(file, process))
        };
        let disks = drives.iter().map(|drive| disk(drive, path));
        disks
            .collect::<Result<_, Difference>>()
            .map_err(|difference| self.error(difference))
    }
}

/// A drive; `path` finds an image's absolute path.
fn disk<E>(
    drive: &Value,
    path: impl FnOnce(&str) -> Result<Option<PathBuf>, E>,
) -> Result<Disk, E> {
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let inserted = &drive["inserted"];
    let info = &inserted["image"];
    let file = text(&inserted["file"]).map(|name| image::file_of(&name));
    Ok(Disk {
        device: drive["device"].as_str().unwrap_or_default().to_owned(),
        qdev: text(&drive["qdev"]),
        node: text(&inserted["node-name"]),
        path: file.as_deref().map(path).transpose()?.flatten(),
        file,
        format: text(&inserted["drv"]),
        virtual_size: info["virtual-size"].as_u64(),
        actual_size: info["actual-size"].as_u64(),
        backing_depth: inserted["backing_file_depth"].as_u64(),
        writable: inserted["ro"] == false,
        removable: drive["removable"] == true,
        locked: drive["locked"] == true,
        tray_open: drive["tray_open"].as_bool(),
        bitmaps: inserted["dirty-bitmaps"]
            .as_array()
            .into_iter()
            .flatten()
            .map(bitmap)
            .collect(),
    })
}

/// A bitmap as `query-block` and `query-named-block-nodes` tell it.
pub(super) fn bitmap(entry: &Value) -> Bitmap {
    Bitmap {
        name: entry["name"].as_str().map(str::to_owned),
        count: entry["count"].as_u64().unwrap_or(0),
        granularity: entry["granularity"].as_u64().unwrap_or(0),
        recording: entry["recording"] == true,
        persistent: entry["persistent"] == true,
        inconsistent: entry["inconsistent"] == true,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it stands in for a look at the host"
    )]
    fn here(file: &str) -> Result<Option<PathBuf>, Difference> {
        Ok(Some(file.into()))
    }

    #[test]
    fn a_modern_disk_is_known_by_its_node_and_device() {
        let disk = disk(
            &json!({
                "device": "", "qdev": "/machine/peripheral/vd0/virtio-backend", "locked": false, "removable": false,
                "type": "unknown",
                "inserted": {
                    "node-name": "disk0", "drv": "qcow2", "file": "/srv/a.qcow2", "ro": false,
                    "backing_file_depth": 1,
                    "image": { "virtual-size": 1_048_576, "actual-size": 200_704 },
                    "dirty-bitmaps": [
                        { "name": "b0", "count": 65536, "granularity": 65536, "recording": true, "persistent": true,
                          "busy": false },
                        { "count": 0, "granularity": 65536, "recording": true, "persistent": false, "busy": true },
                    ],
                },
            }),
            here,
        )
        .unwrap();
        assert_eq!(disk.node.as_deref(), Some("disk0"));
        assert_eq!(disk.path.as_deref(), Some(Path::new("/srv/a.qcow2")));
        assert_eq!(disk.virtual_size, Some(1_048_576));
        assert!(disk.writable && !disk.removable);
        assert_eq!(disk.bitmaps[0].name.as_deref(), Some("b0"));
        assert_eq!(disk.bitmaps[1].name, None);
        assert!(!disk.bitmaps[0].inconsistent);
    }

    #[test]
    fn an_empty_drive_has_no_node_and_cannot_be_written() {
        let disk = disk(
            &json!({ "device": "ide1-cd0", "locked": false, "removable": true, "tray_open": true, "type": "unknown" }),
            here,
        )
        .unwrap();
        assert_eq!(
            (disk.node, disk.file, disk.virtual_size),
            (None, None, None)
        );
        assert!(!disk.writable && disk.removable);
        assert_eq!(disk.tray_open, Some(true));
    }
}
