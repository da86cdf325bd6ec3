//! Taking overlays away again: from the VM that has them, or from the host when the VM has ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{Image, Overlay, Overlays, length};
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::object;
use crate::vm::mode::Would;

/// QEMU's connections end a moment before its process does.
const LAST_BREATH: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// How long the commit of an overlay may take that was attached a moment ago.
const COMMIT: Duration = Duration::from_secs(600);

impl Overlays {
    /// Takes the overlays away, unless they are kept; with one attached, its disk has all data when this returns.
    ///
    /// Goes on after an error, and tells at the end what is left behind. When QEMU has ended, images that nothing was
    /// written to are removed, and the others are left: they hold what the guest wrote.
    pub async fn release(&self) -> Result<(), Error> {
        let mut made = self.made.lock().await;
        if self.kept.load(Ordering::Relaxed) {
            made.clear();
        }
        let mut left = Vec::new();
        while let Some(overlay) = made.pop() {
            if let Err(why) = self.take_away(&overlay).await {
                left.push(format!(
                    "`{}` (node `{}`): {why}",
                    overlay.path, overlay.node
                ));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(self.vm.error(ErrorKind::Overlays(left.join("; "))))
    }

    /// The error says why it is left.
    async fn take_away(&self, overlay: &Overlay) -> Result<(), String> {
        if let Err(error) = self.detach(overlay).await {
            let why = error.kind.to_string();
            if error.is_refusal()
                || !self
                    .has_ended()
                    .await
                    .map_err(|error| error.kind.to_string())?
            {
                return Err(why);
            }
            match &overlay.image {
                Some(image) if image.path.as_os_str() != overlay.path.as_str() => return Err(why),
                Some(image)
                    if self
                        .is_written(image)
                        .map_err(|error| error.kind.to_string())? =>
                {
                    return Err("the VM has ended, and it holds what the guest wrote last".into());
                }
                _ => {}
            }
        }
        let Some(image) = &overlay.image else {
            return Ok(());
        };
        let settings = self.vm.settings();
        let (doing, path) = ("remove", image.path.as_path());
        if settings.recording.is_replay() || settings.mode.tells(&Would::File { doing, path }) {
            return Ok(());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    /// Takes the overlay out of the VM, with its data brought down where it is attached.
    async fn detach(&self, overlay: &Overlay) -> Result<(), Error> {
        if overlay.opened.contains(&overlay.node) && self.is_attached(&overlay.node).await? {
            self.commit(overlay).await?;
        }
        for node in overlay.opened.iter().rev() {
            self.vm.close_node(node).await?;
        }
        Ok(())
    }

    /// Whether QEMU's process is seen to have ended. One that cannot be seen may still run.
    async fn has_ended(&self) -> Result<bool, Error> {
        let recording = &self.vm.settings().recording;
        let of = "whether QEMU has ended";
        let recalled = recording
            .recall(of)
            .map_err(|difference| self.vm.error(difference))?;
        let ended = match recalled {
            Some(ended) => ended,
            None => self.is_seen_ended().await,
        };
        recording.note(of, &ended);
        Ok(ended)
    }

    async fn is_seen_ended(&self) -> bool {
        let Some(server) = self.server else {
            return false;
        };
        for _ in 0..LAST_BREATH.as_millis() / LOOK.as_millis() {
            if server.has_ended() {
                return true;
            }
            sleep(LOOK).await;
        }
        false
    }

    /// Whether something was written to an image, as far as this host can tell.
    fn is_written(&self, image: &Image) -> Result<bool, Error> {
        let recording = &self.vm.settings().recording;
        recording
            .observe("whether an overlay is written", || image.is_written())
            .map_err(|difference| self.vm.error(difference))
    }

    async fn is_attached(&self, node: &str) -> Result<bool, Error> {
        let disks = self.vm.disks().await?;
        Ok(disks.iter().any(|disk| disk.node.as_deref() == Some(node)))
    }

    /// Brings what was written to an attached overlay back into its disk, which then takes its place again.
    async fn commit(&self, overlay: &Overlay) -> Result<(), Error> {
        let id = format!("qmpsh-undo-{}", self.vm.nonce()?);
        let arguments = object(json!({
            "job-id": id, "device": overlay.node, "top-node": overlay.node, "base-node": overlay.base,
            "auto-finalize": true, "auto-dismiss": false,
        }));
        self.vm.call("block-commit", arguments).await?;
        let job = self.vm.job(&id);
        job.wait(Some(COMMIT), |_| {}).await?;
        job.complete().await?;
        job.wait(Some(COMMIT), |_| {}).await.map(drop)
    }
}

impl Image {
    /// Whether something was written to it since it was made, as far as this host can tell.
    fn is_written(&self) -> bool {
        // One that is not known to have been empty was never finished, so nothing could be written to it.
        match (self.empty, length(&self.path)) {
            (Some(empty), Some(now)) => empty != now,
            _ => false,
        }
    }
}
