//! Blank images: qcow2 images that QEMU itself makes (`blockdev-create`, QEMU 3.0) and opens as nodes, for a guest or a
//! job to write to. Only files that did not exist before are ever made, and only those are removed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::error::{Error, ErrorKind};
use super::image::on_this_host;
use super::machine::{Arguments, Vm, object};
use super::mode::Would;

/// How long the making of an empty image may take.
const CREATE: Duration = Duration::from_secs(60);

/// One image, as far as it has come.
pub(super) struct Blank {
    /// Its node; that of its file is called after it.
    pub(super) node: String,
    /// Where QEMU has it.
    pub(super) path: String,
    /// Where this host sees it, once it is made.
    pub(super) image: Option<PathBuf>,
    /// The nodes that are open, the lowest first.
    pub(super) opened: Vec<String>,
}

impl Blank {
    pub(super) fn new(node: String, path: &str) -> Self {
        Self {
            node,
            path: path.to_owned(),
            image: None,
            opened: Vec::new(),
        }
    }

    /// Makes the image with these options of `blockdev-create`, and opens it on top of the node `below` or of none, whatever
    /// its header names. `process` is QEMU's; `job` gives each job its id.
    ///
    /// Where it fails, what was made so far is known here, to be closed and removed.
    pub(super) async fn make(
        &mut self,
        vm: &Vm,
        process: Option<u32>,
        mut options: Arguments,
        below: Option<&str>,
        job: impl Fn() -> Result<String, Error>,
    ) -> Result<(), Error> {
        let file_node = format!("{}-file", self.node);
        vm.create_image(
            &job()?,
            json!({ "driver": "file", "filename": self.path, "size": 0 }),
        )
        .await?;
        self.image = Some(on_this_host(Path::new(&self.path), process));
        vm.open_node(json!({ "driver": "file", "node-name": file_node, "filename": self.path }))
            .await?;
        self.opened.push(file_node.clone());
        options.insert("driver".into(), "qcow2".into());
        options.insert("file".into(), file_node.as_str().into());
        vm.create_image(&job()?, Value::Object(options)).await?;
        vm.open_node(
            json!({ "driver": "qcow2", "node-name": self.node, "file": file_node, "backing": below }),
        )
        .await?;
        self.opened.push(self.node.clone());
        Ok(())
    }

    /// Closes its nodes; all that was written to it is on its disk then.
    pub(super) async fn close(&mut self, vm: &Vm) -> Result<(), Error> {
        while let Some(node) = self.opened.last() {
            vm.close_node(node).await?;
            self.opened.pop();
        }
        Ok(())
    }

    /// Removes its file from this host. The error says why it is left.
    pub(super) fn remove(&self, vm: &Vm) -> Result<(), String> {
        let Some(path) = self.image.as_deref() else {
            return Ok(());
        };
        let settings = vm.settings();
        let doing = "remove";
        if settings.recording.is_replay() || settings.mode.tells(&Would::File { doing, path }) {
            return Ok(());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

impl Vm {
    /// Fails where the path of an image to be made is relative, or names a file already. The look through QEMU's own eyes,
    /// since its file system need not be ours, costs a node called `probe` for a moment; `process` is QEMU's.
    pub(super) async fn refuse_taken(
        &self,
        path: &str,
        process: Option<u32>,
        probe: impl FnOnce() -> Result<String, Error>,
    ) -> Result<(), Error> {
        let refuse = |why: String| Err(self.error(ErrorKind::Argument(why)));
        if !path.starts_with('/') {
            return refuse(format!(
                "the overlay `{path}` is relative, and QEMU runs in a folder of its own; give an absolute path"
            ));
        }
        let exists = if self.settings().mode.is_dry_run() {
            // The node would be a change.
            on_this_host(Path::new(path), process).exists()
        } else {
            self.can_open(path, probe()?).await?
        };
        if exists {
            return refuse(format!("`{path}` exists already, and would be overwritten"));
        }
        Ok(())
    }

    async fn can_open(&self, path: &str, node: String) -> Result<bool, Error> {
        let probe =
            json!({ "driver": "file", "node-name": node, "filename": path, "read-only": true });
        match self.open_node(probe).await {
            Ok(()) => self.close_node(&node).await.map(|()| true),
            Err(error) if error.is_refusal() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Runs a `blockdev-create` job to its end.
    async fn create_image(&self, id: &str, options: Value) -> Result<(), Error> {
        let arguments = object(json!({ "job-id": id, "options": options }));
        self.call("blockdev-create", arguments).await?;
        self.job(id).wait(Some(CREATE), |_| {}).await.map(drop)
    }

    async fn open_node(&self, options: Value) -> Result<(), Error> {
        self.call("blockdev-add", object(options)).await.map(drop)
    }

    pub(super) async fn close_node(&self, node: &str) -> Result<(), Error> {
        self.call("blockdev-del", object(json!({ "node-name": node })))
            .await
            .map(drop)
    }
}
