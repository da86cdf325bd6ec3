//! Taking overlays away again: from the VM that has them, or from the host when the VM has ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Overlay, Overlays, length};
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::object;
use serde_json::json;

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
        while let Some(mut overlay) = made.pop() {
            if let Err(why) = self.take_away(&mut overlay).await {
                left.push(format!(
                    "`{}` (node `{}`): {why}",
                    overlay.blank.path, overlay.blank.node
                ));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(self.vm.error(ErrorKind::Overlays(left.join("; "))))
    }

    /// The error says why it is left.
    async fn take_away(&self, overlay: &mut Overlay) -> Result<(), String> {
        if let Err(error) = self.detach(overlay).await {
            let words = |error: Error| error.kind.to_string();
            let is_refusal = error.is_refusal();
            let why = words(error);
            if is_refusal || !self.server.has_ended(&self.vm).await.map_err(words)? {
                return Err(why);
            }
            let image = overlay.blank.image.as_ref();
            if image.is_some_and(|image| image.as_os_str() != overlay.blank.path.as_str()) {
                return Err(why);
            }
            if image.is_some() && self.is_written(overlay).map_err(words)? {
                return Err("the VM has ended, and it holds what the guest wrote last".into());
            }
        }
        overlay.blank.remove(&self.vm)
    }

    /// Takes the overlay out of the VM, with its data brought down where it is attached.
    async fn detach(&self, overlay: &mut Overlay) -> Result<(), Error> {
        let Overlay { base, blank, .. } = overlay;
        if blank.opened.contains(&blank.node) && self.is_attached(&blank.node).await? {
            self.commit(&blank.node, base).await?;
        }
        blank.close(&self.vm).await
    }

    /// Whether something was written to an image, as far as this host can tell.
    fn is_written(&self, overlay: &Overlay) -> Result<bool, Error> {
        let recording = &self.vm.settings().recording;
        recording
            .observe("whether an overlay is written", || overlay.is_written())
            .map_err(|difference| self.vm.error(difference))
    }

    async fn is_attached(&self, node: &str) -> Result<bool, Error> {
        let disks = self.vm.disks().await?;
        Ok(disks.iter().any(|disk| disk.node.as_deref() == Some(node)))
    }

    /// Brings what was written to an attached overlay back into its disk, which then takes its place again.
    async fn commit(&self, node: &str, base: &str) -> Result<(), Error> {
        let id = format!("qmpsh-undo-{}", self.vm.nonce()?);
        let arguments = object(json!({
            "job-id": id, "device": node, "top-node": node, "base-node": base,
            "auto-finalize": true, "auto-dismiss": false,
        }));
        self.vm.call("block-commit", arguments).await?;
        let job = self.vm.job(&id);
        job.wait(Some(COMMIT), |_| {}).await?;
        job.complete().await?;
        job.wait(Some(COMMIT), |_| {}).await.map(drop)
    }
}

impl Overlay {
    /// Whether something was written to it since it was made, as far as this host can tell.
    fn is_written(&self) -> bool {
        // One that is not known to have been empty was never finished, so nothing could be written to it.
        match (self.empty, self.blank.image.as_deref().and_then(length)) {
            (Some(empty), Some(now)) => empty != now,
            _ => false,
        }
    }
}
