//! Overlays: empty images on top of a VM's disks, made and opened before they are needed, taken away if they are not.
//!
//! They are made by QEMU itself (`blockdev-create`, QEMU 3.0), all of them or none. Until they are kept, releasing them
//! leaves the VM as it was: an overlay that a transaction attached is committed back into its disk first, and nodes and
//! files are removed. Only files that did not exist before are ever made, and only those are removed.

mod undo;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::blank::Blank;
use super::disk::Disk;
use super::error::{Error, ErrorKind};
use super::machine::{Vm, object};
use super::server::Server;

/// An overlay to make.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OverlayPlan {
    /// The node that it goes on top of: the one at the top of a disk (`v.disks()`).
    pub node: String,
    /// The image to make, as an absolute path on QEMU's host.
    pub file: String,
}

/// Overlays that are made and opened, and attached by nobody yet.
pub struct Overlays {
    vm: Vm,
    server: Server,
    kept: AtomicBool,
    made: Mutex<Vec<Overlay>>,
    plan: Vec<Attached>,
}

/// One overlay, as far as it has come.
struct Overlay {
    base: String,
    blank: Blank,
    // The image's length before anything was written to it; what is written makes it longer.
    empty: Option<u64>,
}

/// What a transaction attaches: which overlay goes on which node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// The node of the disk.
    pub node: String,
    /// The overlay's node.
    pub overlay: String,
    /// The overlay's image.
    pub file: String,
}

impl Vm {
    /// Makes and opens an overlay for each disk of `plan`; none is left when one fails.
    pub async fn overlays(&self, plan: &[OverlayPlan]) -> Result<Overlays, Error> {
        let disks = self.disks().await?;
        let server = Server::of(self).await?;
        let mut overlays = Overlays {
            vm: self.clone(),
            server,
            kept: false.into(),
            made: Mutex::new(Vec::new()),
            plan: Vec::new(),
        };
        for wanted in plan {
            if let Err(error) = overlays.make(wanted, &disks).await {
                // The first error is the one to tell; what cannot be cleaned up is told with it.
                return Err(match overlays.release().await {
                    Ok(()) => error,
                    Err(left) => self.error(ErrorKind::LeftBehind {
                        error: Box::new(error.kind),
                        left: left.kind.to_string(),
                    }),
                });
            }
        }
        Ok(overlays)
    }
}

impl Overlays {
    /// Which overlay goes on which node.
    pub fn plan(&self) -> &[Attached] {
        &self.plan
    }

    /// The actions that attach all of them, for one `transaction`.
    pub fn actions(&self) -> Vec<Value> {
        self.plan
            .iter()
            .map(|one| {
                json!({
                    "type": "blockdev-snapshot",
                    "data": { "node": one.node, "overlay": one.overlay },
                })
            })
            .collect()
    }

    /// Says that the overlays are to stay: releasing them does nothing from now on.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    async fn make(&mut self, wanted: &OverlayPlan, disks: &[Disk]) -> Result<(), Error> {
        let vm = &self.vm;
        let refuse = |why: String| Err(vm.error(ErrorKind::Argument(why)));
        let base = &wanted.node;
        let Some(disk) = disks.iter().find(|disk| disk.node.as_deref() == Some(base)) else {
            return refuse(format!("no disk has the node `{base}` at its top"));
        };
        let (Some(path), Some(format), Some(size)) = (&disk.path, &disk.format, disk.virtual_size)
        else {
            return refuse(format!(
                "the image of node `{base}` is `{}`, whose absolute path cannot be told, so an overlay could not name it",
                disk.file.as_deref().unwrap_or_default()
            ));
        };
        let process = self.server.pid();
        vm.refuse_taken(&wanted.file, process, || {
            Ok(format!("qmpsh-probe-{}", vm.nonce()?))
        })
        .await?;
        let node = format!("qmpsh-{}", vm.nonce()?);
        let made = self.made.get_mut();
        made.push(Overlay {
            base: base.clone(),
            blank: Blank::new(node.clone(), &wanted.file),
            empty: None,
        });
        let Some(overlay) = made.last_mut() else {
            return Ok(());
        };
        // Opened without its backing node for now: `blockdev-snapshot` puts the disk there.
        let options = object(json!({
            "size": size, "backing-file": path, "backing-fmt": image_format(format),
        }));
        let job = || Ok(format!("qmpsh-create-{}", vm.nonce()?));
        overlay.blank.make(vm, process, options, None, job).await?;
        overlay.empty = overlay.blank.image.as_deref().and_then(length);
        self.plan.push(Attached {
            node: base.clone(),
            overlay: node,
            file: wanted.file.clone(),
        });
        Ok(())
    }
}

fn length(image: &Path) -> Option<u64> {
    std::fs::metadata(image).map(|data| data.len()).ok()
}

/// The format of an image whose node has this driver: that of a plain file or device is `raw`.
fn image_format(driver: &str) -> &str {
    match driver {
        "file" | "host_device" => "raw",
        format => format,
    }
}
