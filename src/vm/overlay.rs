//! Overlays: empty images on top of a VM's disks, made and opened before they are needed, taken away if they are not.
//!
//! They are made by QEMU itself (`blockdev-create`, QEMU 3.0), all of them or none. Until they are kept, releasing them
//! leaves the VM as it was: an overlay that a transaction attached is committed back into its disk first, and nodes and
//! files are removed. Only files that did not exist before are ever made, and only those are removed.

mod undo;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::disk::Disk;
use super::error::{Error, ErrorKind};
use super::image::identity;
use super::machine::{Vm, object};
use super::process::Process;

/// How long the making of an empty image may take.
const CREATE: Duration = Duration::from_secs(60);

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
    // QEMU, where it can be seen.
    server: Option<Process>,
    kept: AtomicBool,
    made: Mutex<Vec<Overlay>>,
    plan: Vec<Attached>,
}

/// One overlay, as far as it has come.
struct Overlay {
    base: String,
    node: String,
    path: String,
    image: Option<Image>,
    opened: Vec<String>,
}

/// The image of an overlay, once it is made.
struct Image {
    // Where this host sees it.
    path: PathBuf,
    // Its length before anything was written to it; what is written makes it longer.
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
        let server = self.process().await?.and_then(Process::running);
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

    /// Runs a `blockdev-create` job to its end.
    async fn create_image(&self, options: Value) -> Result<(), Error> {
        let id = format!("qmpsh-create-{}", self.nonce()?);
        let arguments = object(json!({ "job-id": id, "options": options }));
        self.call("blockdev-create", arguments).await?;
        self.job(&id).wait(Some(CREATE), |_| {}).await.map(drop)
    }

    async fn open_node(&self, options: Value) -> Result<(), Error> {
        self.call("blockdev-add", object(options)).await.map(drop)
    }

    async fn close_node(&self, node: &str) -> Result<(), Error> {
        self.call("blockdev-del", object(json!({ "node-name": node })))
            .await
            .map(drop)
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
        if !wanted.file.starts_with('/') {
            return refuse(format!(
                "the overlay `{}` is relative, and QEMU runs in a folder of its own; give an absolute path",
                wanted.file
            ));
        }
        if self.exists(&wanted.file).await? {
            return refuse(format!(
                "`{}` exists already, and would be overwritten",
                wanted.file
            ));
        }
        let node = format!("qmpsh-{}", vm.nonce()?);
        let file_node = format!("{node}-file");
        let made = self.made.get_mut();
        made.push(Overlay {
            base: base.clone(),
            node: node.clone(),
            path: wanted.file.clone(),
            image: None,
            opened: Vec::new(),
        });
        let Some(overlay) = made.last_mut() else {
            return Ok(());
        };
        vm.create_image(json!({ "driver": "file", "filename": wanted.file, "size": 0 }))
            .await?;
        let process = self.server.map(|server| server.pid);
        let image = overlay.image.insert(Image {
            path: on_this_host(&wanted.file, process),
            empty: None,
        });
        vm.open_node(json!({ "driver": "file", "node-name": file_node, "filename": wanted.file }))
            .await?;
        overlay.opened.push(file_node.clone());
        vm.create_image(json!({
            "driver": "qcow2", "file": file_node, "size": size,
            "backing-file": path, "backing-fmt": image_format(format),
        }))
        .await?;
        image.empty = length(&image.path);
        // Without a backing node for now: `blockdev-snapshot` puts the disk there.
        vm.open_node(
            json!({ "driver": "qcow2", "node-name": node, "file": file_node, "backing": null }),
        )
        .await?;
        overlay.opened.push(node.clone());
        self.plan.push(Attached {
            node: base.clone(),
            overlay: node,
            file: wanted.file.clone(),
        });
        Ok(())
    }

    /// Whether QEMU can open the file already: its own eyes, since its file system need not be ours.
    async fn exists(&self, path: &str) -> Result<bool, Error> {
        if self.vm.settings().mode.is_dry_run() {
            // The look through QEMU costs a node for a moment, which is a change.
            let process = self.server.map(|server| server.pid);
            return Ok(on_this_host(path, process).exists());
        }
        let node = format!("qmpsh-probe-{}", self.vm.nonce()?);
        let probe =
            json!({ "driver": "file", "node-name": node, "filename": path, "read-only": true });
        match self.vm.open_node(probe).await {
            Ok(()) => self.vm.close_node(&node).await.map(|()| true),
            Err(error) if error.is_refusal() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Where this host sees a file that QEMU made: under its own path, or through QEMU's process.
fn on_this_host(path: &str, process: Option<u32>) -> PathBuf {
    let Some(process) = process else {
        return PathBuf::from(path);
    };
    let through = PathBuf::from(format!("/proc/{process}/root{path}"));
    match (identity(&through), identity(Path::new(path))) {
        (Some(theirs), Some(ours)) if theirs == ours => PathBuf::from(path),
        (Some(_), _) => through,
        (None, _) => PathBuf::from(path),
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
